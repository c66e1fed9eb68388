#include "proxy/lane.hpp"

#include "config/presets.hpp"
#include "dialects/unsealed.hpp"
#include "proxy/pieces.hpp"
#include "wire/answer_traits.hpp"
#include "wire/missing_path.hpp"
#include "wire/several_answers.hpp"

#include <algorithm>

namespace understudy::proxy {

namespace {

Claim taken(Claim* claim) {
    return claim != nullptr ? std::move(*claim) : Claim();
}

constexpr double kNoJitter = 0;

// Nothing that would be learned of it is of use.
bool may_never_rest(const RuntimeEntry& entry) {
    return entry.breakers == nullptr && entry.keys == nullptr;
}

// Usage is asked for on the client's behalf, where the upstream is not known to mind.
bool asks_for_usage(const RuntimeEntry& entry, const Inbound& request, const Runtime& runtime,
                    std::string_view model) {
    const auto& facts = request.facts;
    if (!facts.stream || !request.endpoint.streams || facts.include_usage) return false;
    const auto* const preset = entry.upstream->preset;
    if (preset != nullptr && preset->quirks.refuses_stream_options) return false;
    return !runtime.usage_refusals().contains(*entry.upstream, model);
}

}  // namespace

static upstreams::AttemptSpec spec_for(const LaneSpec& lane, const Runtime& runtime,
                                       const Inbound& request, const SentModel& sent,
                                       Translated* translated) {
    const auto& entry = *lane.entry;
    const auto& config = runtime.config();
    upstreams::AttemptSpec spec;
    spec.upstream = entry.upstream;
    spec.peer = entry.peer.get();
    spec.head_template = entry.head.get();
    spec.head.method = request.head.method;
    spec.head.path = request.endpoint.path;
    if (lane.asked != nullptr) spec.head.base_path = lane.asked->base_path;
    spec.head.action = request.endpoint.action;
    spec.head.client = &request.head;
    spec.head.model = sent.name();
    spec.head.request_id = request.request_id;
    // A key of this proxy never travels; a client's own credentials do where the upstream has none.
    spec.head.forward_credentials = !entry.upstream->has_key() && config.keys.empty();
    spec.body = lane.asked != nullptr ? std::string_view(lane.asked->body) : request.body;
    spec.facts = lane.asked != nullptr ? &lane.asked->facts : &request.facts;
    spec.shape = request.endpoint.shape;
    // In a body that does not name the model it is not put where the path does.
    const bool in_path = wire::traits_of(spec.shape).model_in_path;
    if (in_path ? !request.facts.model_values.empty()
                : request.facts.has_model || request.facts.json) {
        if (const auto* const own = sent.replacement()) spec.model = *own;
    }
    spec.stream = request.facts.stream;
    spec.several_choices =
        spec.stream && wire::several_answers(spec.shape, request.body, request.facts);
    if (spec.stream) spec.closings = closings_of(request);
    spec.several_choices |= spec.closings != 1;
    spec.inject_usage = !lane.without_usage && asks_for_usage(entry, request, runtime, sent.name());
    spec.decode = lane.decode;
    spec.quality = lane.quality;
    spec.small_window = lane.small_window;
    spec.buffer_response = config.limits.buffer_response_bytes;
    spec.header_bytes = config.limits.header_bytes;
    spec.header_count = config.limits.header_count;
    spec.deadline = lane.deadline;
    spec.rewritten = lane.cause == Cause::rescue;  // the rest is told in the words of what broke
    if (translated != nullptr) translated->put_into(spec);
    return spec;
}

// Null where the upstream is asked in the client's own words.
static std::unique_ptr<Translated> translation_for(const LaneSpec& lane, Runtime& runtime,
                                                   const Inbound& request, const SentModel& sent) {
    const auto shape = request.endpoint.shape;
    const auto& upstream = *lane.entry->upstream;
    if (wire::traits_of(shape).served_by.contains(upstream.dialect)) {
        if (shape != wire::AnswerShape::responses || upstream.dialect != wire::Dialect::chat ||
            !(lane.without_responses || runtime.responses_refusals().contains(upstream, {}))) {
            return nullptr;
        }
    }
    return std::make_unique<Translated>(lane, request, runtime, sent.name());
}

Lane::Lane(const LaneSpec& lane, Runtime& runtime, RequestRecord& request_record, Inbound& request,
           const bool& client_gone)
    : entry_(lane.entry),
      position_(lane.position),
      cause_(lane.cause),
      rung_(lane.rung),
      without_usage_(lane.without_usage),
      without_responses_(lane.without_responses),
      request_(request),
      sent_(*entry_, request.facts.model),
      admission_(may_never_rest(*entry_)
                     ? Admission()
                     : Admission(runtime, *entry_, sent_.name(), net::Clock::now(), lane.tried,
                                 taken(lane.claim))),
      translated_(translation_for(lane, runtime, request, sent_)),
      spec_(spec_for(lane, runtime, request, sent_, translated_.get())),
      attempt_(spec_, signal_, client_gone),
      record_(runtime, request_record, request, spec_, attempt_, sent_.name(), position_, cause_),
      task_(attempt_.run()) {
    spec_.head.key = admission_.key();
    if (entry_->inflight != nullptr) ++*entry_->inflight;
}

bool Lane::can_ask(const LaneSpec& lane, Runtime& runtime, const Inbound& request) {
    const SentModel sent(*lane.entry, request.facts.model);
    const auto translated = translation_for(lane, runtime, request, sent);
    upstreams::AttemptSpec spec;
    if (translated != nullptr) translated->put_into(spec);
    return spec.refused == wire::FailureClass::none;
}

std::optional<wire::AnswerLimit> Lane::own_limit() const {
    if (spec_.facts == nullptr || spec_.facts == &request_.facts) return std::nullopt;
    return wire::answer_limit(spec_.body, *spec_.facts);
}

Lane::~Lane() {
    if (entry_->inflight != nullptr) --*entry_->inflight;
    // What fails behind its commit, or ends well, is not decided on any more.
    if (!admission_.settled()) settle(false, kNoJitter);
}

bool Lane::lacks_responses() const {
    return spec_.shape == wire::AnswerShape::responses && !without_responses_ &&
           entry_->upstream->dialect == wire::Dialect::chat && attempt_.answered() &&
           wire::says_path_is_missing(attempt_.head().status, attempt_.body(), sent_.name());
}

bool Lane::sends_seals() const {
    return translated_ == nullptr ||
           !dialects::without_seals(entry_->upstream->dialect, spec_.body).empty();
}

// A client's own credentials are used where neither the upstream nor this proxy has any.
upstreams::Account Lane::account() const {
    if (entry_->head->own_credentials()) return upstreams::Account::own;
    if (!spec_.head.forward_credentials) return upstreams::Account::none;
    const auto& fields = request_.head.fields;
    const bool shown = std::any_of(fields.begin(), fields.end(), [](const auto& field) {
        return wire::kCredentials.contains(field.id);
    });
    return shown ? upstreams::Account::client : upstreams::Account::none;
}

void Lane::settle(bool waited_for, double random) {
    using State = upstreams::Attempt::State;
    const auto state = attempt_.state();
    // Dropped in the middle of its work: nothing has come of it.
    if (state == State::running || state == State::committed) return;
    upstreams::AttemptResult result;
    result.failure = attempt_.failure();
    result.retry_after = attempt_.retry_after();
    result.account = account();
    result.one_request = attempt_.refused_this_request();
    constexpr unsigned kForbidden = 403;
    result.forbidden = attempt_.head().status == kForbidden;
    result.waited_for = waited_for;
    // The time that was up was the client's own, or had been spent on others.
    result.cut_short = attempt_.request_deadline_hit() &&
                       (cause_ != Cause::first || request_.deadline.has_value());
    result.started = attempt_.started();
    admission_.settle(result, sent_.name(), net::Clock::now(), random);
}

}  // namespace understudy::proxy
