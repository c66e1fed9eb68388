#include "ledger/sqlite/sqlite_store.hpp"

#include "ledger/sqlite/schema.hpp"
#include "tests/unit/ledger/support.hpp"

#include <catch2/catch.hpp>

#include <sys/stat.h>
#include <unistd.h>
#include <algorithm>
#include <array>
#include <fstream>
#include <map>

using namespace understudy::ledger;
using namespace understudy::ledger::test;

namespace {

std::uint64_t value(Store& store, std::string_view name, std::array<std::string, 4> labels) {
    std::vector<Counter> counters;
    REQUIRE(store.counters(counters) == Fault::none);
    for (const auto& counter : counters) {
        if (counter.name == name && counter.labels == labels) return counter.value;
    }
    return 0;
}

/// As many names as clients may choose.
void fill_names(const std::string& path) {
    Database other;
    REQUIRE(other.open(path, Database::Access::read_write) == Fault::none);
    REQUIRE(other.run("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n "
                      "WHERE i < 20000) INSERT INTO name (text, chosen, seen) "
                      "SELECT 'zz' || i, 1, 0 FROM n") == Fault::none);
}

void write_file(const std::string& path, std::string_view text) {
    std::ofstream(path, std::ios::binary) << text;
}

/// Root may write everywhere.
class NotRoot {
  public:
    NotRoot() {
        constexpr ::uid_t kNobody = 65534;
        if (::getuid() == 0) REQUIRE(::seteuid(kNobody) == 0);
    }
    ~NotRoot() { static_cast<void>(::seteuid(::getuid())); }
    NotRoot(const NotRoot&) = delete;
    NotRoot& operator=(const NotRoot&) = delete;
};

}  // namespace

TEST_CASE("What is written can be read by anybody, in words") {
    const Folder folder;
    const auto path = folder.file("deep/er/ledger.db");
    const auto store = sqlite_store(path);
    REQUIRE(store->open() == Fault::none);
    auto row = attempt();
    row.session = "conversation 7";
    row.key = "team-a";
    auto failed = attempt(kThen - 5, "r1");
    failed.reason = "rate_limit";
    failed.status = 429;
    failed.usage = UsageKind::none;
    failed.tokens = {};
    failed.first_token_us = -1;
    failed.detail = "HTTP 429";
    row.number = 2;
    row.cause = "failover";
    row.moved_from = "openai";
    row.moved_why = "rate_limit";
    REQUIRE(store->write(batch_of(failed, row, request(kThen + 3))) == Fault::none);
    CHECK(ask(path, "SELECT group_concat(reason || ' ' || status || ' ' || usage) FROM attempts") ==
          "rate_limit 429 none,ok 200 reported");
    CHECK(ask(path,
              "SELECT ended || ' ' || upstream || ' ' || model || ' ' || answered_model || ' '"
              " || key || ' ' || session || ' ' || total_ms || ' ' || first_token_ms "
              "FROM attempts WHERE number = 2") ==
          "2026-09-21T14:13:20.000Z openai gpt-4o gpt-4o-2024-08-06 team-a conversation 7 1500.0 "
          "300.0");
    CHECK(ask(path,
              "SELECT outcome || ' ' || path || ' ' || attempts || ' ' || prompt_tokens "
              "FROM requests") == "primary /chat/completions 1 125");
    // This user's, and nobody else's.
    struct stat info {};
    REQUIRE(::stat(path.c_str(), &info) == 0);
    CHECK((info.st_mode & 0777) == 0600);
    REQUIRE(::stat(folder.file("deep").c_str(), &info) == 0);
    CHECK((info.st_mode & 0777) == 0700);
}

TEST_CASE("Every row has a place, whatever the clock does") {
    const Folder folder;
    const auto store = sqlite_store(folder.file());
    REQUIRE(store->open() == Fault::none);
    constexpr std::int64_t kHour = 3'600'000'000;
    // Three at the same time, one a little before, and the clock set back by an hour, twice.
    const auto batch = batch_of(attempt(kThen, "1"), attempt(kThen, "2"), attempt(kThen, "3"),
                                attempt(kThen - 50, "4"), attempt(kThen - kHour, "5"),
                                attempt(kThen - kHour, "6"));
    REQUIRE(store->write(batch) == Fault::none);
    REQUIRE(store->write(batch_of(attempt(kThen, "7"))) == Fault::none);
    CHECK(ask(folder.file(), "SELECT count(DISTINCT id) FROM attempt") == "7");
    CHECK(ask(folder.file(),
              "SELECT group_concat(request_id, '') FROM "
              "(SELECT request_id FROM attempt ORDER BY id)") == "5612347");
}

