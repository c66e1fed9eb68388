// What one attempt was, and what one request was: values, made once when it is over (record.hpp)
// and then handed to whoever wants to know: counters, trace, log line. They hold views and own
// nothing, so making one allocates nothing; who keeps one beyond the call that it came in copies
// what it needs. On the worker of the request.
#pragma once

#include "metrics/series.hpp"
#include "net/timers.hpp"
#include "proxy/bill.hpp"
#include "proxy/course.hpp"
#include "proxy/log.hpp"
#include "wire/answer.hpp"
#include "wire/failure.hpp"

#include <boost/asio/ip/address.hpp>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace understudy::proxy {

/// One attempt that is over.
struct AttemptReport {
    std::string_view upstream;        // the configuration's name
    std::string_view model;           // asked for there
    std::string_view answered_model;  // as the upstream names it; empty: it did not say
    std::string_view service_tier;
    std::string_view detail;      // of a failure, in words, keys masked
    std::string_view moved_from;  // the upstream whose failure led here; empty: none did
    wire::FailureClass moved_why = wire::FailureClass::none;
    wire::AnswerShape shape = wire::AnswerShape::other_json;
    Cause cause = Cause::first;  // why there was an attempt
    std::uint16_t position = 0;  // in the chain
    std::uint32_t number = 1;    // of the request's attempts, in the order in which they began
    wire::FailureClass reason = wire::FailureClass::none;
    unsigned status = 0;  // 0: no answer
    bool served = false;  // its answer was good, or began as a good one
    bool ended = false;   // and it came to its end by itself
    bool event_stream = false;
    bool overtaken = false;        // another attempt answered first
    std::uint32_t deliveries = 0;  // times the request was sent: 0, 1, or 2 with a silent replay
    std::uint64_t bytes_sent = 0;  // head and body of one delivery
    std::uint64_t bytes_received = 0;
    net::TimePoint started{};
    std::chrono::nanoseconds took{0};
    std::chrono::nanoseconds first_token{-1};  // from the request sent on; negative: none came
    Bill bill;

    /// It began beside another one that was slow, and its answer was taken.
    bool hedge_won() const;
    /// It ended well and did not say what it used, though answers of its kind do.
    bool usage_missing() const;
};

/// Tokens of all attempts of a request together, and where the counts are from.
struct RequestUsage {
    metrics::TokenCounts tokens;  // guesses included; without the parts that are priced apart
    bool reported = false;
    bool estimated = false;
    void add(const Bill& attempt);
};

/// One request that is over.
struct RequestReport {
    std::string_view id;
    std::uint64_t no = 0;      // in the books
    bool id_given = false;     // a client chose the id
    std::string_view session;  // empty: none
    std::string_view key;      // name of the inbound key; empty: none
    std::string_view route;    // its label; empty: none was found
    std::string_view path;     // of the endpoint, without the query: people put keys there
    std::string_view model;    // asked for by the client
    metrics::Outcome outcome = metrics::Outcome::client_closed;
    unsigned status = 0;          // sent to the client, 0: none
    std::string_view error_code;  // of an error made here
    bool stream = false;
    bool broken = false;  // the answer had begun, and then broke
    std::uint32_t attempts = 0;
    std::uint32_t stale_replays = 0;
    std::string_view trace;
    std::string_view served_by;            // the upstream that answered
    std::string_view served_model;         // as that upstream names it
    RequestUsage usage;                    // of all attempts
    std::int64_t total_cost_pico_usd = 0;  // the same
    std::uint64_t bytes_received = 0;      // the request's body
    net::TimePoint received_at{};
    std::chrono::nanoseconds took{0};
    boost::asio::ip::address client;
};

/// "openai/gpt-4o": safe for headers and logs whatever the client called its model.
std::string attempt_name(std::string_view upstream, std::string_view model);
void append_attempt_name(std::string& out, std::string_view upstream, std::string_view model);
inline constexpr std::size_t kMaxNameInTrace = 128;
/// The part behind the slash.
class ModelName {
  public:
    /// Valid until the next call and as long as this lives.
    std::string_view of(std::string_view model);

  private:
    std::array<char, kMaxNameInTrace> text_;
};
void append_model_name(std::string& out, std::string_view model);
/// As much of a text as is kept, in whole characters; by itself, of a model's name anywhere.
std::string_view shortened(std::string_view text, std::size_t most = kMaxNameInTrace);

/// One attempt in x-understudy-trace: "openai/gpt-4o;rate_limit;429;112ms".
struct TraceEntry {
    std::string_view upstream, model;
    wire::FailureClass reason = wire::FailureClass::none;
    unsigned status = 0;
    std::chrono::nanoseconds took{0};
};
/// Adds an entry behind those that are there.
void append_trace(std::string& trace, const TraceEntry& entry);
/// The same for an entry that was passed over because it rests: "openai/gpt-4o;skipped;-;0ms".
void append_skipped(std::string& trace, std::string_view upstream, std::string_view model);
/// Puts another one in place of the entry number `place`, which has to be there.
void replace_trace(std::string& trace, std::size_t place, const TraceEntry& entry);

/// Counts an attempt with its tokens, its cost and its times. Its own worker's series only.
void count(const AttemptReport& report, metrics::AttemptSeries& series);
/// The request's line in the log: its level and its fields.
constexpr config::LogLevel log_level(metrics::Outcome outcome) {
    return outcome == metrics::Outcome::exhausted ? config::LogLevel::warn : config::LogLevel::info;
}
LogFields log_fields(const RequestReport& report);

}  // namespace understudy::proxy
