// What can be asked of a ledger: sums, lists and single requests, as values of their own. For who
// only reads: a connection of its own for each question, in a thread that may wait for the disk.
#pragma once

#include "ledger/store.hpp"
#include "ledger/sums.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace understudy::ledger {

/// What usage is summed by.
enum class By : std::uint8_t { model, upstream, route, key, session, day };
inline constexpr std::size_t kBys = 6;
std::string_view name_of(By by);
std::optional<By> by_from(std::string_view name);

/// From `from_us` on, up to but not with `to_us`; times are when an attempt ended.
struct Span {
    std::int64_t from_us = 0;
    std::int64_t to_us = INT64_MAX;
};

struct UsageLine {
    std::string name;  // of the model, the upstream ...; a day as 2026-11-29; empty: none
    Sums sums;
};
/// A part of the lines, for there may be a line for each of very many sessions.
struct UsagePage {
    std::size_t skip = 0, limit = SIZE_MAX;  // which lines
    // Of sessions: those that come behind this line, the last one of the page before; cheaper than
    // to skip what was read already, for that is kept as well.
    std::optional<UsageLine> behind;
    // Sessions that are summed up at once, 0.3 KB each: where there are more, the rows are walked
    // through again for the others.
    std::size_t most_names = 200'000;
    std::vector<UsageLine> lines;
    Sums total;            // of all lines, these or not
    std::size_t more = 0;  // lines behind these
};

/// What one model used at one upstream on one day, of single attempts that are still kept.
struct DailyLine {
    std::string day;                        // 2026-11-29, UTC
    std::string upstream, model, answered;  // asked for there; that answered, empty: not said
    Sums sums;
};

/// One request as it is kept.
struct KeptRequest {
    std::int64_t id = 0;  // and when it ended
    std::int64_t no = 0;  // its own, where several have the same id of a client
    std::string request, session, route, key, path, model, outcome, code, served_by, served_model;
    std::int64_t total_us = 0, cost_nano_usd = 0;
    std::uint64_t prompt_tokens = 0, completion_tokens = 0, bytes_received = 0;
    std::uint32_t status = 0, attempts = 0;
    bool stream = false, broken = false;
};

/// One attempt as it is kept.
struct KeptAttempt {
    std::int64_t id = 0;
    std::string request, upstream, model, answered, dialect, cause, reason, price, tier, detail;
    std::int64_t total_us = 0;
    std::optional<std::int64_t> first_token_us;
    Tokens tokens;
    std::uint64_t estimated_input = 0, estimated_output = 0;
    std::int64_t cost_nano_usd = 0, estimated_cost_nano_usd = 0;
    std::uint64_t bytes_sent = 0, bytes_received = 0;
    std::uint32_t number = 1, position = 0, status = 0, deliveries = 0;
    UsageKind usage = UsageKind::none;
    bool unpriced = false;
};

/// Which requests; what is empty is not asked for.
struct RequestFilter {
    Span span;
    std::string session, route, key, model, upstream, outcome;
    std::optional<std::int64_t> before;  // id: those behind it, of an earlier page
    std::size_t limit = 50;
};

struct RequestPage {
    std::vector<KeptRequest> requests;   // newest first
    std::optional<std::int64_t> before;  // for the next page; absent: this is the last one
};

struct Story {
    KeptRequest request;
    std::vector<KeptAttempt> attempts;  // in the order in which they began
};

/// What a session used at one model of one upstream.
struct SessionLine {
    std::string upstream, model;
    Sums sums;
};
struct SessionStory {
    std::vector<SessionLine> lines;
    std::vector<KeptAttempt> attempts;  // the last ones, oldest first
};

class Reader {
  public:
    virtual ~Reader() = default;
    /// Opens the ledger for one question, or a few.
    virtual Fault open() = 0;
    /// By day and model, in the order of the days.
    virtual Fault daily(const Span& span, std::vector<DailyLine>& out) = 0;
    /// The dearest first; days in order.
    virtual Fault usage(By by, const Span& span, UsagePage& out) = 0;
    /// All lines.
    Fault usage(By by, const Span& span, std::vector<UsageLine>& out) {
        UsagePage page;
        const auto fault = usage(by, span, page);
        out = std::move(page.lines);
        return fault;
    }
    virtual Fault requests(const RequestFilter& filter, RequestPage& out) = 0;
    /// nullopt: there is no such request (any more).
    virtual Fault request(std::string_view id, std::optional<Story>& out) = 0;
    /// At most so many single attempts. No lines: there is no such session (any more).
    virtual Fault session(std::string_view name, std::size_t most_attempts, SessionStory& out) = 0;
    /// What a session of this key (by name; empty: none) has cost, guesses included.
    virtual Fault session_cost(std::string_view key, std::string_view session,
                               std::int64_t& nano_usd) = 0;
    /// The last fault in words.
    virtual const std::string& why() const = 0;
    /// What takes longer from now on fails with `failed`, and says so.
    virtual void limit_time(std::chrono::milliseconds time) = 0;
};

/// Nothing is opened yet.
std::unique_ptr<Reader> sqlite_reader(std::string path);

}  // namespace understudy::ledger
