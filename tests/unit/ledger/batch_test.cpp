#include "ledger/batch.hpp"

#include "ledger/mailbox.hpp"
#include "tests/unit/ledger/support.hpp"

#include <catch2/catch.hpp>

#include <string>
#include <thread>
#include <type_traits>
#include <vector>

using namespace understudy::ledger;
using namespace understudy::ledger::test;

namespace {

/// "a:ID" or "r:ID" of every row, in order.
std::vector<std::string> ids(const Batch& batch) {
    std::vector<std::string> out;
    for (const auto& chunk : batch) {
        chunk.for_each([&out](const auto& row) {
            constexpr bool kAttempt = std::is_same_v<std::decay_t<decltype(row)>, AttemptRow>;
            out.push_back((kAttempt ? "a:" : "r:") + std::string(row.request));
        });
    }
    return out;
}

}  // namespace

TEST_CASE("A row comes out of a chunk as it went in, whatever became of its texts") {
    Chunk chunk(4096);
    {
        std::string session = "conversation 7", detail(100, 'd');
        auto row = attempt(kThen, "the id");
        row.session = session;
        row.detail = detail;
        row.status = 429;
        REQUIRE(chunk.add(row));
        REQUIRE(chunk.add(request(kThen + 1, "")));
        session.assign(session.size(), 'x');
        detail.assign(detail.size(), 'x');
    }
    std::size_t rows = 0;
    chunk.for_each([&](const auto& row) {
        ++rows;
        if constexpr (std::is_same_v<std::decay_t<decltype(row)>, AttemptRow>) {
            CHECK(row.request == "the id");
            CHECK(row.session == "conversation 7");
            CHECK(row.detail == std::string(100, 'd'));
            CHECK(row.operation == "chat");
            CHECK(row.moved_from.empty());
            CHECK(row.status == 429);
            CHECK(row.tokens == Tokens{100, 20, 5, 40, 10});
        } else {
            CHECK(row.request.empty());
            CHECK(row.outcome == "primary");
            CHECK(row.ended_us == kThen + 1);
        }
    });
    CHECK(rows == 2);
    CHECK(chunk.rows() == 2);
}

TEST_CASE("Texts of every length come out as they went in") {
    const std::string letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOP";
    for (std::size_t n = 0; n <= letters.size(); ++n) {
        CAPTURE(n);
        auto row = attempt();
        row.request = std::string_view(letters).substr(0, n);
        row.session = std::string_view(letters).substr(letters.size() - n);
        row.moved_why = row.session;  // the last one: nothing comes behind it
        Chunk chunk(Chunk::need(row));
        REQUIRE(chunk.add(row));
        chunk.for_each([&](const auto& out) {
            CHECK(out.request == row.request);
            CHECK(out.session == row.session);
            if constexpr (requires { out.moved_why; }) CHECK(out.moved_why == row.moved_why);
        });
    }
}

TEST_CASE("A chunk takes what fits, and nothing of what does not") {
    const auto row = attempt();
    Chunk chunk(2 * Chunk::need(row) + 10);
    CHECK(chunk.add(row));
    CHECK(chunk.add(row));
    CHECK_FALSE(chunk.add(row));
    CHECK(chunk.rows() == 2);
    chunk.clear();
    CHECK(chunk.empty());
    CHECK(chunk.add(row));
}

TEST_CASE("A mailbox gives rows in the order in which they came, over many chunks") {
    Room room(1 << 20, {}, {});
    Mailbox box(room);
    std::vector<std::string> expected;
    for (int i = 0; i < 500; ++i) {
        const auto id = std::to_string(i);
        const bool kept = i % 3 == 0 ? box.put(request(kThen, id)) : box.put(attempt(kThen, id));
        REQUIRE(kept);
        expected.push_back((i % 3 == 0 ? "r:" : "a:") + id);
    }
    Batch batch;
    box.take(batch);
    CHECK(box.empty());
    CHECK(batch.size() > 2);
    CHECK(ids(batch) == expected);
    const auto used = room.used();
    for (auto& chunk : batch) box.recycle(std::move(chunk));
    CHECK(room.used() < used);
    CHECK(room.used() == Chunk::kUsualSize);  // one is kept for what comes next
    box.shrink();
    CHECK(room.used() == 0);
}

TEST_CASE("What waits has a bound, of its own and of the process's budget") {
    std::size_t budget = 3 * Chunk::kUsualSize;
    const auto take = [&budget](std::size_t n) { return n <= budget && (budget -= n, true); };
    const auto give = [&budget](std::size_t n) { budget += n; };
    for (const std::size_t most : {2 * Chunk::kUsualSize, 100 * Chunk::kUsualSize}) {
        Room room(most, take, give);
        {
            Mailbox box(room);
            std::size_t kept = 0;
            while (box.put(attempt())) ++kept;
            CHECK(room.used() == std::min(most, 3 * Chunk::kUsualSize));
            CHECK(kept > 40);
            Batch batch;
            box.take(batch);
            CHECK_FALSE(box.put(attempt()));  // what the writer has not written yet counts too
            for (auto& chunk : batch) box.recycle(std::move(chunk));
            CHECK(box.put(attempt()));
        }
        CHECK(room.used() == 0);
        CHECK(budget == 3 * Chunk::kUsualSize);
    }
}

TEST_CASE("A row that is larger than a usual chunk gets one of its own") {
    Room room(1 << 20, {}, {});
    Mailbox box(room);
    const std::string name(2 * Chunk::kUsualSize, 'n');
    REQUIRE(box.put(attempt(kThen, "before")));
    REQUIRE(box.put(attempt(kThen, name)));
    REQUIRE(box.put(attempt(kThen, "behind")));
    Batch batch;
    box.take(batch);
    CHECK(ids(batch) == std::vector<std::string>{"a:before", "a:" + name, "a:behind"});
    for (auto& chunk : batch) box.recycle(std::move(chunk));
}

TEST_CASE("A writer and a worker at once lose nothing") {
    Room room(64 << 20, {}, {});
    Mailbox box(room);
    constexpr int kRows = 20'000;
    std::thread worker([&box] {
        for (int i = 0; i < kRows; ++i) box.put(attempt(kThen, std::to_string(i)));
    });
    int next = 0;
    while (next < kRows) {
        Batch batch;
        box.take(batch);
        for (const auto& id : ids(batch)) REQUIRE(id == "a:" + std::to_string(next++));
        for (auto& chunk : batch) box.recycle(std::move(chunk));
    }
    worker.join();
    CHECK(next == kRows);
}
