#include "ledger/reader.hpp"
#include "ledger/request_id.hpp"
#include "ledger/sqlite/database.hpp"
#include "ledger/sqlite/kept_rows.hpp"
#include "ledger/sqlite/schema.hpp"
#include "ledger/sqlite/usage_sums.hpp"

#include <algorithm>
#include <array>
#include <ctime>
#include <utility>

namespace understudy::ledger {

namespace {

constexpr std::int64_t kSecondUs = 1'000'000;
constexpr std::int64_t kHourUs = 3'600 * kSecondUs;
// A request's rows are written a moment apart, and the clock may be set a little meanwhile.
constexpr std::int64_t kSlack = 2 * kSecondUs;
// No request takes longer than this: the longest deadline that can be configured, and some.
constexpr std::int64_t kLongestRequest = 26 * kHourUs;
// The version that keeps what sessions used by key, and the one that numbers requests. Sums by the
// hour and single attempts are the same in all versions: what keys have used can be read while an
// older build still writes them.
constexpr std::int64_t kSessionsByKey = 4, kRequestNumbers = 3;
// Rows looked at in one go for a page of a filter that fits few.
constexpr std::size_t kWindow = 20'000;

constexpr std::string_view kSums =
    "sum(requests), sum(attempts), sum(failed), sum(input), sum(cache_read), sum(cache_write), "
    "sum(output), sum(reasoning), sum(estimated_input), sum(estimated_output), "
    "sum(cost_nano_usd), sum(estimated_cost_nano_usd), sum(missing), sum(unpriced)";
// The same of single attempts.
constexpr std::string_view kRaw =
    "number = 1 AS requests, 1 AS attempts, "
    "reason IS NOT (SELECT id FROM name WHERE text = 'ok') AS failed, "
    "ifnull(input, 0) AS input, ifnull(cache_read, 0) AS cache_read, "
    "ifnull(cache_write, 0) AS cache_write, ifnull(output, 0) AS output, "
    "ifnull(reasoning, 0) AS reasoning, ifnull(estimated_input, 0) AS estimated_input, "
    "ifnull(estimated_output, 0) AS estimated_output, ifnull(cost_nano_usd, 0) AS cost_nano_usd, "
    "ifnull(estimated_cost_nano_usd, 0) AS estimated_cost_nano_usd, usage = 4 AS missing, "
    "ifnull(unpriced, 0) AS unpriced";

std::string text(std::string_view view) {
    return std::string(view);
}

/// The hours that lie in a span whole, and what is left of it before and behind them.
struct Cut {
    std::int64_t first_hour = 0, end_hour = 0;
    Span before, behind;
};

Cut cut(const Span& span) {
    Cut c;
    const auto from = std::max<std::int64_t>(span.from_us, 0);
    const auto to = std::max(span.to_us, from);
    c.first_hour = from / kHourUs + (from % kHourUs != 0 ? 1 : 0);
    c.end_hour = to == INT64_MAX ? INT64_MAX / kHourUs : to / kHourUs;
    if (c.end_hour < c.first_hour) {  // all within one hour
        c.before = {from, to};
        c.behind = {0, 0};
        c.end_hour = c.first_hour;
        return c;
    }
    c.before = {from, c.first_hour * kHourUs};
    c.behind = to == INT64_MAX ? Span{0, 0} : Span{c.end_hour * kHourUs, to};
    return c;
}

// What usage is grouped by, in the sums by the hour and in single attempts.
std::pair<std::string, std::string> groups(By by) {
    switch (by) {
        case By::model:
            return {"model", "ifnull(model, 0)"};
        case By::upstream:
            return {"upstream", "upstream"};
        case By::route:
            return {"route", "ifnull(route, 0)"};
        case By::key:
            return {"key", "ifnull(key, 0)"};
        case By::session:
            return {"session", "session"};
        case By::day:
            return {"hour / 24", "id / 86400000000"};
    }
    return {};
}

// Sums by the hour, and the single attempts before and behind the hours that are whole.
std::string usage_sql(By by) {
    const auto [hourly, raw] = groups(by);
    const bool session = by == By::session;
    const std::string attempts = "SELECT " + raw + " AS g, " + text(kRaw) +
                                 " FROM attempt WHERE id >= ? AND id < ?" +
                                 (session ? " AND session IS NOT NULL" : "");
    return "SELECT " + hourly + " AS g, " + text(kSummed) + " FROM " +
           (session ? "session_hour" : "usage_hour") + " WHERE hour >= ? AND hour < ? UNION ALL " +
           attempts + " UNION ALL " + attempts;
}

class SqliteReader final : public Reader {
  public:
    explicit SqliteReader(std::string path) : path_(std::move(path)) {}

