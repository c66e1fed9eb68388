// What is remembered of a request and of each of its attempts, and where it goes: counters,
// headers, one log line. Both records settle themselves when they go out of scope, so no way out is
// missed.
#pragma once

#include "metrics/series.hpp"
#include "proxy/inbound.hpp"
#include "proxy/local_error.hpp"
#include "proxy/runtime.hpp"
#include "upstreams/attempt.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace understudy::proxy {

/// "openai/gpt-4o": safe for headers and logs whatever the client called its model.
std::string attempt_name(std::string_view upstream, std::string_view model);
void append_attempt_name(std::string& out, std::string_view upstream, std::string_view model);
/// The part behind the slash.
void append_model_name(std::string& out, std::string_view model);

/// Tokens and cost of one attempt, or of all attempts of a request.
struct Bill {
    metrics::TokenCounts tokens;
    std::optional<std::int64_t> cost_pico_usd;
    bool reported = false;   // the upstream said so
    bool estimated = false;  // we guess, because it did not
};

/// Metered usage as a bill. A stream that was cut before its usage is estimated from what went by.
Bill bill_for(const upstreams::Metered& metered, bool stream_cut, std::uint64_t prompt_bytes,
              const metrics::ModelPrice* price);

/// One request: counts its outcome and writes its log line when it ends, however it ends.
class RequestRecord {
  public:
    RequestRecord(Runtime& runtime, const Inbound& request, const RuntimeRoute* route,
                  const bool& client_gone);
    ~RequestRecord();
    RequestRecord(const RequestRecord&) = delete;
    RequestRecord& operator=(const RequestRecord&) = delete;

    metrics::Outcome outcome = metrics::Outcome::client_closed;
    unsigned status = 0;          // sent to the client, 0: none
    std::string_view error_code;  // of a LocalError, static
    std::string trace;            // x-understudy-trace
    std::uint32_t attempts = 0;
    std::uint32_t stale_replays = 0;  // beside the attempts
    std::string_view served_by;       // upstream that answered; the configuration's
    std::string served_model;         // as that upstream names it
    Bill bill;                        // of the attempt that served
    std::int64_t total_cost_pico_usd = 0;
    std::chrono::nanoseconds waited{0};  // for upstreams
    bool delivered = false;              // the client has it all: what happens after is its affair
    bool whole = false;                  // a plain answer: overhead can be told
    bool broken = false;                 // the answer had begun, and then broke

    /// The client has the whole answer; the request's clock stops.
    void deliver();

  private:
    void write_line(std::chrono::nanoseconds took) const;

    Runtime& runtime_;
    const Inbound& request_;
    const RuntimeRoute* route_;
    const bool& client_gone_;
    upstreams::TimePoint delivered_at_{};
};

/// Accounts for one attempt when it goes out of scope: attempt, tokens, cost, durations.
class AttemptRecord {
  public:
    AttemptRecord(Runtime& runtime, RequestRecord& request, const Inbound& inbound,
                  const upstreams::AttemptSpec& spec, const upstreams::Attempt& attempt,
                  std::string_view sent_model);
    ~AttemptRecord();
    AttemptRecord(const AttemptRecord&) = delete;
    AttemptRecord& operator=(const AttemptRecord&) = delete;

    /// Adds this attempt to the request's trace; once, when it is known whether it answers. What
    /// becomes of the answer later is corrected when this ends, for the log.
    void trace();
    /// What this attempt costs as far as it is known now.
    const Bill& bill();

  private:
    void write_trace(wire::FailureClass failure);
    void correct_trace(wire::FailureClass failure);
    void tell_of_refused_key() const;

    Runtime& runtime_;
    RequestRecord& request_;
    const upstreams::AttemptSpec& spec_;
    const upstreams::Attempt& attempt_;
    std::string_view sent_model_;
    metrics::Operation operation_;
    Bill bill_;
    std::size_t trace_begin_ = 0;
    std::optional<wire::FailureClass> traced_;
    bool bill_is_final_ = false;  // of a whole answer: nothing can change it any more
};

/// Counts and logs a request that was refused before it had a route.
void reject(Runtime& runtime, const Inbound& request, const LocalError& error);

}  // namespace understudy::proxy
