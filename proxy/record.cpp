#include "proxy/record.hpp"

#include "config/presets.hpp"
#include "proxy/books.hpp"
#include "proxy/log.hpp"
#include "proxy/pieces.hpp"
#include "proxy/quota.hpp"
#include "wire/answer_traits.hpp"

#include <algorithm>
#include <utility>

namespace understudy::proxy {

using metrics::Outcome;
using net::Clock;
using net::TimePoint;
using State = upstreams::Attempt::State;

namespace {

// The operations of the table of answers in the words of the series, in the same order.
metrics::Operation operation_of(wire::AnswerShape shape) {
    using enum wire::Operation;
    static_assert(static_cast<int>(chat) == static_cast<int>(metrics::Operation::chat) &&
                  static_cast<int>(text_completion) ==
                      static_cast<int>(metrics::Operation::text_completion) &&
                  static_cast<int>(embeddings) ==
                      static_cast<int>(metrics::Operation::embeddings) &&
                  static_cast<int>(generate_content) ==
                      static_cast<int>(metrics::Operation::generate_content) &&
                  static_cast<int>(other) == static_cast<int>(metrics::Operation::other));
    return static_cast<metrics::Operation>(wire::traits_of(shape).operation);
}

// The memory of a trace that is over serves the worker's next one.
thread_local std::string spare_trace;
constexpr std::size_t kMostSpare = 1024;

constexpr const char* kCutOff = "cut when the time to drain was over (drain)";

TimePoint end_of(const upstreams::Attempt& attempt) {
    return attempt.ended_at() != TimePoint{} ? attempt.ended_at() : Clock::now();
}

}  // namespace

RequestRecord::RequestRecord(Runtime& runtime, const Inbound& request, const RuntimeRoute* route,
                             const bool& client_gone, const bool& cut_off)
    : trace(std::move(spare_trace)),
      runtime_(runtime),
      request_(request),
      route_(route),
      client_gone_(client_gone),
      cut_off_(cut_off) {
    runtime_.shard().worker().inflight_requests.add(1);
}

RequestRecord::~RequestRecord() {
    settle();
    if (trace.capacity() > kMostSpare) return;
    trace.clear();
    spare_trace = std::move(trace);
}

void RequestRecord::settle() {
    if (settled_) return;
    settled_ = true;
    runtime_.shard().worker().inflight_requests.add(-1);
    auto& series = route_ != nullptr ? *route_->series : runtime_.unrouted();
    if (client_gone_ && !delivered && outcome != Outcome::rejected) {
        outcome = cut_off_ ? Outcome::exhausted : Outcome::client_closed;
    }
    const auto end = delivered ? delivered_at_ : Clock::now();
    const auto took =
        std::chrono::duration_cast<std::chrono::nanoseconds>(end - request_.received_at);
    const auto count = [](std::chrono::nanoseconds d) {
        return static_cast<std::uint64_t>(std::max<std::int64_t>(0, d.count()));
    };
    series.requests[static_cast<std::size_t>(outcome)].add();
    if (route_ != nullptr) {
        series.duration.observe(count(took));
        if (whole) series.overhead.observe(count(took - waited));
    }
    // One that named no route is counted, and no row: whoever may knock could fill the disk.
    auto* const books = route_ != nullptr ? runtime_.books() : nullptr;
    const bool logged = log_enabled(log_level(outcome));
    if (!logged && books == nullptr) return;
    auto report = this->report(took);
    if (books != nullptr) report.no = no_in(*books);
    if (logged) log(log_level(outcome), "request", log_fields(report));
    if (books != nullptr) books->put(report);
}

std::uint64_t RequestRecord::no_in(Books& books) {
    if (no_ == 0) no_ = books.next_no();
    return no_;
}

void RequestRecord::deliver() {
    if (client_gone_) return;
    delivered = true;
    delivered_at_ = Clock::now();
}

RequestReport RequestRecord::report(std::chrono::nanoseconds took) const {
    RequestReport r;
    r.id = request_.request_id;
    r.id_given = request_.id_given;
    r.session = request_.session;
    if (request_.key != nullptr) r.key = request_.key->name;
    if (route_ != nullptr) r.route = route_->label;
    const auto& path = request_.endpoint.path;
    r.path = path.substr(0, path.find('?'));
    r.model = request_.facts.model;
    r.outcome = outcome;
    r.status = status;
    r.error_code = error_code;
    r.stream = request_.facts.stream;
    r.broken = broken;
    r.attempts = attempts;
    r.stale_replays = stale_replays;
    r.trace = trace;
    r.served_by = served_by;
    r.served_model = served_model;
    r.usage = usage;
    r.total_cost_pico_usd = total_cost_pico_usd;
    r.bytes_received = request_.body.size();
    r.received_at = request_.received_at;
    r.took = took;
    r.client = request_.client;
    return r;
}

AttemptRecord::AttemptRecord(Runtime& runtime, RequestRecord& request, const Inbound& inbound,
                             const upstreams::AttemptSpec& spec, const upstreams::Attempt& attempt,
                             std::string_view sent_model, std::size_t position, Cause cause)
    : runtime_(runtime),
      request_(request),
      spec_(spec),
      attempt_(attempt),
      sent_model_(sent_model),
      operation_(operation_of(inbound.endpoint.shape)),
      cause_(cause),
      position_(static_cast<std::uint16_t>(position)),
      number_(++request.attempts),
      moved_from_(request.moved_from_),
      moved_why_(request.moved_why_) {
    request_.moved_from_ = {};
    runtime_.inflight(*spec.upstream).add(1);
}

bool AttemptRecord::in_the_middle() const {
    return attempt_.state() == State::running || attempt_.state() == State::committed;
}

TraceEntry AttemptRecord::trace_entry(wire::FailureClass reason) const {
    return {spec_.upstream->name, sent_model_, reason, attempt_.head().status,
            end_of(attempt_) - attempt_.started()};
}

void AttemptRecord::trace() {
    traced_ = dropped_ && in_the_middle() ? *dropped_ : attempt_.failure();
    trace_place_ = request_.traced_++;
    append_trace(request_.trace, trace_entry(*traced_));
}

// How it ended, for its bill.
Ending AttemptRecord::ending() const {
    switch (attempt_.state()) {
        case State::whole:
        case State::finished:
            return Ending::finished;
        case State::committed:
        case State::broken:
            return Ending::cut;
        case State::failed:
            // It broke before it was committed, in the read that would have committed it.
            if (attempt_.metered().content_events > 0) return Ending::cut;
            break;
        default:
            break;
    }
    // The provider goes on, and bills what had come to it.
    const bool sent = attempt_.sent_at() != TimePoint{};
    return sent && dropped_ == wire::FailureClass::dropped ? Ending::overtaken : Ending::none;
}

// Only what is cut short needs one; then the request is looked at again.
std::optional<Estimate> AttemptRecord::estimate() {
    const auto& metered = attempt_.metered();
    if (!needs_estimate(metered, ending())) return std::nullopt;
    Estimate estimate;
    if (!metered.usage || metered.usage->prompt == 0) {
        if (!prompt_estimate_) prompt_estimate_ = estimated_prompt(spec_.body, spec_.facts);
        estimate.prompt = *prompt_estimate_;
    }
    estimate.completion = estimated_completion(spec_.shape, metered);
    return estimate;
}

namespace {

// What an endpoint for pictures puts out are pictures, whether its usage says so or not: OpenAI's
// has details of the output for some models only.
[[gnu::cold]] upstreams::Metered with_pictures(upstreams::Metered metered) {
    auto& usage = metered.usage;
    if (usage && usage->image_output == 0) {
        usage->image_output = static_cast<std::uint32_t>(usage->completion - usage->reasoning);
    }
    return metered;
}

}  // namespace

const Bill& AttemptRecord::bill() {
    if (bill_is_final_) return bill_;
    const auto& metered = attempt_.metered();
    const auto estimate = this->estimate();
    const bool served =
        ending() == Ending::finished && attempt_.failure() == wire::FailureClass::none;
    // A price is looked up only for what can be billed.
    const auto* price = metered.usage || estimate || served
                            ? runtime_.price(*spec_.upstream, metered.model, sent_model_)
                            : nullptr;
    metrics::Pieces pieces;
    if (price != nullptr && (price->per_request || price->per_image) && served) {
        pieces = pieces_of(request_.request_);
    }
    const auto* const preset = spec_.upstream->preset;
    const bool beside = preset != nullptr && preset->quirks.reasoning_beside;
    bill_ = spec_.shape == wire::AnswerShape::images
                ? bill_for(with_pictures(metered), estimate, price, pieces, beside)
                : bill_for(metered, estimate, price, pieces, beside);
    bill_is_final_ = attempt_.state() == State::whole;
    return bill_;
}

AttemptReport AttemptRecord::report() {
    const auto state = attempt_.state();
    AttemptReport r;
    r.upstream = spec_.upstream->name;
    r.model = sent_model_;
    r.answered_model = attempt_.metered().model;
    r.service_tier = attempt_.metered().service_tier;
    r.detail = attempt_.detail();
    r.shape = spec_.shape;
    r.cause = cause_;
    r.position = position_;
    r.number = number_;
    r.moved_from = moved_from_;
    r.moved_why = moved_why_;
    r.overtaken = dropped_ == wire::FailureClass::dropped;
    // Dropped while it was running, or while its answer was being relayed.
    r.reason =
        in_the_middle() ? dropped_.value_or(wire::FailureClass::client_closed) : attempt_.failure();
    // It was this process whose time was up.
    if (request_.cut_off_ && r.reason == wire::FailureClass::client_closed) {
        r.reason = wire::FailureClass::overloaded;
        r.detail = kCutOff;
    }
    r.status = attempt_.head().status;
    r.ended = state == State::whole || state == State::finished;
    r.served = r.ended || state == State::committed || state == State::broken;
    r.event_stream = attempt_.event_stream();
    const bool sent = attempt_.sent_at() != TimePoint{};
    r.deliveries = attempt_.replayed() ? 2U : sent ? 1U : 0U;
    r.bytes_sent = sent ? attempt_.request_bytes() : 0;
    r.bytes_received = attempt_.bytes_received();
    r.started = attempt_.started();
    r.took = end_of(attempt_) - attempt_.started();
    if (attempt_.first_token_at() != TimePoint{}) {
        r.first_token = attempt_.first_token_at() - attempt_.sent_at();
    }
    r.bill = bill();
    return r;
}

void AttemptRecord::money(std::unique_ptr<AttemptMoney> money) {
    money_ = std::move(money);
}

AttemptRecord::~AttemptRecord() {
    runtime_.inflight(*spec_.upstream).add(-1);
    settle();
}

void AttemptRecord::settle() {
    if (settled_) return;
    settled_ = true;
    const auto report = this->report();
    // An answer that had begun well, which is what its head told the client, and then did not end
    // so.
    if (traced_ && *traced_ != report.reason) {
        replace_trace(request_.trace, trace_place_, trace_entry(report.reason));
    }
    // Here and not at the start: by its first answer a model becomes a label.
    auto& series = runtime_.series(*spec_.upstream, sent_model_, operation_, report.served);
    count(report, series);
    count_moves(report);
    if (runtime_.books() != nullptr) put_in_books(report, series);
    // Behind the books: who reads the ledger to complete a purse finds there what it lacks.
    if (request_.quota != nullptr) {
        request_.quota->settle(report, money_.get());
    } else if (!request_.request_.session.empty()) {
        Quota::settle_late(report, runtime_, request_.request_);
    }
    if (attempt_.replayed()) runtime_.shard().stale_replays(spec_.upstream->name).add();
    add_to_request(report);
    if (report.reason == wire::FailureClass::auth) tell_of_refused_key();
    if (report.bill.unpriced()) tell_of_missing_price();
}

// How it came about, and what became of it beside others. Like everything else about it when it is
// over: so that what a killed process had counted is what the ledger knows.
void AttemptRecord::count_moves(const AttemptReport& report) const {
    if (!report.moved_from.empty()) {
        runtime_.failovers(report.moved_from, report.upstream, report.moved_why).add();
    }
    if (report.cause != Cause::hedge && !report.overtaken) return;
    auto& series = *request_.route_->series;
    if (report.cause == Cause::hedge) series.hedges_started.add();
    if (report.hedge_won()) series.hedges_won.add();
    if (report.overtaken) series.hedge_tokens.add(report.bill.tokens.total());
}

void AttemptRecord::add_to_request(const AttemptReport& report) {
    request_.broken = request_.broken || attempt_.state() == State::broken;
    request_.stale_replays += attempt_.replayed() ? 1 : 0;
    request_.waited += report.took;
    const auto cost = report.bill.cost_pico_usd.value_or(0);
    if (cost > 0) {
        request_.total_cost_pico_usd += cost;
        request_.priced_by = report.bill.priced_by;
    }
    request_.usage.add(report.bill);
    if (!report.served) return;
    request_.served_by = report.upstream;
    request_.served_model = shortened(report.answered_model);
}

void AttemptRecord::put_in_books(const AttemptReport& report,
                                 const metrics::AttemptSeries& series) const {
    AttemptContext context;
    if (request_.route_ != nullptr) context.route = request_.route_->label;
    context.series = &series;
    context.request_no = request_.no_in(*runtime_.books());
    context.prices = runtime_.config().prices.get();
    runtime_.books()->put(report, request_.request_, context);
}

/// A client cannot mend this one: the key is the operator's. What it says it can.
void AttemptRecord::tell_of_refused_key() const {
    const auto& upstream = *spec_.upstream;
    if (attempt_.refused_this_prompt()) return;
    if (!upstream.has_key() || !log_enabled(config::LogLevel::error)) return;
    if (!runtime_.key_refusals().due(upstream.name, Clock::now())) return;
    log(config::LogLevel::error, "key_refused",
        {{"upstream", upstream.name},
         {"status", static_cast<std::uint64_t>(attempt_.head().status)},
         {"message", "upstream " + upstream.name + " refuses the " +
                         (upstream.aws ? "AWS keys" : "api_key") +
                         " that the configuration has for it: check that the "
                         "key is valid and may use this model, then reload"}});
}

void AttemptRecord::tell_of_missing_price() const {
    if (!log_enabled(config::LogLevel::warn)) return;
    const auto& upstream = *spec_.upstream;
    const auto model = shortened(sent_model_);
    if (!runtime_.unpriced_is_news(upstream, model)) return;
    log(config::LogLevel::warn, "unpriced",
        {{"upstream", upstream.name},
         {"model", std::string(model)},
         {"message",
          "no price is known for " + attempt_name(upstream.name, model) +
              ": its tokens are counted, their cost is not; set `price` at the upstream, "
              "or name a file in `prices` that has it"}});
}

void reject(Runtime& runtime, const Inbound& request, const LocalError& error) {
    runtime.unrouted().requests[static_cast<std::size_t>(Outcome::rejected)].add();
    if (!log_enabled(config::LogLevel::info)) return;
    const bool known = !request.client.is_unspecified();
    log(config::LogLevel::info, "rejected",
        {{"id", request.request_id},
         {"client", known ? request.client.to_string() : std::string()},
         {"status", static_cast<std::uint64_t>(error.status)},
         {"code", std::string(error.code)},
         {"message", error.message}});
}

}  // namespace understudy::proxy
