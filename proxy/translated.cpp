#include "proxy/translated.hpp"

#include "config/context_window.hpp"
#include "config/presets.hpp"
#include "proxy/answer_head.hpp"
#include "proxy/auth.hpp"
#include "proxy/lane.hpp"
#include "wire/answer_limit.hpp"
#include "wire/answer_traits.hpp"
#include "wire/append.hpp"
#include "wire/inflate.hpp"

#include <algorithm>
#include <ctime>

namespace understudy::proxy {

using wire::Dialect;
using wire::FailureClass;

namespace {

constexpr std::size_t kLargestError = 1 << 20;
constexpr const char* kUnreadable = "an event that is no JSON object cannot be translated";

// OpenAI's newer models refuse the old name, most other servers know nothing else. What a preset's
// service calls it in truth is put right behind this, with its other peculiarities.
bool knows_completion_tokens(const config::Upstream& upstream) {
    const auto* const openai = config::find_preset("openai");
    if (upstream.preset != nullptr && upstream.preset != openai) return true;
    return openai->hosts.contains(upstream.base_url.host);
}

dialects::Target target_of(const LaneSpec& lane, Runtime& runtime, std::string_view model) {
    const auto& upstream = *lane.entry->upstream;
    const auto* const preset = upstream.preset;
    dialects::Target target;
    target.dialect = upstream.dialect;
    target.model = model;
    target.max_output = runtime.max_output(upstream, model);
    target.completion_tokens = knows_completion_tokens(upstream);
    target.ask_usage = !lane.without_usage &&
                       !(preset != nullptr && preset->quirks.refuses_stream_options) &&
                       !runtime.usage_refusals().contains(upstream, model);
    if (preset != nullptr && preset->takes_reasoning) target.thinking = preset->reasoning;
    target.nine_letter_ids = preset != nullptr && preset->quirks.nine_letter_ids;
    target.repairs = runtime.learnt_repairs().of(upstream, model);
    if (lane.repairs != nullptr) target.repairs.add(*lane.repairs);
    return target;
}

dialects::Ask ask_of(const LaneSpec& lane, const Inbound& request) {
    dialects::Ask ask;
    ask.shape = request.endpoint.shape;
    ask.body = lane.asked != nullptr ? std::string_view(lane.asked->body) : request.body;
    ask.model = request.facts.model;
    ask.stream = request.facts.stream;
    ask.include_usage = request.facts.include_usage;
    ask.created = std::time(nullptr);
    ask.id = request.request_id;
    return ask;
}

}  // namespace

Translated::Translated(const LaneSpec& lane, const Inbound& request, Runtime& runtime,
                       std::string_view model)
    : mended_(lane.repairs != nullptr ? *lane.repairs : dialects::Repairs()),
      tells_it_again_(request.endpoint.dialect == Dialect::responses),
      reads_comments_(request.endpoint.dialect != Dialect::gemini),
      charge_(lane.entry->peer->context().budget) {
    const auto& upstream = *lane.entry->upstream;
    auto ask = ask_of(lane, request);
    const auto seed = new_answer_seed(request);
    ask.seed = seed;
    if (!dialects::can_translate(ask.shape, upstream.dialect)) {
        refused_ = FailureClass::unsupported;
        because_ = "it speaks " + std::string(wire::name_of(upstream.dialect)) + ", not " +
                   std::string(wire::name_of(request.endpoint.dialect));
        return;
    }
    const auto& target = target_ = target_of(lane, runtime, model);
    lowered_ = mended_.max_output != 0;
    std::optional<dialects::Problem> problem;
    const bool room = charge_.set(ask.body.size());
    if (room) problem = dialects::translate(ask, target, outgoing_, way_back_);
    ask_ = ask;
    ask_.seed = {};  // which is of this answer, and lives no longer
    if (problem) {
        const bool bad = problem->kind == dialects::Problem::Kind::bad_request;
        refused_ = bad ? FailureClass::bad_request : FailureClass::unsupported;
        because_ = std::move(problem->what);
        return;
    }
    asked_.body = std::move(outgoing_.body);
    if (!room || !charge()) {
        refused_ = FailureClass::overloaded;
        because_ = upstreams::kOutOfMemory;
        return;
    }
    // As deep as can be read here, it may be deeper in the other API's words.
    if (wire::scan_request(asked_.body, asked_.facts)) {
        refused_ = FailureClass::unsupported;
        because_ = "its JSON is nested too deeply to be translated";
        return;
    }
    // Nothing that a client wrote may say twice what was decided by its keys and limits.
    if (!asked_.facts.ambiguous.empty()) {
        refused_ = FailureClass::unsupported;
        because_ = "its translation says a member twice";
        return;
    }
    asks_usage_ = ask.stream && target.ask_usage && upstream.dialect == Dialect::chat;
    if (!lane.entry->head->own_credentials()) client_key_ = offered_key(request);
}

bool Translated::charge() {
    const auto gathered = way_back_ != nullptr ? way_back_->gathered() : 0;
    return charge_.set(asked_.body.size() + out_.capacity() + told_ + gathered);
}

void Translated::put_into(upstreams::AttemptSpec& spec) {
    spec.refused = refused_;
    spec.refused_because = because_;
    if (refused_ != FailureClass::none) return;
    spec.shape = outgoing_.shape;
    spec.body = asked_.body;
    spec.facts = &asked_.facts;
    spec.model.reset();  // it has been written already
    spec.head.path = outgoing_.path;
    spec.head.action = outgoing_.action;
    spec.head.other_api = true;
    spec.head.client_key = client_key_;
    spec.several_choices = false;
    spec.inject_usage = false;
    spec.asks_usage = asks_usage_;
    spec.decode = true;
    spec.rewritten = true;
    spec.check = this;
}

// The events at the front of `rest` that repeat the one before them.
void Translated::take_repeats(std::string_view& rest) {
    while (trouble_ == nullptr) {
        const auto size = way_back_->repeat(rest, out_);
        if (size == 0) return;
        rest.remove_prefix(size);
        trouble_ = way_back_->lost();
    }
}

std::string_view Translated::take(const net::GatherList& data, bool ended, bool known) {
    out_.clear();
    wire::SseEvent event;
    for (std::size_t i = 0; i < data.count(); ++i) {
        const auto& item = data.items()[i];
        std::string_view rest(static_cast<const char*>(item.iov_base), item.iov_len);
        const bool last = ended && i + 1 == data.count();
        const auto more = [&] {
            // Nothing that stands behind an event which cannot be read is told.
            if (trouble_ != nullptr) return false;
            return scanner_.next(rest, event) || (last && scanner_.finish(rest, event));
        };
        for (;;) {
            if (known && scanner_.between()) take_repeats(rest);
            if (!more()) break;
            rest.remove_prefix(event.raw.size());
            if (event.has_data) {
                if (!way_back_->event(event, out_, known)) {
                    trouble_ = way_back_->lost() != nullptr ? way_back_->lost() : kUnreadable;
                }
            } else if (event.raw.starts_with(':') && reads_comments_) {
                out_ += event.raw;  // a comment says the same in any API: that it goes on
            }
            if (last && rest.empty()) break;
        }
    }
    if (ended && trouble_ == nullptr) {
        way_back_->end(out_);
        trouble_ = way_back_->lost();
    }
    if (tells_it_again_) told_ += data.bytes();
    if (!charge()) trouble_ = upstreams::kOutOfMemory;
    return out_;
}

const char* Translated::problem(std::string_view body) {
    out_ = way_back_->whole(body);
    static_cast<void>(charge());  // it is on its way out: to refuse it now would save nothing
    return way_back_->lost();
}

dialects::Repairs Translated::repairs_for(std::string_view error_body) {
    const auto limit = wire::answer_limit(asked_.body, asked_.facts).tokens;
    auto found = dialects::repairs_for(error_body, asked_.body, limit);
    // Where the first number that it named was not the limit, this may be none of the model's
    // either.
    found.limit_once = found.max_output != 0 && lowered_;
    auto repairs = target_.repairs;
    repairs.add(found);
    const bool other = repairs != target_.repairs && says_otherwise(repairs);
    return other ? repairs : dialects::Repairs();
}

// Whether the request comes out otherwise with these, or not at all.
bool Translated::says_otherwise(const dialects::Repairs& repairs) {
    if (!charge_.set(asked_.body.size() + ask_.body.size())) return false;
    auto target = target_;
    target.repairs = repairs;
    dialects::Outgoing again;
    std::unique_ptr<dialects::Translation> way_back;
    const bool other =
        dialects::translate(ask_, target, again, way_back).has_value() || again.body != asked_.body;
    static_cast<void>(charge());  // less than there was
    return other;
}

std::string Translated::error(std::string_view body, const wire::ErrorCause& cause) const {
    std::string decoded;
    if (body.starts_with("\x1f\x8b")) {  // gzip, although none was asked for
        const bool whole = wire::inflate_whole(body, kLargestError, decoded);
        body = whole ? std::string_view(decoded) : std::string_view();
    }
    // Of what cannot be read at all the status is left.
    const bool text = std::none_of(body.begin(), body.end(),
                                   [](char c) { return static_cast<unsigned char>(c) < '\t'; });
    return way_back_->error(text ? body : std::string_view(), cause);
}

std::string Translated::error_event(std::string_view data) {
    std::string event;
    return way_back_->event(data, "error", event) ? event : std::string();
}

void Translated::adapt(upstreams::AnswerHead& head, bool events) {
    head.fields = without_fields(head.fields, {"content-type", "content-encoding"});
    wire::append_field(head.fields, "content-type",
                       events ? "text/event-stream; charset=utf-8" : "application/json");
}

std::string Translated::dropped() const {
    std::string names;
    for (const auto& member : outgoing_.dropped) {
        // Names may be the client's own.
        const bool plain = std::all_of(member.begin(), member.end(),
                                       [](char c) { return c > ' ' && c < '\x7f' && c != ','; });
        if (plain) names += (names.empty() ? "" : ", ") + member;
    }
    if (way_back_ != nullptr && way_back_->left_out() != nullptr)
        names.append(names.empty() ? "" : ", ").append(way_back_->left_out());
    return names;
}

}  // namespace understudy::proxy
