#include "ledger/reader.hpp"

#include "ledger/sqlite/schema.hpp"
#include "ledger/sqlite/sqlite_store.hpp"
#include "tests/unit/ledger/support.hpp"

#include <catch2/catch.hpp>

#include <map>

using namespace understudy::ledger;
using namespace understudy::ledger::test;

namespace {

constexpr std::int64_t kHour = 3'600'000'000, kDay = 24 * kHour;

/// A ledger with what a test puts in, and a reader of it.
struct Kept {
    Kept() { REQUIRE(store->open() == Fault::none); }
    template <class... Rows>
    void put(const Rows&... rows) {
        REQUIRE(store->write(batch_of(rows...)) == Fault::none);
    }
    std::unique_ptr<Reader> read() const {
        auto reader = sqlite_reader(folder.file());
        const auto fault = reader->open();
        INFO(reader->why());
        REQUIRE(fault == Fault::none);
        return reader;
    }
    std::vector<UsageLine> usage(By by, const Span& span = {}) const {
        std::vector<UsageLine> lines;
        const auto reader = read();
        const auto fault = reader->usage(by, span, lines);
        INFO(reader->why());
        REQUIRE(fault == Fault::none);
        return lines;
    }
    /// Attempts of each name.
    std::map<std::string, std::uint64_t> attempts(By by, const Span& span = {}) const {
        std::map<std::string, std::uint64_t> out;
        for (const auto& line : usage(by, span)) out[line.name] = line.sums.attempts;
        return out;
    }
    Folder folder;
    std::unique_ptr<Store> store = sqlite_store(folder.file());
};

AttemptRow named(std::int64_t at, std::string_view upstream, std::string_view model) {
    auto row = attempt(at);
    row.upstream = upstream;
    row.model = row.label = model;
    return row;
}

/// The ids of a page, newest first.
std::string ids(const RequestPage& page) {
    std::string out;
    for (const auto& r : page.requests) out += r.request + ' ';
    return out;
}

}  // namespace

TEST_CASE("Usage is summed by whatever is asked for, the dearest first") {
    Kept kept;
    auto dear = named(kThen, "a", "m1");
    dear.cost_nano_usd = 9'000;
    auto failed = named(kThen + 1, "b", "m2");
    failed.reason = "timeout";
    failed.number = 2;
    failed.key = "team";
    auto talk = named(kThen + 2 * kDay, "b", "m1");
    talk.session = "s";
    kept.put(dear, failed, talk);
    const auto lines = kept.usage(By::model);
    REQUIRE(lines.size() == 2);
    CHECK(lines[0].name == "m1");
    CHECK(lines[0].sums.cost_nano_usd == 9'000 + 1'234);
    CHECK(lines[0].sums.tokens == Tokens{200, 40, 10, 80, 20});
    CHECK(lines[0].sums.requests == 2);
    CHECK(lines[1].sums.requests == 0);  // it began elsewhere
    CHECK(lines[1].sums.failed == 1);
    using Names = std::map<std::string, std::uint64_t>;
    CHECK(kept.attempts(By::upstream) == Names{{"a", 1}, {"b", 2}});
    CHECK(kept.attempts(By::route) == Names{{"*", 3}});
    CHECK(kept.attempts(By::key) == Names{{"", 2}, {"team", 1}});
    CHECK(kept.attempts(By::session) == Names{{"s", 1}});
    CHECK(kept.attempts(By::day) == Names{{"2026-09-21", 2}, {"2026-09-23", 1}});
}

