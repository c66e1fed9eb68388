// Many rows in one statement: every one of them is there, whatever stands in its way.
#include "ledger/sqlite/sqlite_store.hpp"
#include "tests/unit/ledger/support.hpp"

#include <catch2/catch.hpp>

#include <string>
#include <vector>

using namespace understudy::ledger;
using namespace understudy::ledger::test;

namespace {

constexpr std::int64_t kHour = 3'600'000'000;

/// Rows whose ids are the texts, at these times.
class Rows {
  public:
    Batch batch(const std::vector<std::int64_t>& times) {
        Batch batch;
        batch.emplace_back(1 << 20);
        for (const auto at : times) {
            const auto id = std::to_string(next_++);
            auto one = attempt(at, id);
            one.session = next_ % 3 == 0 ? "s" : "";
            one.model = next_ % 5 == 0 ? "a" : "bb";
            one.detail = next_ % 7 == 0 ? "it failed" : "";
            one.reason = one.detail.empty() ? "ok" : "timeout";
            REQUIRE(batch.back().add(one));
            REQUIRE(batch.back().add(request(at, id)));
        }
        return batch;
    }

  private:
    int next_ = 1;
};

}  // namespace

TEST_CASE("As many rows as come are written, each with what is its own") {
    for (const int rows : {1, 3, 4, 15, 16, 17, 37, 200}) {
        const Folder folder;
        const auto path = folder.file();
        const auto store = sqlite_store(path);
        REQUIRE(store->open() == Fault::none);
        Rows made;
        std::vector<std::int64_t> times;
        for (int i = 0; i < rows; ++i) times.push_back(kThen + i * 10);
        // Twice: what a statement had before is not what it has now.
        for (int round = 0; round < 2; ++round) {
            for (auto& at : times) at += round * kHour;
            REQUIRE(store->write(made.batch(times)) == Fault::none);
        }
        const auto all = std::to_string(2 * rows);
        CHECK(ask(path, "SELECT count(*) FROM request") == all);
        CHECK(ask(path, "SELECT sum(attempts) FROM usage_hour") == all);
        CHECK(ask(path,
                  "SELECT count(*) FROM attempts WHERE"
                  "  session IS CASE (request_id + 1) % 3 WHEN 0 THEN 's' END"
                  "  AND model = CASE (request_id + 1) % 5 WHEN 0 THEN 'a' ELSE 'bb' END"
                  "  AND detail IS CASE (request_id + 1) % 7 WHEN 0 THEN 'it failed' END"
                  "  AND reason = CASE (request_id + 1) % 7 WHEN 0 THEN 'timeout' ELSE 'ok' END") ==
              all);
        CHECK(ask(path,
                  "SELECT count(*) FROM attempt a JOIN request r ON r.request_no = a.request_no "
                  "AND r.request_id = a.request_id") == all);
    }
}

TEST_CASE("What no row has had so far is written with the first one that has it") {
    for (const int rows : {1, 4, 16}) {
        const Folder folder;
        const auto path = folder.file();
        const auto store = sqlite_store(path);
        REQUIRE(store->open() == Fault::none);
        std::int64_t at = kThen;
        const auto write = [&](auto change) {
            Batch batch;
            batch.emplace_back(1 << 20);
            for (int i = 0; i < rows; ++i) {
                const auto id = std::to_string(++at);
                auto one = attempt(at, id);
                auto whole = request(at, id);
                if (i == rows / 2) change(one, whole);
                REQUIRE((batch.back().add(one) && batch.back().add(whole)));
            }
            REQUIRE(store->write(batch) == Fault::none);
        };
        const auto nothing = [](auto&, auto&) {};
        write(nothing);
        write([](auto& one, auto& whole) {
            one.tier = "flex";
            one.estimated_output = 7;
            whole.code = "overloaded";
        });
        write(nothing);
        write([](auto& one, auto& whole) {
            one.detail = "it broke";
            one.unpriced = true;
            whole.broken = true;
        });
        write([](auto& one, auto&) { one.first_token_us = -1; });
        const auto count = [&](const std::string& which) {
            return ask(path, ("SELECT count(*) FROM " + which).c_str());
        };
        CHECK(count("attempts WHERE tier = 'flex' AND estimated_output = 7 AND detail IS NULL "
                    "AND unpriced IS NULL") == "1");
        CHECK(count("attempts WHERE detail = 'it broke' AND unpriced = 1 AND tier IS NULL "
                    "AND estimated_output IS NULL") == "1");
        CHECK(count("attempts WHERE first_token_ms IS NULL AND detail IS NULL AND tier IS NULL") ==
              "1");
        CHECK(count("attempts WHERE input = 100 AND price = 'built-in 1' AND status = 200 "
                    "AND request_no IS NOT NULL") == std::to_string(5 * rows));
        CHECK(count("requests WHERE code = 'overloaded' AND broken IS NULL") == "1");
        CHECK(count("requests WHERE broken = 1 AND code IS NULL") == "1");
        CHECK(count("requests WHERE prompt_tokens = 125 AND served_by = 'openai'") ==
              std::to_string(5 * rows));
    }
}

TEST_CASE("A clock that is set in the middle of many rows costs none of them its place") {
    const Folder folder;
    const auto path = folder.file();
    const auto store = sqlite_store(path);
    REQUIRE(store->open() == Fault::none);
    Rows made;
    std::vector<std::int64_t> times;
    for (int i = 0; i < 100; ++i) {
        // Back by an hour and on again, every few rows, so that the same times come many times.
        const bool back = i / 7 % 2 == 1;
        times.push_back(kThen + i % 4 - (back ? kHour : 0));
    }
    REQUIRE(store->write(made.batch(times)) == Fault::none);
    REQUIRE(store->write(made.batch(times)) == Fault::none);
    for (const auto* const table : {"attempt", "request"}) {
        const auto sql =
            "SELECT count(*) || ' ' || count(DISTINCT request_id) FROM " + std::string(table);
        CHECK(ask(path, sql.c_str()) == "200 200");
    }
    CHECK(ask(path, "SELECT sum(attempts) FROM usage_hour") == "200");
    // Each in the hour that its id is in.
    CHECK(
        ask(path,
            "SELECT count(*) FROM (SELECT id / 3600000000 AS h, count(*) AS n FROM attempt "
            "GROUP BY h) a JOIN (SELECT hour, sum(attempts) AS n FROM usage_hour GROUP BY hour) u "
            "ON u.hour = a.h AND u.n = a.n") == "2");
}

TEST_CASE("Two processes that write at the same times take no place from each other") {
    const Folder folder;
    const auto path = folder.file();
    const auto one = sqlite_store(path), two = sqlite_store(path);
    REQUIRE(one->open() == Fault::none);
    REQUIRE(two->open() == Fault::none);
    Rows made;
    for (int round = 0; round < 4; ++round) {
        std::vector<std::int64_t> times;
        for (int i = 0; i < 40; ++i) times.push_back(kThen + round * 20 + i);
        REQUIRE(one->write(made.batch(times)) == Fault::none);
        REQUIRE(two->write(made.batch(times)) == Fault::none);
    }
    CHECK(ask(path, "SELECT count(*) FROM attempt") == "320");
    CHECK(ask(path, "SELECT count(*) FROM request") == "320");
    CHECK(ask(path, "SELECT sum(attempts) FROM usage_hour") == "320");
}