TEST_CASE("A row among very many without a gap has a place all the same") {
    const Folder folder;
    const auto path = folder.file();
    const auto store = sqlite_store(path);
    REQUIRE(store->open() == Fault::none);
    Database other;
    REQUIRE(other.open(path, Database::Access::read_write) == Fault::none);
    const auto dense =
        "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n "
        "WHERE i < 30000) INSERT INTO attempt (id, request_id, number, upstream, "
        "position, reason, deliveries, total_us, usage) SELECT " +
        std::to_string(kThen) + " + i, 'old', 1, 1, 0, 1, 1, 1, 0 FROM n";
    REQUIRE(other.run(dense.c_str()) == Fault::none);
    other.close();
    const auto next = sqlite_store(path);  // which has seen a later time: the clock was set back
    REQUIRE(store->write(batch_of(attempt(kThen + 3'600'000'000, "later"))) == Fault::none);
    REQUIRE(next->open() == Fault::none);
    REQUIRE(next->write(batch_of(attempt(kThen + 5, "1"), attempt(kThen + 6, "2"))) == Fault::none);
    CHECK(ask(path,
              "SELECT group_concat(request_id, ' ') FROM (SELECT request_id FROM attempt "
              "WHERE request_id != 'old' ORDER BY id)") == "later 1 2");
}

TEST_CASE("Sums by the hour are those of the rows") {
    const Folder folder;
    const auto path = folder.file();
    const auto store = sqlite_store(path);
    REQUIRE(store->open() == Fault::none);
    constexpr std::int64_t kHour = 3'600'000'000;
    for (int i = 0; i < 20; ++i) {
        const auto id = std::to_string(i);  // the row points to it
        auto row = attempt(kThen + i * kHour / 5, id);
        row.model = i % 2 == 0 ? "a" : "b";
        if (i % 3 == 0) row.session = "s";
        if (i % 4 == 0) row.number = 2;
        if (i % 5 == 0) row.reason = "timeout";
        if (i % 7 == 0) row.usage = UsageKind::missing;
        row.estimated_output = 3;
        row.estimated_cost_nano_usd = 10;
        REQUIRE(store->write(batch_of(row)) == Fault::none);
    }
    for (const auto& [table, where] :
         {std::pair{"usage_hour", ""}, std::pair{"session_hour", " WHERE session IS NOT NULL"}}) {
        const auto sums = std::string(
                              "SELECT sum(requests) || ' ' || sum(attempts) || ' ' || "
                              "sum(failed) || ' ' || sum(input) || ' ' || sum(output) || "
                              "' ' || sum(estimated_output) || ' ' || sum(cost_nano_usd) "
                              "|| ' ' || sum(missing) FROM ") +
                          table;
        const auto rows =
            std::string(
                "SELECT sum(number = 1) || ' ' || count(*) || ' ' || sum(reason != "
                "(SELECT id FROM name WHERE text = 'ok')) || ' ' || sum(input) || ' ' || "
                "sum(output) || ' ' || sum(estimated_output) || ' ' || "
                "sum(cost_nano_usd) || ' ' || sum(usage = 4) FROM attempt") +
            where;
        CHECK(ask(path, sums.c_str()) == ask(path, rows.c_str()));
    }
    CHECK(ask(path, "SELECT count(DISTINCT hour) FROM usage_hour") == "5");
    CHECK(ask(path,
              "SELECT count(*) FROM usage_hour u JOIN name n ON n.id = u.model "
              "WHERE n.text = 'a'") == "4");
}

TEST_CASE("Counters go on from where they were, whoever wrote them") {
    const Folder folder;
    const std::array<std::string, 4> series{"openai", "gpt-4o", "chat", ""};
    for (std::uint64_t run = 1; run <= 2; ++run) {
        const auto store = sqlite_store(folder.file());
        REQUIRE(store->open() == Fault::none);
        CHECK(value(*store, "tokens_input", series) == (run - 1) * 200);
        auto hedge = attempt(kThen + 1);
        hedge.hedge = hedge.hedge_won = true;
        hedge.deliveries = 2;
        auto dropped = attempt(kThen + 2);
        dropped.reason = "dropped";
        dropped.overtaken = true;
        dropped.usage = UsageKind::estimated;
        dropped.tokens = {};
        dropped.cost_nano_usd = 0;
        dropped.estimated_input = 7;
        dropped.estimated_cost_nano_usd = 90;
        auto moved = attempt(kThen + 3);
        moved.moved_from = "other";
        moved.moved_why = "timeout";
        moved.tokens = {};
        auto rejected = request(kThen + 4);
        rejected.route = "";
        rejected.outcome = "rejected";
        REQUIRE(store->write(batch_of(attempt(), hedge, dropped, moved, request(), rejected)) ==
                Fault::none);
        CHECK(value(*store, "tokens_input", series) == run * 200);
        CHECK(value(*store, "tokens_cache_read", series) == run * 40);
        CHECK(value(*store, "tokens_cache_write", series) == run * 10);
        CHECK(value(*store, "tokens_output", series) == run * 80);
        CHECK(value(*store, "tokens_reasoning", series) == run * 20);
        CHECK(value(*store, "estimated_input", series) == run * 7);
        CHECK(value(*store, "cost", series) == run * 3 * 1'234);
        CHECK(value(*store, "estimated_cost", series) == run * 90);
        CHECK(value(*store, "attempts", {"openai", "gpt-4o", "chat", "ok"}) == run * 3);
        CHECK(value(*store, "attempts", {"openai", "gpt-4o", "chat", "dropped"}) == run);
        CHECK(value(*store, "replays", {"openai", "", "", ""}) == run);
        CHECK(value(*store, "failovers", {"other", "openai", "timeout", ""}) == run);
        CHECK(value(*store, "hedges_started", {"*", "", "", ""}) == run);
        CHECK(value(*store, "hedges_won", {"*", "", "", ""}) == run);
        CHECK(value(*store, "hedge_tokens", {"*", "", "", ""}) == run * 7);
        CHECK(value(*store, "requests", {"*", "primary", "", ""}) == run);
        CHECK(value(*store, "requests", {"", "rejected", "", ""}) == 0);
    }
}

TEST_CASE("Two processes may write at once: a new one takes over while the old one finishes") {
    const Folder folder;
    const auto one = sqlite_store(folder.file()), two = sqlite_store(folder.file());
    REQUIRE(one->open() == Fault::none);
    REQUIRE(two->open() == Fault::none);
    for (int i = 0; i < 20; ++i) {
        REQUIRE(one->write(batch_of(attempt(kThen), request(kThen))) == Fault::none);
        REQUIRE(two->write(batch_of(attempt(kThen), request(kThen))) == Fault::none);
    }
    CHECK(ask(folder.file(), "SELECT count(*) FROM attempt") == "40");
    CHECK(ask(folder.file(), "SELECT count(*) FROM request") == "40");
    CHECK(ask(folder.file(), "SELECT sum(attempts) FROM usage_hour") == "40");
    CHECK(value(*one, "attempts", {"openai", "gpt-4o", "chat", "ok"}) == 40);
    // Each knows what is its own, and whether the other one has written since it looked.
    std::vector<Counter> counters;
    REQUIRE(two->counters(counters) == Fault::none);
    for (const auto& counter : counters) CHECK(counter.own * 2 == counter.value);
    CHECK(one->changed_elsewhere());
    CHECK_FALSE(one->changed_elsewhere());
    REQUIRE(one->write(batch_of(attempt(kThen))) == Fault::none);
    CHECK_FALSE(one->changed_elsewhere());
    REQUIRE(two->write(batch_of(attempt(kThen))) == Fault::none);
    CHECK(one->changed_elsewhere());
}

TEST_CASE("A fault writes nothing of a batch, and the same batch goes in when it is over") {
    const Folder folder;
    const auto path = folder.file();
    const auto store = sqlite_store(path);
    REQUIRE(store->open() == Fault::none);
    REQUIRE(store->write(batch_of(attempt())) == Fault::none);
    auto later = attempt(kThen + 10);
    later.upstream = "a name that is new";
    const auto batch = batch_of(later, request());
    Database other;
    REQUIRE(other.open(path, Database::Access::read_write) == Fault::none);
    REQUIRE(other.run("BEGIN EXCLUSIVE") == Fault::none);
    CHECK(store->write(batch) == Fault::locked);
    CHECK(store->why().find("locked") != std::string::npos);
    REQUIRE(other.run("ROLLBACK; PRAGMA max_page_count") == Fault::none);
    CHECK(ask(path, "SELECT count(*) FROM attempt") == "1");
    REQUIRE(store->open() == Fault::none);
    REQUIRE(store->write(batch) == Fault::none);
    CHECK(ask(path, "SELECT count(*) || ' ' || (SELECT count(*) FROM request) FROM attempt") ==
          "2 1");
    CHECK(ask(path, "SELECT count(*) FROM name WHERE text = 'a name that is new'") == "1");
}

TEST_CASE("What must not be written, or is somebody else's, is left as it is") {
    const Folder folder;
    const auto path = folder.file();
    auto store = sqlite_store(path);

    SECTION("the database of another program") {
        Database other;
        REQUIRE(other.open(path, Database::Access::create) == Fault::none);
        REQUIRE(other.run("CREATE TABLE theirs (x); INSERT INTO theirs VALUES (1)") == Fault::none);
        other.close();
        CHECK(store->open() == Fault::foreign);
        CHECK(ask(path, "SELECT count(*) FROM sqlite_master") == "1");
        CHECK(ask(path, "PRAGMA journal_mode") == "delete");
    }
    SECTION("a ledger of a later version") {
        REQUIRE(store->open() == Fault::none);
        Database other;
        REQUIRE(other.open(path, Database::Access::read_write) == Fault::none);
        REQUIRE(other.run("PRAGMA user_version = 99") == Fault::none);
        other.close();
        const auto next = sqlite_store(path);
        CHECK(next->open() == Fault::newer);
        CHECK(next->why().find("later version") != std::string::npos);
        CHECK(ask(path, "PRAGMA user_version") == "99");
    }
    SECTION("a folder in place of the file") {
        std::filesystem::create_directory(path);
        CHECK(store->open() == Fault::unreachable);
    }
    SECTION("a file where a folder is needed") {
        write_file(path, "x");
        const auto below = sqlite_store(path + "/deep/ledger.db");
        CHECK(below->open() == Fault::unreachable);
        CHECK_FALSE(below->why().empty());
    }
    SECTION("a file, or its folder, that may only be read") {
        REQUIRE(store->open() == Fault::none);
        store.reset();
        const bool file = GENERATE(true, false);
        ::chmod(path.c_str(), file ? 0444 : 0666);
        ::chmod(folder.path().c_str(), 0555);
        const NotRoot user;
        const auto next = sqlite_store(path);
        CHECK(next->open() == Fault::read_only);
        CHECK(next->why() == std::string(file ? "the file" : "the folder of the file") +
                                 " is read-only: Permission denied");
    }
}

TEST_CASE("What is corrupt is moved aside and kept, and a new one begun") {
    const Folder folder;
    const auto path = folder.file();
    const std::string rubbish(5000, 'x');
    write_file(path, rubbish);
    write_file(path + "-wal", "old");
    const auto store = sqlite_store(path);
    CHECK(store->open() == Fault::corrupt);
    const auto aside = store->set_aside();
    CHECK(aside.starts_with(path + ".corrupt-2"));
    CHECK(std::filesystem::file_size(aside) == rubbish.size());
    CHECK_FALSE(std::filesystem::exists(path));
    REQUIRE(store->open() == Fault::none);
    REQUIRE(store->write(batch_of(attempt())) == Fault::none);
    CHECK(ask(path, "SELECT count(*) FROM attempt") == "1");
    CHECK(value(*store, "attempts", {"openai", "gpt-4o", "chat", "ok"}) == 1);
    // A second one in the same second has a name of its own.
    const auto again = store->set_aside();
    CHECK(again != aside);
    CHECK(std::filesystem::exists(aside));
    CHECK(std::filesystem::exists(again));
    // Counters go on in the new file as they were last known.
    REQUIRE(store->open() == Fault::none);
    CHECK(value(*store, "attempts", {"openai", "gpt-4o", "chat", "ok"}) == 1);
    REQUIRE(store->write(batch_of(attempt())) == Fault::none);
    CHECK(value(*store, "attempts", {"openai", "gpt-4o", "chat", "ok"}) == 2);
    const auto next = sqlite_store(path);
    REQUIRE(next->open() == Fault::none);
    CHECK(value(*next, "attempts", {"openai", "gpt-4o", "chat", "ok"}) == 2);
    REQUIRE_FALSE(next->set_aside().empty());
    REQUIRE(next->open() == Fault::none);
    CHECK(value(*next, "requests", {"*", "primary", "", ""}) == 0);
    CHECK(value(*next, "tokens_input", {"openai", "gpt-4o", "chat", ""}) == 200);
}

TEST_CASE("A file that breaks while it is open says so, and the batch goes into a new one") {
    const Folder folder;
    const auto path = folder.file();
    const auto store = sqlite_store(path);
    REQUIRE(store->open() == Fault::none);
    for (int i = 0; i < 300; ++i) {
        REQUIRE(store->write(batch_of(attempt(kThen + i, std::to_string(i)))) == Fault::none);
    }
    store->rest();  // from the log into the file
    {
        std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
        const std::string rubbish(3 * 4096, '\xa5');
        file.seekp(4096);
        file.write(rubbish.data(), static_cast<std::streamsize>(rubbish.size()));
    }
    const auto broken = sqlite_store(path);
    auto fault = broken->open();
    if (fault == Fault::none) fault = broken->write(batch_of(attempt(kThen + 900)));
    REQUIRE(fault == Fault::corrupt);
    REQUIRE_FALSE(broken->set_aside().empty());
    REQUIRE(broken->open() == Fault::none);
    REQUIRE(broken->write(batch_of(attempt(kThen + 900))) == Fault::none);
}

TEST_CASE("A file that goes away while it is open is said, and no row goes with it unseen") {
    const Folder folder;
    const auto path = folder.file();
    enum class Way { removed, removed_alone, replaced };
    const auto way = GENERATE(Way::removed, Way::removed_alone, Way::replaced);
    const bool seen_first = GENERATE(true, false);
    CAPTURE(static_cast<int>(way), seen_first);
    const auto store = sqlite_store(path);
    REQUIRE(store->open() == Fault::none);
    REQUIRE(store->write(batch_of(attempt())) == Fault::none);
    if (way == Way::replaced) {
        const auto other = folder.file("other.db");
        {
            const auto its = sqlite_store(other);
            REQUIRE(its->open() == Fault::none);
        }
        std::filesystem::rename(other, path);
    } else {
        std::filesystem::remove(path);
    }
    if (way == Way::removed) {
        for (const auto* const beside : {"-wal", "-shm"}) std::filesystem::remove(path + beside);
    }
    const auto batch = batch_of(attempt(kThen + 1, "r2"));
    CHECK((seen_first ? store->open() : store->write(batch)) == Fault::removed);
    CHECK(store->why().find("removed") != std::string::npos);
    REQUIRE(store->open() == Fault::none);
    REQUIRE(store->write(batch) == Fault::none);
    REQUIRE(store->open() == Fault::none);
    CHECK(ask(path, "SELECT group_concat(request_id) FROM attempt") == "r2");
    // The counters go on, and what was written twice counts once.
    CHECK(value(*store, "attempts", {"openai", "gpt-4o", "chat", "ok"}) == 2);
}

TEST_CASE("The newest row is told, and the newest until a moment") {
    const Folder folder;
    const auto store = sqlite_store(folder.file());
    CHECK(store->newest(INT64_MAX) == 0);
    REQUIRE(store->open() == Fault::none);
    CHECK(store->newest(INT64_MAX) == 0);
    // The last one is of a clock that was ahead.
    REQUIRE(store->write(batch_of(attempt(kThen), request(kThen + 7), attempt(2 * kThen))) ==
            Fault::none);
    CHECK(store->newest(INT64_MAX) == 2 * kThen);
    CHECK(store->newest(kThen + 1'000'000) == kThen + 7);
    CHECK(store->newest(kThen - 1) == 0);
}

TEST_CASE("What is old is forgotten in small steps, and the counters are not") {
    const Folder folder;
    const auto path = folder.file();
    const auto store = sqlite_store(path);
    REQUIRE(store->open() == Fault::none);
    constexpr std::int64_t kHour = 3'600'000'000;
    for (int h = 0; h < 3; ++h) {
        Batch batch;
        batch.emplace_back(1 << 20);
        for (int i = 0; i < 600; ++i) {
            auto row = attempt(kThen + h * kHour + i);
            row.session = "s";
            REQUIRE(batch.back().add(row));
            REQUIRE(batch.back().add(request(kThen + h * kHour + i)));
        }
        REQUIRE(store->write(batch) == Fault::none);
    }
    bool more = true;
    int steps = 0;
    while (more) {
        REQUIRE(store->forget(kThen + 2 * kHour, more) == Fault::none);
        REQUIRE(++steps < 10);
        if (steps == 1) CHECK(ask(path, "SELECT count(*) FROM attempt") == "1300");
    }
    CHECK(steps > 2);
    CHECK(ask(path, "SELECT count(*) FROM attempt") == "600");
    CHECK(ask(path, "SELECT count(*) FROM request") == "600");
    CHECK(ask(path, "SELECT sum(attempts) FROM usage_hour") == "600");
    CHECK(ask(path, "SELECT sum(attempts) FROM session_hour") == "600");
    CHECK(value(*store, "attempts", {"openai", "gpt-4o", "chat", "ok"}) == 1800);
}

TEST_CASE(
    "Clients may ask for any number of models: beyond a bound they are other, and only they") {
    const Folder folder;
    const auto path = folder.file();
    const auto store = sqlite_store(path);
    REQUIRE(store->open() == Fault::none);
    fill_names(path);
    auto row = attempt();
    row.model = row.answered = row.tier = "one too many";
    auto asked = request();
    asked.model = asked.path = asked.served_model = "another too many";
    REQUIRE(store->write(batch_of(row, asked)) == Fault::none);
    CHECK(ask(path, "SELECT model || answered_model || tier FROM attempts") == "otherotherother");
    CHECK(ask(path, "SELECT model || path || served_model FROM requests") == "otherotherother");
    // What the configuration names, and words of our own, have their numbers all the same.
    row.model = row.label = "configured";
    row.route = "a new route";
    row.upstream = "a new upstream";
    row.key = "a new key";
    row.reason = "server_error";
    REQUIRE(store->write(batch_of(row)) == Fault::none);
    CHECK(ask(path,
              "SELECT model || ', ' || route || ', ' || upstream || ', ' || key || ', ' || reason "
              "FROM attempts ORDER BY id DESC LIMIT 1") ==
          "configured, a new route, a new upstream, a new key, server_error");
    CHECK(value(*store, "attempts", {"a new upstream", "configured", "chat", "server_error"}) == 1);
}

TEST_CASE("Names that nothing has any more are forgotten with the rows, and make room") {
    const Folder folder;
    const auto path = folder.file();
    const auto store = sqlite_store(path);
    REQUIRE(store->open() == Fault::none);
    constexpr std::int64_t kHour = 3'600'000'000;
    auto old = attempt();
    old.model = "asked for once";
    auto used = attempt(kThen + 1);
    used.model = "still asked for";
    REQUIRE(store->write(batch_of(old, used)) == Fault::none);
    used.ended_us = kThen + 2 * kHour;
    REQUIRE(store->write(batch_of(used)) == Fault::none);
    fill_names(path);
    const auto forget = [&](std::int64_t before) {
        bool more = true;
        for (int steps = 0; more; ++steps) {
            REQUIRE(steps < 100);
            REQUIRE(store->forget(before, more) == Fault::none);
        }
    };
    const auto kept = "SELECT group_concat(text) FROM name WHERE text LIKE '%asked for%'";
    forget(kThen);
    CHECK(ask(path, kept) == "asked for once,still asked for");
    forget(kThen + 2 * kHour);
    CHECK(ask(path, kept) == "still asked for");
    CHECK(ask(path, "SELECT count(*) < 20 FROM name") == "1");
    CHECK(value(*store, "attempts", {"openai", "gpt-4o", "chat", "ok"}) == 3);
    used.model = "new again";
    REQUIRE(store->write(batch_of(used)) == Fault::none);
    CHECK(ask(path, "SELECT model FROM attempts ORDER BY id DESC LIMIT 1") == "new again");
}

TEST_CASE("A ledger of the first version is brought up to date: attempts find their requests") {
    const Folder folder;
    const auto path = folder.file();
    Database old;
    REQUIRE(old.open(path, Database::Access::create) == Fault::none);
    REQUIRE(bring_up_to_date(old, schema_steps().first(1)) == Fault::none);
    REQUIRE(old.run("INSERT INTO name VALUES (1, 'ok');"
                    "CREATE VIEW attempts AS SELECT id FROM attempt;"
                    "CREATE VIEW requests AS SELECT id FROM request;"
                    "INSERT INTO attempt (id, request_id, number, upstream, position, reason, "
                    "deliveries, total_us, usage) VALUES (1000000000, 'same', 1, 1, 0, 1, 1, 5, 1),"
                    "(1000000001, 'own', 1, 1, 0, 1, 1, 5, 1), (9000000000, 'same', 1, 1, 0, 1, 1, "
                    "5, 1), (9000000001, 'nobody', 1, 1, 0, 1, 1, 5, 1);"
                    "INSERT INTO request (id, request_id, outcome, attempts, total_us) VALUES "
                    "(1000000002, 'same', 1, 1, 6), (1000000003, 'own', 1, 1, 6), "
                    "(9000000002, 'same', 1, 1, 6)") == Fault::none);
    old.close();
    const auto store = sqlite_store(path);
    REQUIRE(store->open() == Fault::none);
    CHECK(ask(path,
              "SELECT group_concat(a.id || '>' || r.id, ' ') FROM attempts a JOIN requests r "
              "ON r.request_no = a.request_no") ==
          "1000000000>1000000002 1000000001>1000000003 9000000000>9000000002");
    REQUIRE(store->write(batch_of(attempt(), request())) == Fault::none);
    CHECK(ask(path, "SELECT count(*) FROM attempts JOIN requests USING (request_no)") == "4");
}

TEST_CASE("An older ledger can be left as it is, for who still writes it") {
    const Folder folder;
    Database old;
    REQUIRE(old.open(folder.file(), Database::Access::create) == Fault::none);
    REQUIRE(bring_up_to_date(old, schema_steps().first(3)) == Fault::none);
    const auto store = sqlite_store(folder.file());
    store->leave_form(true);
    CHECK(store->open() == Fault::locked);
    CHECK(store->why().find("older form") != std::string::npos);
    CHECK(old.number("PRAGMA user_version") == 3);
    store->leave_form(false);
    CHECK(store->open() == Fault::none);
    CHECK(old.number("PRAGMA user_version") == 4);
    const auto next = sqlite_store(folder.file());
    next->leave_form(true);
    CHECK(next->open() == Fault::none);  // it is not older
    const auto fresh = sqlite_store(folder.file() + ".new");
    fresh->leave_form(true);
    CHECK(fresh->open() == Fault::none);
}

TEST_CASE("Requests of one id are told apart in an old ledger though they are close together") {
    const Folder folder;
    Database old;
    REQUIRE(old.open(folder.file(), Database::Access::create) == Fault::none);
    REQUIRE(bring_up_to_date(old, schema_steps().first(2)) == Fault::none);
    // One after the other, each of 100 ms with an attempt just before its end.
    for (int i = 1; i <= 5; ++i) {
        const auto end = std::to_string(1'000'000'000 + i * 110'000);
        const auto attempt = std::to_string(1'000'000'000 + i * 110'000 - 50);
        REQUIRE(
            old.run(("INSERT INTO attempt (id, request_id, number, upstream, position, reason, "
                     "deliveries, total_us, usage) VALUES (" +
                     attempt + ", 'same', 1, 1, 0, 1, 1, 5, 1);" +
                     "INSERT INTO request (id, request_id, outcome, attempts, total_us) VALUES (" +
                     end + ", 'same', 1, 1, 100000)")
                        .c_str()) == Fault::none);
    }
    REQUIRE(bring_up_to_date(old) == Fault::none);
    CHECK(old.number("SELECT count(*) FROM attempt a JOIN request r USING (request_no) "
                     "WHERE r.id - a.id = 50") == 5);
}

TEST_CASE("Sums of sessions are made anew, key by key, from the attempts of an old ledger") {
    const Folder folder;
    Database old;
    REQUIRE(old.open(folder.file(), Database::Access::create) == Fault::none);
    REQUIRE(bring_up_to_date(old, schema_steps().first(3)) == Fault::none);
    REQUIRE(old.run("INSERT INTO name (id, text) VALUES (1, 'ok'), (2, 'a'), (3, 'b');"
                    "INSERT INTO attempt (id, request_id, number, upstream, position, reason, "
                    "deliveries, total_us, usage, session, key, cost_nano_usd) VALUES "
                    "(1000000000, 'x', 1, 1, 0, 1, 1, 5, 1, 's', 2, 10),"
                    "(1000000001, 'x', 2, 1, 0, 2, 1, 5, 4, 's', 2, NULL),"
                    "(1000000002, 'y', 1, 1, 0, 1, 1, 5, 1, 's', 3, 100),"
                    "(1000000003, 'z', 1, 1, 0, 1, 1, 5, 1, 's', NULL, 1000),"
                    "(1000000004, 'z', 1, 1, 0, 1, 1, 5, 1, NULL, 2, 7);"
                    "INSERT INTO session_hour VALUES "
                    "('s', 0, 1, 0, 3, 4, 1, 0, 0, 0, 0, 0, 0, 0, 1110, 0, 1, 0)") == Fault::none);
    REQUIRE(bring_up_to_date(old) == Fault::none);
    CHECK(old.text("SELECT group_concat(session || key || ' ' || requests || attempts || failed || "
                   "missing || ' ' || cost_nano_usd, ', ') FROM session_hour") ==
          "s0 1100 1000, s2 1211 10, s3 1100 100");
    old.close();
    const auto store = sqlite_store(folder.file());
    REQUIRE(store->open() == Fault::none);
    REQUIRE(store->write(batch_of(attempt(), request())) == Fault::none);
}

TEST_CASE("An older ledger is brought up to date once, with all that it holds") {
    const Folder folder;
    const auto path = folder.file();
    const std::array<const char*, 2> steps{"CREATE TABLE a (x); INSERT INTO a VALUES (7)",
                                           "ALTER TABLE a ADD COLUMN y; UPDATE a SET y = x * 2"};
    Database database;
    REQUIRE(database.open(path, Database::Access::create) == Fault::none);
    REQUIRE(bring_up_to_date(database, std::span(steps).first(1)) == Fault::none);
    CHECK(database.number("PRAGMA user_version") == 1);
    CHECK(database.number("PRAGMA application_id") == kApplicationId);
    REQUIRE(bring_up_to_date(database, steps) == Fault::none);
    CHECK(database.number("SELECT y FROM a") == 14);
    CHECK(database.number("PRAGMA user_version") == 2);
    REQUIRE(bring_up_to_date(database, steps) == Fault::none);
    CHECK(database.number("SELECT y FROM a") == 14);
    // A step that fails leaves the version before it.
    const std::array<const char*, 3> wrong{steps[0], steps[1],
                                           "CREATE TABLE b (z); INSERT INTO nowhere VALUES (1)"};
    CHECK(bring_up_to_date(database, wrong) == Fault::failed);
    CHECK(database.number("PRAGMA user_version") == 2);
    CHECK_FALSE(database.number("SELECT count(*) FROM b"));
    REQUIRE(database.run("PRAGMA user_version = 99") == Fault::none);
    std::int64_t version = 0;
    CHECK(check_schema(database, version) == Fault::newer);  // than what this build knows
}