TEST_CASE("Lines come page by page, and the total is that of all of them") {
    Kept kept;
    for (int i = 0; i < 7; ++i) {
        auto row = attempt(kThen + i);
        const auto name = "s" + std::to_string(i);
        row.session = name;
        row.cost_nano_usd = 100 - i;
        kept.put(row);
    }
    const auto reader = kept.read();
    // Also where not all of them may be kept at once.
    for (const std::size_t most_names : {100, 7, 6, 3, 2, 1}) {
        CAPTURE(most_names);
        std::string names;
        UsagePage page;
        page.limit = 3;
        for (std::size_t left : {4, 1, 0, 0}) {
            page.most_names = most_names;
            REQUIRE(reader->usage(By::session, {}, page) == Fault::none);
            for (const auto& line : page.lines) names += line.name + ' ';
            CHECK(page.more == left);
            CHECK(page.total.attempts == 7);
            CHECK(page.total.cost_nano_usd == 700 - 21);
            UsagePage next;
            next.skip = page.skip + page.lines.size();
            next.limit = 3;
            page = next;
        }
        CHECK(names == "s0 s1 s2 s3 s4 s5 s6 ");
        names.clear();
        page = {};
        for (std::size_t left : {4, 1, 0, 0}) {
            page.limit = 3;
            page.most_names = most_names;
            REQUIRE(reader->usage(By::session, {}, page) == Fault::none);
            for (const auto& line : page.lines) names += line.name + ' ';
            CHECK(page.more == left);
            CHECK(page.total.cost_nano_usd == 700 - 21);
            UsagePage next;
            next.behind = page.lines.empty() ? page.behind : page.lines.back();
            page = next;
        }
        CHECK(names == "s0 s1 s2 s3 s4 s5 s6 ");
        UsagePage all;
        all.most_names = most_names;
        REQUIRE(reader->usage(By::session, {}, all) == Fault::none);
        CHECK(all.lines.size() == 7);
    }
}

