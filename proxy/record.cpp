#include "proxy/record.hpp"

#include "proxy/log.hpp"
#include "wire/append.hpp"

#include <algorithm>
#include <array>

namespace understudy::proxy {

using metrics::Outcome;
using upstreams::Clock;
using upstreams::TimePoint;

namespace {

// One bound for the reader of usage and for the series.
static_assert(wire::kMaxTokenCount == metrics::kMaxTokensPerAnswer);

constexpr std::size_t kMaxNameInTrace = 128;
// What can stand in a trace, a header and a log as it is.
constexpr auto kPlainInTrace = [] {
    std::array<bool, 256> plain{};
    for (std::size_t c = '!'; c < 0x7f; ++c) plain[c] = true;
    for (const char c : {',', ';', '"', '\\'}) plain[static_cast<unsigned char>(c)] = false;
    return plain;
}();
constexpr std::uint64_t kBytesPerToken = 4;           // the usual rule of thumb for English text
constexpr std::uint64_t kMaxGuessedPrompt = 1 << 20;  // beyond it there are images, not words

std::uint64_t nanoseconds(Clock::duration d) {
    return static_cast<std::uint64_t>(
        std::max<std::int64_t>(0, std::chrono::duration_cast<std::chrono::nanoseconds>(d).count()));
}

std::uint64_t milliseconds(Clock::duration d) {
    return nanoseconds(d) / 1'000'000;
}

// The OpenTelemetry name of what an endpoint does.
metrics::Operation operation_of(const Inbound& request) {
    switch (request.endpoint.shape) {
        case wire::AnswerShape::chat:
        case wire::AnswerShape::responses:
            return metrics::Operation::chat;
        case wire::AnswerShape::completion:
            return metrics::Operation::text_completion;
        case wire::AnswerShape::embeddings:
            return metrics::Operation::embeddings;
        case wire::AnswerShape::images:
        case wire::AnswerShape::transcription:
        case wire::AnswerShape::opaque:
            return metrics::Operation::generate_content;
        case wire::AnswerShape::moderations:
        case wire::AnswerShape::other_json:
            break;
    }
    return metrics::Operation::other;
}

/// The client's address; empty where the connection has none.
std::string client_name(const Inbound& request) {
    return request.client.is_unspecified() ? std::string() : request.client.to_string();
}

metrics::TokenCounts disjoint(const wire::Usage& usage) {
    metrics::TokenCounts counts;
    const auto minus = [](std::uint64_t a, std::uint64_t b) { return a > b ? a - b : 0; };
    counts.cache_read = usage.cache_read;
    counts.cache_write = usage.cache_write;
    counts.input = minus(minus(usage.prompt, usage.cache_read), usage.cache_write);
    counts.reasoning = usage.reasoning;
    counts.output = minus(usage.completion, usage.reasoning);
    return counts;
}

}  // namespace

void append_model_name(std::string& out, std::string_view model) {
    const auto from = out.size();
    out.append(model.substr(0, kMaxNameInTrace));
    for (char* c = out.data() + from; c != out.data() + out.size(); ++c) {
        if (!kPlainInTrace[static_cast<unsigned char>(*c)]) *c = '_';
    }
}

std::string attempt_name(std::string_view upstream, std::string_view model) {
    std::string name;
    append_attempt_name(name, upstream, model);
    return name;
}

void append_attempt_name(std::string& out, std::string_view upstream, std::string_view model) {
    out += upstream;
    if (!model.empty()) append_model_name(out += '/', model);
}

Bill bill_for(const upstreams::Metered& metered, bool stream_cut, std::uint64_t prompt_bytes,
              const metrics::ModelPrice* price) {
    Bill bill;
    if (metered.usage) {
        bill.reported = true;
        bill.tokens = disjoint(*metered.usage);
        if (metered.usage->reported_cost_pico_usd) {
            bill.cost_pico_usd = static_cast<std::int64_t>(*metered.usage->reported_cost_pico_usd);
            return bill;
        }
    } else if (stream_cut) {
        // Servers send about one token per event; the prompt is known by its size only.
        bill.estimated = true;
        bill.tokens.output = metered.content_events;
        if (prompt_bytes <= kMaxGuessedPrompt) bill.tokens.input = prompt_bytes / kBytesPerToken;
    } else {
        return bill;
    }
    if (price != nullptr) {
        bill.cost_pico_usd = metrics::cost_pico_usd(*price, bill.tokens, metered.service_tier);
    }
    return bill;
}

RequestRecord::RequestRecord(Runtime& runtime, const Inbound& request, const RuntimeRoute* route,
                             const bool& client_gone)
    : runtime_(runtime), request_(request), route_(route), client_gone_(client_gone) {
    runtime_.shard().worker().inflight_requests.add(1);
}

RequestRecord::~RequestRecord() {
    runtime_.shard().worker().inflight_requests.add(-1);
    auto& series = route_ != nullptr ? *route_->series : runtime_.unrouted();
    if (client_gone_ && !delivered && outcome != Outcome::rejected) {
        outcome = Outcome::client_closed;
    }
    const auto end = delivered ? delivered_at_ : Clock::now();
    const auto took =
        std::chrono::duration_cast<std::chrono::nanoseconds>(end - request_.received_at);
    series.requests[static_cast<std::size_t>(outcome)].add();
    if (route_ != nullptr) {
        series.duration.observe(nanoseconds(took));
        if (whole)
            series.overhead.observe(
                nanoseconds(std::max(took - waited, std::chrono::nanoseconds::zero())));
    }
    const auto level =
        outcome == Outcome::exhausted ? config::LogLevel::warn : config::LogLevel::info;
    if (log_enabled(level)) write_line(took);
}

void RequestRecord::deliver() {
    if (client_gone_) return;
    delivered = true;
    delivered_at_ = Clock::now();
}

void RequestRecord::write_line(std::chrono::nanoseconds took) const {
    LogFields f;
    f.reserve(24);
    f.emplace_back("id", request_.request_id);
    // Without the query: people put keys there.
    f.emplace_back("path", request_.endpoint.path.substr(0, request_.endpoint.path.find('?')));
    f.emplace_back("model", request_.facts.model.substr(0, kMaxNameInTrace));
    if (route_ != nullptr) f.emplace_back("route", route_->route->model);
    f.emplace_back("outcome", std::string(metrics::name_of(outcome)));
    // The outcomes are a closed set, in which this one is "exhausted"; but it was answered.
    if (broken) f.emplace_back("ended", "broken");
    f.emplace_back("status", static_cast<std::uint64_t>(status));
    if (!error_code.empty()) f.emplace_back("code", error_code);
    f.emplace_back("ms", milliseconds(took));
    f.emplace_back("stream", request_.facts.stream);
    f.emplace_back("attempts", static_cast<std::uint64_t>(attempts));
    if (stale_replays > 0) {
        f.emplace_back("stale_replays", static_cast<std::uint64_t>(stale_replays));
    }
    if (!trace.empty()) f.emplace_back("trace", trace);
    if (!served_by.empty()) f.emplace_back("upstream", served_by);
    if (!served_model.empty()) f.emplace_back("served_model", served_model);
    if (bill.reported || bill.estimated) {
        const auto& t = bill.tokens;
        f.emplace_back("usage", bill.reported ? "reported" : "estimated");
        f.emplace_back("prompt_tokens", t.input + t.cache_read + t.cache_write);
        f.emplace_back("completion_tokens", t.output + t.reasoning);
        if (t.cache_read > 0) f.emplace_back("cache_read_tokens", t.cache_read);
        if (t.cache_write > 0) f.emplace_back("cache_write_tokens", t.cache_write);
        if (t.reasoning > 0) f.emplace_back("reasoning_tokens", t.reasoning);
    }
    if (total_cost_pico_usd > 0) {
        f.emplace_back("cost_usd", LogNumber{metrics::format_usd(total_cost_pico_usd)});
    }
    if (request_.key != nullptr) f.emplace_back("key", request_.key->name);
    f.emplace_back("client", client_name(request_));
    if (!request_.session.empty()) f.emplace_back("session", request_.session);
    log(outcome == Outcome::exhausted ? config::LogLevel::warn : config::LogLevel::info, "request",
        f);
}

AttemptRecord::AttemptRecord(Runtime& runtime, RequestRecord& request, const Inbound& inbound,
                             const upstreams::AttemptSpec& spec, const upstreams::Attempt& attempt,
                             std::string_view sent_model)
    : runtime_(runtime),
      request_(request),
      spec_(spec),
      attempt_(attempt),
      sent_model_(sent_model),
      operation_(operation_of(inbound)) {
    ++request_.attempts;
}

void AttemptRecord::trace() {
    trace_begin_ = request_.trace.size();
    traced_ = attempt_.failure();
    write_trace(attempt_.failure());
}

// An answer that had begun well, which is what its head told the client, and then did not end so.
void AttemptRecord::correct_trace(wire::FailureClass failure) {
    if (!traced_ || *traced_ == failure) return;
    request_.trace.resize(trace_begin_);
    write_trace(failure);
}

void AttemptRecord::write_trace(wire::FailureClass failure) {
    constexpr std::size_t kUsualEntry = 80;
    auto& out = request_.trace;
    out.reserve(out.size() + kUsualEntry);
    if (!out.empty()) out += ", ";
    append_attempt_name(out, spec_.upstream->name, sent_model_);
    out.append(1, ';').append(wire::name_of(failure)).append(1, ';');
    const auto status = attempt_.head().status;
    if (status != 0) {
        wire::append_number(out, status);
    } else {
        out += '-';
    }
    const auto end = attempt_.ended_at() != TimePoint{} ? attempt_.ended_at() : Clock::now();
    wire::append_number(out += ';', milliseconds(end - attempt_.started()));
    out += "ms";
}

const Bill& AttemptRecord::bill() {
    using State = upstreams::Attempt::State;
    if (bill_is_final_) return bill_;
    const auto state = attempt_.state();
    const auto& metered = attempt_.metered();
    // What ended well without usage is not guessed at: it is missing.
    const bool cut =
        (state == State::committed || state == State::broken) && metered.content_events > 0;
    // A price is looked up only for what can be billed.
    const auto* price = metered.usage || cut
                            ? runtime_.price(*spec_.upstream, metered.model, sent_model_)
                            : nullptr;
    bill_ = bill_for(metered, cut, spec_.body.size(), price);
    bill_is_final_ = state == State::whole;
    return bill_;
}

AttemptRecord::~AttemptRecord() {
    using State = upstreams::Attempt::State;
    const auto state = attempt_.state();
    auto failure = attempt_.failure();
    // Dropped while it was running, or while its answer was being relayed: the client left.
    if (state == State::running || state == State::committed) {
        failure = wire::FailureClass::client_closed;
    }
    correct_trace(failure);
    request_.broken = request_.broken || state == State::broken;
    const bool served = state == State::whole || state == State::finished ||
                        state == State::committed || state == State::broken;
    // Here and not at the start: by its first answer a model becomes a label.
    auto& series = runtime_.series(*spec_.upstream, sent_model_, operation_, served);
    const auto end = attempt_.ended_at() != TimePoint{} ? attempt_.ended_at() : Clock::now();
    series.attempts[static_cast<std::size_t>(failure)].add();
    if (attempt_.replayed()) {
        ++request_.stale_replays;
        runtime_.shard().stale_replays(spec_.upstream->name).add();
    }
    series.duration.observe(nanoseconds(end - attempt_.started()));
    request_.waited += end - attempt_.started();
    if (attempt_.first_token_at() != TimePoint{} && attempt_.event_stream()) {
        series.first_token.observe(nanoseconds(attempt_.first_token_at() - attempt_.sent_at()));
    }
    const auto& bill = this->bill();
    if (bill.reported || bill.estimated) {
        const auto source = bill.reported ? metrics::Source::reported : metrics::Source::estimated;
        series.add_usage(bill.tokens, source);
        if (bill.cost_pico_usd && *bill.cost_pico_usd > 0) {
            series.cost_pico_usd[static_cast<std::size_t>(source)].add(
                static_cast<std::uint64_t>(*bill.cost_pico_usd));
            request_.total_cost_pico_usd += *bill.cost_pico_usd;
        }
    }
    // An upstream that was not let to its end may have said it there.
    const bool ended = state == State::whole || state == State::finished;
    const bool counts_tokens =
        spec_.shape == wire::AnswerShape::chat || spec_.shape == wire::AnswerShape::completion ||
        spec_.shape == wire::AnswerShape::responses || spec_.shape == wire::AnswerShape::embeddings;
    if (ended && counts_tokens && !bill.reported) series.usage_missing.add();
    if (failure == wire::FailureClass::auth) tell_of_refused_key();
    if (served) {
        request_.bill = bill;
        request_.served_by = spec_.upstream->name;
        request_.served_model = attempt_.metered().model.substr(0, kMaxNameInTrace);
    }
}

/// A client cannot mend this one: the key is the operator's.
void AttemptRecord::tell_of_refused_key() const {
    const auto& upstream = *spec_.upstream;
    if (!upstream.api_key || !log_enabled(config::LogLevel::error)) return;
    if (!runtime_.key_refusals().due(upstream.name, Clock::now())) return;
    log(config::LogLevel::error, "key_refused",
        {{"upstream", upstream.name},
         {"status", static_cast<std::uint64_t>(attempt_.head().status)},
         {"message", "upstream " + upstream.name +
                         " refuses the api_key that the configuration has for it: check that the "
                         "key is valid and may use this model, then reload"}});
}

void reject(Runtime& runtime, const Inbound& request, const LocalError& error) {
    runtime.unrouted().requests[static_cast<std::size_t>(Outcome::rejected)].add();
    if (!log_enabled(config::LogLevel::info)) return;
    log(config::LogLevel::info, "rejected",
        {{"id", request.request_id},
         {"client", client_name(request)},
         {"status", static_cast<std::uint64_t>(error.status)},
         {"code", std::string(error.code)},
         {"message", error.message}});
}

}  // namespace understudy::proxy