    Fault open() override;
    Fault daily(const Span& span, std::vector<DailyLine>& out) override;
    using Reader::usage;
    Fault usage(By by, const Span& span, UsagePage& out) override;
    Fault requests(const RequestFilter& filter, RequestPage& out) override;
    Fault request(std::string_view id, std::optional<Story>& out) override;
    Fault session(std::string_view name, std::size_t most_attempts, SessionStory& out) override;
    Fault session_cost(std::string_view key, std::string_view session,
                       std::int64_t& nano_usd) override;
    const std::string& why() const override { return database_.why(); }
    void limit_time(std::chrono::milliseconds time) override { database_.limit_time(time); }

  private:
    struct Names {
        std::int64_t route = 0, key = 0, model = 0, upstream = 0, outcome = 0;
        bool all_known = true;
    };
    Fault names_of(const RequestFilter& filter, Names& out);
    Fault window_below(std::int64_t id, std::int64_t& begin);
    Fault requests_in(const RequestFilter& filter, const Names& names, std::int64_t begin,
                      std::int64_t end, RequestPage& out);
    Fault find_request(std::string_view id, std::optional<Story>& out);
    Fault attempts_of(Story& story);
    Fault since_version(std::int64_t version);

    std::string path_;
    std::int64_t version_ = 0;
    Database database_;
};

Fault SqliteReader::open() {
    auto fault = database_.open(path_, Database::Access::read_only);
    if (fault == Fault::none) fault = check_schema(database_, version_);
    // One state of the ledger for all of a question's statements.
    if (fault == Fault::none) fault = database_.run("BEGIN");
    return fault;
}

Fault SqliteReader::since_version(std::int64_t version) {
    if (version_ >= version) return Fault::none;
    database_.set_why("it is of an older version; `understudy serve` brings it up to date");
    return Fault::unreachable;
}

Fault SqliteReader::usage(By by, const Span& span, UsagePage& out) {
    const auto c = cut(span);
    const std::array<std::int64_t, 6> values{c.first_hour,   c.end_hour,       c.before.from_us,
                                             c.before.to_us, c.behind.from_us, c.behind.to_us};
    return sum_usage(database_, by, usage_sql(by), values, out);
}

Fault SqliteReader::daily(const Span& span, std::vector<DailyLine>& out) {
    const std::string sql =
        "SELECT date(d * 86400, 'unixepoch'), (SELECT text FROM name WHERE id = u), "
        "(SELECT text FROM name WHERE id = m), (SELECT text FROM name WHERE id = a), " +
        text(kSums) +
        " FROM (SELECT id / 86400000000 AS d, upstream AS u, ifnull(model, 0) AS m, "
        "ifnull(answered_model, 0) AS a, " +
        text(kRaw) +
        " FROM attempt WHERE id >= ? AND id < ?) GROUP BY d, u, m, a ORDER BY d, u, m, a";
    Statement query;
    const auto fault = query.prepare(database_, sql, false);
    if (fault != Fault::none) return fault;
    query.bind(span.from_us).bind(span.to_us);
    auto step = query.step();
    for (; step == Statement::Step::row; step = query.step()) {
        DailyLine line;
        line.day = query.text(0);
        line.upstream = query.text(1);
        line.model = query.text(2);
        line.answered = query.text(3);
        line.sums = sums_of(query, 4);
        out.push_back(std::move(line));
    }
    return step == Statement::Step::done ? Fault::none : query.fault();
}

Fault SqliteReader::names_of(const RequestFilter& filter, Names& out) {
    Statement find;
    const auto fault = find.prepare(database_, "SELECT id FROM name WHERE text = ?", false);
    if (fault != Fault::none) return fault;
    for (const auto& [name, id] :
         {std::pair{&filter.route, &out.route}, std::pair{&filter.key, &out.key},
          std::pair{&filter.model, &out.model}, std::pair{&filter.upstream, &out.upstream},
          std::pair{&filter.outcome, &out.outcome}}) {
        if (name->empty()) continue;
        const auto step = find.bind(std::string_view(*name)).step();
        if (step == Statement::Step::fault) return find.fault();
        if (step == Statement::Step::row) *id = find.number(0);
        out.all_known = out.all_known && *id != 0;
        find.reset();
    }
    return Fault::none;
}

// The number of the row so many rows below this one.
Fault SqliteReader::window_below(std::int64_t id, std::int64_t& begin) {
    Statement query;
    const auto fault = query.prepare(
        database_, "SELECT id FROM request WHERE id < ? ORDER BY id DESC LIMIT 1 OFFSET ?", false);
    if (fault != Fault::none) return fault;
    const auto step = query.bind(id).bind(std::int64_t{kWindow}).step();
    begin = step == Statement::Step::row ? query.number(0) : 0;
    return step == Statement::Step::fault ? query.fault() : Fault::none;
}

Fault SqliteReader::requests(const RequestFilter& filter, RequestPage& out) {
    Names names;
    auto fault = since_version(kRequestNumbers);
    if (fault == Fault::none) fault = names_of(filter, names);
    if (fault != Fault::none || !names.all_known) return fault;
    auto end = std::min(filter.before.value_or(INT64_MAX), filter.span.to_us);
    const auto first = std::max<std::int64_t>(filter.span.from_us, 0);
    // A session has an index of its own; everything else is looked for newest first, window by
    // window, so that a page of what is rare comes in time, if not full.
    using Clock = std::chrono::steady_clock;
    const auto until = Clock::now() + std::chrono::milliseconds(500);
    while (end > first) {
        std::int64_t begin = first;
        if (filter.session.empty()) fault = window_below(end, begin);
        if (fault != Fault::none) return fault;
        fault = requests_in(filter, names, std::max(begin, first), end, out);
        if (fault != Fault::none || out.before) return fault;
        end = std::max(begin, first);
        if (Clock::now() < until) continue;
        if (end > first) out.before = end;
        break;
    }
    return fault;
}

Fault SqliteReader::requests_in(const RequestFilter& filter, const Names& names, std::int64_t begin,
                                std::int64_t end, RequestPage& out) {
    std::string sql = "SELECT " + text(kRequestColumns) + " FROM request r" + text(kRequestNames) +
                      "WHERE r.id >= ? AND r.id < ?";
    std::vector<std::int64_t> values;
    for (const auto& [column, id] :
         {std::pair{"route", names.route}, std::pair{"key", names.key},
          std::pair{"model", names.model}, std::pair{"served_by", names.upstream},
          std::pair{"outcome", names.outcome}}) {
        if (id == 0) continue;
        sql += std::string(" AND r.") + column + " = ?";
        values.push_back(id);
    }
    if (!filter.session.empty()) sql += " AND r.session = ?";
    sql += " ORDER BY r.id DESC LIMIT ?";
    Statement query;
    const auto fault = query.prepare(database_, sql, false);
    if (fault != Fault::none) return fault;
    query.bind(begin).bind(end);
    for (const auto value : values) query.bind(value);
    if (!filter.session.empty()) query.bind(std::string_view(filter.session));
    const auto wanted = filter.limit - out.requests.size();
    query.bind(static_cast<std::int64_t>(wanted + 1));  // one more says that there are more
    auto step = query.step();
    for (; step == Statement::Step::row; step = query.step()) {
        if (out.requests.size() == filter.limit) {
            out.before = out.requests.back().id;
            return Fault::none;
        }
        out.requests.push_back(request_of(query));
    }
    return step == Statement::Step::done ? Fault::none : query.fault();
}

// One that we have made is found by its time. A client may choose one of that form too.
Fault SqliteReader::find_request(std::string_view id, std::optional<Story>& out) {
    const auto begun = begun_us(id);
    const auto find = [&](std::string_view where, bool by_time) {
        const std::string sql = "SELECT " + text(kRequestColumns) + " FROM request r" +
                                text(kRequestNames) + "WHERE r.request_id = ? AND " + text(where) +
                                " LIMIT 1";
        Statement query;
        const auto fault = query.prepare(database_, sql, false);
        if (fault != Fault::none) return fault;
        query.bind(id);
        if (by_time) query.bind(*begun - kSlack).bind(*begun + kLongestRequest);
        const auto step = query.step();
        if (step == Statement::Step::row) out.emplace().request = request_of(query);
        return step == Statement::Step::fault ? query.fault() : Fault::none;
    };
    auto fault = Fault::none;
    if (begun) fault = find("r.given IS NULL AND r.id >= ? AND r.id < ? ORDER BY r.id", true);
    if (fault != Fault::none || out) return fault;
    return find("r.given IS NOT NULL ORDER BY r.id DESC", false);
}

Fault SqliteReader::attempts_of(Story& story) {
    Statement query;
    const auto fault =
        query.prepare(database_,
                      "SELECT " + text(kAttemptColumns) + " FROM attempt a" + text(kAttemptNames) +
                          "WHERE a.request_no = ? ORDER BY a.number, a.id",
                      false);
    if (fault != Fault::none) return fault;
    auto step = query.bind(story.request.no).step();
    for (; step == Statement::Step::row; step = query.step()) {
        story.attempts.push_back(attempt_of(query));
    }
    return step == Statement::Step::done ? Fault::none : query.fault();
}

Fault SqliteReader::request(std::string_view id, std::optional<Story>& out) {
    auto fault = since_version(kRequestNumbers);
    if (fault == Fault::none) fault = find_request(id, out);
    return fault == Fault::none && out ? attempts_of(*out) : fault;
}

Fault SqliteReader::session(std::string_view name, std::size_t most_attempts, SessionStory& out) {
    auto fault = since_version(kRequestNumbers);
    if (fault != Fault::none) return fault;
    Statement lines;
    fault = lines.prepare(
        database_,
        "SELECT (SELECT text FROM name WHERE id = upstream), "
        "(SELECT text FROM name WHERE id = model), " +
            text(kSums) +
            " FROM session_hour WHERE session = ? GROUP BY upstream, model ORDER BY 1, 2",
        false);
    if (fault != Fault::none) return fault;
    lines.bind(name);
    auto step = lines.step();
    for (; step == Statement::Step::row; step = lines.step()) {
        SessionLine line;
        line.upstream = lines.text(0);
        line.model = lines.text(1);
        line.sums = sums_of(lines, 2);
        out.lines.push_back(std::move(line));
    }
    if (step == Statement::Step::fault) return lines.fault();
    Statement query;
    fault = query.prepare(
        database_,
        "SELECT " + text(kAttemptColumns) +
            " FROM request r CROSS JOIN attempt a ON a.request_no = r.request_no" +
            text(kAttemptNames) + "WHERE r.session = ? ORDER BY r.id DESC, a.number DESC LIMIT ?",
        false);
    if (fault != Fault::none) return fault;
    query.bind(name).bind(static_cast<std::int64_t>(most_attempts));
    for (step = query.step(); step == Statement::Step::row; step = query.step()) {
        out.attempts.push_back(attempt_of(query));
    }
    std::reverse(out.attempts.begin(), out.attempts.end());
    return step == Statement::Step::done ? Fault::none : query.fault();
}

Fault SqliteReader::session_cost(std::string_view key, std::string_view session,
                                 std::int64_t& nano_usd) {
    nano_usd = 0;
    // Older ones do not say whose it was: its attempts are looked for, from the first request on.
    constexpr std::string_view kSince =
        "ifnull(cost_nano_usd, 0) + ifnull(estimated_cost_nano_usd, 0)) FROM attempt WHERE id >= "
        "(SELECT min(id - total_us) - 2000000 FROM request WHERE session = ?1) "
        "AND session = ?1 AND ifnull(key, 0)";
    constexpr std::string_view kByHour =
        "cost_nano_usd + estimated_cost_nano_usd) FROM session_hour WHERE session = ?1 AND key";
    Statement query;
    const auto fault = query.prepare(
        database_,
        "SELECT sum(" + text(version_ < kSessionsByKey ? kSince : kByHour) +
            " = CASE ?2 WHEN '' THEN 0 ELSE (SELECT id FROM name WHERE text = ?2) END",
        false);
    if (fault != Fault::none) return fault;
    if (query.bind(session).bind(key).step() != Statement::Step::row) {
        return query.fault();
    }
    nano_usd = query.number(0);
    return Fault::none;
}

constexpr std::array<std::string_view, kBys> kByNames{"model", "upstream", "route",
                                                      "key",   "session",  "day"};

}  // namespace

std::string_view name_of(By by) {
    return kByNames[static_cast<std::size_t>(by)];
}

std::optional<By> by_from(std::string_view name) {
    for (std::size_t i = 0; i < kBys; ++i) {
        if (kByNames[i] == name) return static_cast<By>(i);
    }
    return std::nullopt;
}

std::unique_ptr<Reader> sqlite_reader(std::string path) {
    return std::make_unique<SqliteReader>(std::move(path));
}

}  // namespace understudy::ledger