TEST_CASE("However many sessions there are, so many are kept at once as may be") {
    Kept kept;
    Database other;
    REQUIRE(other.open(kept.folder.file(), Database::Access::read_write) == Fault::none);
    REQUIRE(
        other.run("WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE "
                  "i < 29999) INSERT INTO session_hour SELECT i / 10000, 's' || (i % 10000), 0, "
                  "1, 0, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, i % 10000, 0, 0, 0 FROM n") == Fault::none);
    UsagePage page;
    page.skip = 2;
    page.limit = 3;
    page.most_names = 700;
    REQUIRE(kept.read()->usage(By::session, {}, page) == Fault::none);
    CHECK(page.total.requests == 30'000);
    CHECK(page.total.cost_nano_usd == 3 * 49'995'000);
    CHECK(page.more == 9'995);
    REQUIRE(page.lines.size() == 3);
    CHECK(page.lines[0].name == "s9997");
    CHECK(page.lines[2].sums.cost_nano_usd == 3 * 9'995);
}

TEST_CASE("A question that takes too long ends, and says so") {
    Kept kept;
    Database other;
    REQUIRE(other.open(kept.folder.file(), Database::Access::read_write) == Fault::none);
    REQUIRE(other.run("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE "
                      "i < 20000) INSERT INTO attempt (id, request_id, number, upstream, position, "
                      "reason, deliveries, total_us, usage) SELECT i, 'r', 1, 1, 0, 1, 1, 1, 0 "
                      "FROM n") == Fault::none);
    const auto reader = kept.read();
    reader->limit_time(std::chrono::milliseconds(0));
    UsagePage page;
    CHECK(reader->usage(By::upstream, {1, kHour - 1}, page) == Fault::failed);
    CHECK(reader->why() == "the question took longer than 0 s");
}

TEST_CASE("A span is exact, though sums are kept by the hour") {
    Kept kept;
    // One every ten minutes, for five hours from 14:13 on.
    std::vector<std::int64_t> times;
    for (int i = 0; i < 30; ++i) {
        times.push_back(kThen + i * kHour / 6);
        auto row = named(times.back(), "a", "m");
        row.session = "s";
        kept.put(row);
    }
    for (const auto by : {By::model, By::session}) {
        for (int from = 0; from < 30; from += 7) {
            for (int to = from; to < 30; to += 5) {
                const Span span{times[from] - 1, times[to] + 1};
                const auto lines = kept.usage(by, span);
                REQUIRE(lines.size() == 1);
                REQUIRE(lines[0].sums.attempts == static_cast<std::uint64_t>(to - from + 1));
                REQUIRE(lines[0].sums.tokens.input == 100U * (to - from + 1));
            }
            const auto lines = kept.usage(by, {times[from], INT64_MAX});
            REQUIRE(lines[0].sums.attempts == static_cast<std::uint64_t>(30 - from));
        }
    }
    CHECK(kept.usage(By::model, {times[3] + 1, times[4]}).empty());
    CHECK(kept.usage(By::model, {kThen + kDay, INT64_MAX}).empty());
}

TEST_CASE("Requests come newest first, page by page, by any filter") {
    Kept kept;
    for (int i = 0; i < 10; ++i) {
        const auto id = std::to_string(i);
        auto row = request(kThen + i, id);
        if (i % 2 == 0) row.session = "even";
        if (i % 3 == 0) row.model = "three";
        if (i == 4) row.outcome = "exhausted";
        if (i == 5) row.key = "team";
        kept.put(row);
    }
    const auto reader = kept.read();
    const auto page = [&](RequestFilter filter) {
        RequestPage out;
        REQUIRE(reader->requests(filter, out) == Fault::none);
        return out;
    };
    RequestFilter f;
    CHECK(ids(page(f)) == "9 8 7 6 5 4 3 2 1 0 ");
    CHECK_FALSE(page(f).before);
    f.limit = 4;
    auto one = page(f);
    CHECK(ids(one) == "9 8 7 6 ");
    REQUIRE(one.before);
    f.before = one.before;
    CHECK(ids(page(f)) == "5 4 3 2 ");
    f.before = page(f).before;
    CHECK(ids(page(f)) == "1 0 ");
    CHECK_FALSE(page(f).before);
    RequestFilter session;
    session.session = "even";
    session.limit = 3;
    one = page(session);
    CHECK(ids(one) == "8 6 4 ");
    session.before = one.before;
    CHECK(ids(page(session)) == "2 0 ");
    RequestFilter model;
    model.model = "three";
    CHECK(ids(page(model)) == "9 6 3 0 ");
    model.session = "even";
    CHECK(ids(page(model)) == "6 0 ");
    RequestFilter outcome;
    outcome.outcome = "exhausted";
    CHECK(ids(page(outcome)) == "4 ");
    outcome.outcome = "never seen";
    CHECK(page(outcome).requests.empty());
    RequestFilter span;
    span.span = {kThen + 2, kThen + 5};
    CHECK(ids(page(span)) == "4 3 2 ");
    RequestFilter key;
    key.key = "team";
    const auto mine = page(key).requests;
    REQUIRE(mine.size() == 1);
    CHECK(mine[0].served_by == "openai");
    CHECK(mine[0].path == "/chat/completions");
    CHECK(mine[0].total_us == 1'600'000);
    CHECK(mine[0].prompt_tokens == 125);
}

TEST_CASE("A request is found by its id, ours or its client's, with all its attempts") {
    Kept kept;
    const std::string ours = "req_0" + std::string("65bfd1bac00") + std::string(20, 'a');
    const std::int64_t begun = 0x65bfd1bac00 * 1000;
    for (int i = 0; i < 50; ++i) {
        kept.put(attempt(begun + i * 1000, "noise"), request(begun + i * 1000, "noise"));
    }
    auto first = attempt(begun + 1'000'000, ours);
    first.reason = "timeout";
    auto second = attempt(begun + 2'000'000, ours);
    second.number = 2;
    second.detail = "words";
    auto whole = request(begun + 2'000'100, ours);
    whole.total_us = 2'000'000;
    whole.attempts = 2;
    kept.put(second, first, whole);
    const auto reader = kept.read();
    std::optional<Story> story;
    REQUIRE(reader->request(ours, story) == Fault::none);
    REQUIRE(story);
    CHECK(story->request.attempts == 2);
    REQUIRE(story->attempts.size() == 2);
    CHECK(story->attempts[0].reason == "timeout");
    CHECK(story->attempts[1].detail == "words");
    CHECK(story->attempts[1].first_token_us == 300'000);
    CHECK(story->attempts[1].usage == UsageKind::reported);
    CHECK(story->attempts[1].answered == "gpt-4o-2024-08-06");
    // A client may choose an id of the same form, whatever time it names.
    const std::string chosen = "req_000000000000" + std::string(20, 'b');
    auto given = request(begun + 4 * kDay, chosen);
    given.given = true;
    kept.put(given);
    std::optional<Story> odd;
    REQUIRE(kept.read()->request(given.request, odd) == Fault::none);
    CHECK(odd);
    std::optional<Story> noise;
    REQUIRE(reader->request("noise", noise) == Fault::none);
    REQUIRE(noise);
    CHECK(noise->request.id == begun + 49'000);  // the last one of that name
    for (const std::string& unknown : {std::string("other"), ours.substr(0, 35) + 'b'}) {
        std::optional<Story> none;
        REQUIRE(reader->request(unknown, none) == Fault::none);
        CHECK_FALSE(none);
    }
}

TEST_CASE("A session is told model by model, and call by call") {
    Kept kept;
    for (int i = 0; i < 6; ++i) {
        const auto id = "r" + std::to_string(i);
        auto row = named(kThen + i * kHour, i % 2 == 0 ? "a" : "b", "m");
        row.request = id;
        row.request_no = number_of(id);
        auto whole = request(kThen + i * kHour + 5, id);
        if (i != 3) row.session = whole.session = "s";
        kept.put(row, whole);
    }
    const auto reader = kept.read();
    SessionStory session;
    REQUIRE(reader->session("s", 100, session) == Fault::none);
    REQUIRE(session.lines.size() == 2);
    CHECK(session.lines[0].upstream == "a");
    CHECK(session.lines[0].sums.attempts == 3);
    CHECK(session.lines[1].sums.attempts == 2);
    REQUIRE(session.attempts.size() == 5);
    CHECK(session.attempts.front().request == "r0");
    CHECK(session.attempts.back().request == "r5");
    SessionStory last;
    REQUIRE(reader->session("s", 2, last) == Fault::none);
    REQUIRE(last.attempts.size() == 2);
    CHECK(last.attempts.front().request == "r4");
    SessionStory none;
    REQUIRE(reader->session("other", 2, none) == Fault::none);
    CHECK(none.lines.empty());
}

TEST_CASE("What a session costs is told for each key apart") {
    Kept kept;
    const auto put = [&](std::string_view key, std::string_view session, std::int64_t cost,
                         std::int64_t at = kThen) {
        auto row = attempt(at);
        row.key = key;
        row.session = session;
        row.cost_nano_usd = cost;
        row.estimated_cost_nano_usd = 1;
        kept.put(row);
    };
    put("a", "s", 10);
    put("a", "s", 20, kThen + 30 * kDay);
    put("b", "s", 100);
    put("", "s", 1000);
    put("a", "t", 5);
    const auto cost = [&](std::string_view key, std::string_view session) {
        std::int64_t nano = -1;
        REQUIRE(kept.read()->session_cost(key, session, nano) == Fault::none);
        return nano;
    };
    CHECK(cost("a", "s") == 32);
    CHECK(cost("b", "s") == 101);
    CHECK(cost("", "s") == 1001);
    CHECK(cost("a", "t") == 6);
    CHECK(cost("nobody", "s") == 0);
    CHECK(cost("a", "never") == 0);
}

TEST_CASE("What was used is read from a ledger of any older version, as it is") {
    for (std::size_t version = 1; version < schema_steps().size(); ++version) {
        CAPTURE(version);
        const Folder folder;
        Database old;
        REQUIRE(old.open(folder.file(), Database::Access::create) == Fault::none);
        REQUIRE(bring_up_to_date(old, schema_steps().first(version)) == Fault::none);
        REQUIRE(old.run("INSERT INTO name (id, text) VALUES (1, 'ok'), (2, 'a'), (3, 'b');"
                        "INSERT INTO request (id, request_id, session, outcome, attempts, total_us)"
                        " VALUES (7200000300, 'x', 's', 1, 1, 500),"
                        "(7200005000, 'y', 's', 1, 1, 1000), (7200006000, 'z', 't', 1, 1, 9);"
                        "INSERT INTO attempt (id, request_id, number, upstream, position, reason, "
                        "deliveries, total_us, usage, session, key, cost_nano_usd, "
                        "estimated_cost_nano_usd) VALUES "
                        "(100, 'w', 1, 1, 0, 1, 1, 5, 1, NULL, 2, 30, NULL),"
                        "(7200000001, 'x', 1, 1, 0, 1, 1, 5, 1, 's', 2, 10, NULL),"
                        "(7200000002, 'x', 2, 1, 0, 2, 1, 5, 4, 's', 2, NULL, 1),"
                        "(7200004000, 'y', 1, 1, 0, 1, 1, 5, 1, 's', 3, 100, NULL),"
                        "(7200005999, 'z', 1, 1, 0, 1, 1, 5, 1, 't', 2, 7, NULL),"
                        "(7200009000, 'u', 1, 1, 0, 1, 1, 5, 1, 's', NULL, 1000, NULL);"
                        "INSERT INTO usage_hour VALUES "
                        "(0, 0, 2, 1, 0, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 30, 0, 0, 0),"
                        "(2, 0, 2, 1, 0, 2, 3, 1, 0, 0, 0, 0, 0, 0, 0, 17, 1, 1, 0),"
                        "(2, 0, 3, 1, 0, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 100, 0, 0, 0),"
                        "(2, 0, 0, 1, 0, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 1000, 0, 0, 0)") ==
                Fault::none);
        const auto reader = sqlite_reader(folder.file());
        REQUIRE(reader->open() == Fault::none);
        const auto by_key = [&](std::int64_t from) {
            std::vector<UsageLine> lines;
            REQUIRE(reader->usage(By::key, {from, INT64_MAX}, lines) == Fault::none);
            std::string out;
            for (const auto& line : lines) {
                const auto& s = line.sums;
                out +=
                    line.name + std::to_string(s.cost_nano_usd + s.estimated_cost_nano_usd) + ' ';
            }
            return out;
        };
        CHECK(by_key(0) == "1000 b100 a48 ");
        CHECK(by_key(7'200'000'002) == "1000 b100 a8 ");
        const auto of_session = [&](std::string_view key, std::string_view session) {
            std::int64_t nano = -1;
            REQUIRE(reader->session_cost(key, session, nano) == Fault::none);
            return nano;
        };
        CHECK(of_session("a", "s") == 11);
        CHECK(of_session("b", "s") == 100);
        CHECK(of_session("", "s") == 1000);
        CHECK(of_session("a", "t") == 7);
        CHECK(of_session("b", "t") == 0);
        CHECK(of_session("a", "never") == 0);
        std::optional<Story> story;
        CHECK(reader->request("x", story) == (version < 3 ? Fault::unreachable : Fault::none));
        CHECK((version >= 3 || reader->why().find("older version") != std::string::npos));
        CHECK(old.number("PRAGMA user_version") == static_cast<std::int64_t>(version));
    }
}

TEST_CASE("Each day's use is told by what was asked for and what answered") {
    Kept kept;
    const auto day = kThen / kDay * kDay;
    auto early = named(day, "a", "m");
    auto late = named(day + kDay - 1, "a", "m");
    late.answered = {};
    auto next = named(day + kDay, "a", "m");
    auto other = named(day, "b", "m");
    other.cost_nano_usd = 0;
    other.unpriced = true;
    kept.put(early, named(day + 5, "a", "m"), late, next, other);
    std::vector<DailyLine> lines;
    REQUIRE(kept.read()->daily({day, day + kDay}, lines) == Fault::none);
    REQUIRE(lines.size() == 3);
    std::uint64_t attempts = 0;
    for (const auto& line : lines) {
        CHECK(line.day == "2026-09-21");
        CHECK(line.model == "m");
        attempts += line.sums.attempts;
        if (line.upstream == "b") CHECK(line.sums.unpriced == 1);
        if (line.upstream == "b") continue;
        CHECK(line.sums.attempts == (line.answered.empty() ? 1U : 2U));
        CHECK(line.sums.cost_nano_usd == (line.answered.empty() ? 1'234 : 2'468));
    }
    CHECK(attempts == 4);
}

TEST_CASE("Requests to which a client gave one id are told apart by a number of ours") {
    Kept kept;
    for (std::uint64_t i = 1; i <= 3; ++i) {
        auto row = attempt(kThen + static_cast<std::int64_t>(i), "conversation-1");
        auto whole = request(kThen + static_cast<std::int64_t>(i) + 1, "conversation-1");
        row.session = whole.session = "s";
        row.request_no = whole.no = i;
        row.cost_nano_usd = static_cast<std::int64_t>(i);
        kept.put(row, whole);
    }
    const auto reader = kept.read();
    std::optional<Story> story;
    REQUIRE(reader->request("conversation-1", story) == Fault::none);
    REQUIRE(story);
    REQUIRE(story->attempts.size() == 1);  // of the last one
    CHECK(story->attempts[0].cost_nano_usd == 3);
    SessionStory session;
    REQUIRE(reader->session("s", 100, session) == Fault::none);
    std::int64_t cost = 0;
    for (const auto& a : session.attempts) cost += a.cost_nano_usd;
    CHECK(session.attempts.size() == 3);
    CHECK(cost == 6);
}

TEST_CASE("What cannot be read says why") {
    const Folder folder;
    const auto missing = sqlite_reader(folder.file());
    CHECK(missing->open() == Fault::unreachable);
    CHECK_FALSE(missing->why().empty());
    Database other;
    REQUIRE(other.open(folder.file(), Database::Access::create) == Fault::none);
    REQUIRE(other.run("CREATE TABLE theirs (x)") == Fault::none);
    CHECK(sqlite_reader(folder.file())->open() == Fault::foreign);
}
