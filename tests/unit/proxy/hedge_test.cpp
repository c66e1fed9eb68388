#include "proxy/hedge.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <optional>

using namespace understudy::proxy;
using namespace std::chrono_literals;
using understudy::config::Hedge;

namespace {
const AnswerTimes::TimePoint kNow = AnswerTimes::TimePoint() + 1h;
}

TEST_CASE("Hedges stay within their share of requests, and few are saved up") {
    HedgeBudget budget;
    int hedges = 0;
    for (int request = 1; request <= 1000; ++request) {
        budget.earn(5);
        if (budget.take()) ++hedges;  // every one is slow
        REQUIRE(hedges * 100 <= request * 5);
    }
    CHECK(hedges == 50);
    for (int request = 0; request < 10'000; ++request) budget.earn(5);
    hedges = 0;
    while (budget.take()) ++hedges;
    CHECK(hedges == 3);
    budget.give_back();
    CHECK(budget.take());
    CHECK_FALSE(budget.take());
}

TEST_CASE("A budget of all requests hedges the first, and a small one is not rounded up") {
    HedgeBudget all, little;
    all.earn(100);
    CHECK(all.take());
    CHECK_FALSE(all.take());
    for (int request = 1; request < 2000; ++request) {
        little.earn(0.05);
        REQUIRE_FALSE(little.take());
    }
    little.earn(0.05);
    CHECK(little.take());
}

TEST_CASE("A percentile needs enough answers, and forgets the old ones") {
    AnswerTimes times;
    for (int i = 1; i < 20; ++i) times.note(std::chrono::milliseconds(i), kNow);
    CHECK_FALSE(times.percentile(50));
    times.note(20ms, kNow);
    CHECK(times.percentile(50) == 10ms);
    CHECK(times.percentile(95) == 19ms);
    CHECK(times.percentile(99.9) == 20ms);
    CHECK(times.percentile(0.1) == 1ms);
    for (std::size_t i = 0; i < AnswerTimes::kKept; ++i) times.note(700ms, kNow);
    CHECK(times.percentile(1) == 700ms);
    CHECK(times.size() == AnswerTimes::kKept);
}

TEST_CASE("Who fails is passed over for a while, and one request finds out whether it is over") {
    constexpr auto kNever = std::chrono::milliseconds::max();
    AnswerTimes times;
    auto now = kNow;
    for (std::size_t i = 0; i < AnswerTimes::kEnough; ++i) times.note(40ms, now);
    CHECK(times.rank(now) == 40ms);
    std::chrono::milliseconds shunned = 1s;
    for (int i = 0; i < 10; ++i) {
        times.failed(now, std::nullopt);
        times.failed(now, std::nullopt);  // of the same moment
        CHECK(times.rank(now) == kNever);
        CHECK(times.rank(now + shunned - 1ms) == kNever);
        now += shunned;
        CHECK(times.rank(now) != kNever);  // as it was, or, when that is long ago, to find out
        times.asked(now);
        CHECK(times.rank(now) == kNever);
        shunned = std::min<std::chrono::milliseconds>(2 * shunned, 60s);
    }
    times.note(50ms, now);
    CHECK(times.rank(now) == 40ms);
    times.failed(now, 7s);  // so long it wants to be left alone
    CHECK(times.rank(now + 6s) == kNever);
    CHECK(times.rank(now + 7s) == 40ms);
}

TEST_CASE("Who never answered is tried by few, and is not first for ever") {
    constexpr auto kNever = std::chrono::milliseconds::max();
    AnswerTimes dead, silent;
    dead.asked(kNow);
    CHECK_FALSE(dead.rank(kNow));  // it is to be found out about
    dead.failed(kNow, std::nullopt);
    CHECK(dead.rank(kNow) == kNever);
    CHECK_FALSE(dead.rank(kNow + 1s));
    dead.asked(kNow + 1s);
    CHECK(dead.rank(kNow + 1s) == kNever);
    for (std::size_t i = 0; i < AnswerTimes::kMostUnknown; ++i) {
        CHECK_FALSE(silent.rank(kNow));
        silent.asked(kNow);
    }
    CHECK(silent.rank(kNow) == kNever);
    CHECK_FALSE(silent.rank(kNow + AnswerTimes::kStale));
}

TEST_CASE("One answer is enough to be ranked by, and the median of all counts") {
    AnswerTimes times;
    CHECK_FALSE(times.rank(kNow));
    times.asked(kNow);
    CHECK_FALSE(times.rank(kNow));  // nothing has come of it yet
    times.note(700ms, kNow);
    CHECK(times.rank(kNow) == 700ms);
    times.note(30ms, kNow);
    times.note(40ms, kNow);
    CHECK(times.rank(kNow) == 40ms);
    CHECK_FALSE(times.percentile(50));  // of what is usual it says nothing
}

TEST_CASE("Who was slow a while ago is asked once to find out whether it still is") {
    AnswerTimes times;
    for (std::size_t i = 0; i < AnswerTimes::kEnough; ++i) times.note(900ms, kNow);
    const auto later = kNow + AnswerTimes::kStale;
    CHECK(times.rank(later - 1ms) == 900ms);
    CHECK_FALSE(times.rank(later));
    times.asked(later);
    CHECK(times.rank(later) == 900ms);
    times.note(30ms, later);
    CHECK(times.rank(later) == 900ms);  // one of 21
}

TEST_CASE("An end that says nothing of who was asked leaves it to be found out") {
    AnswerTimes times;
    for (std::size_t i = 0; i < AnswerTimes::kEnough; ++i) times.note(40ms, kNow);
    times.failed(kNow, std::nullopt);
    const auto later = kNow + 2s;
    times.asked(later);
    CHECK(times.rank(later) == std::chrono::milliseconds::max());
    times.unasked();  // the client's 400
    CHECK(times.rank(later) == 40ms);
    times.unasked();  // never below none
    CHECK(times.rank(later) == 40ms);
}

TEST_CASE("What is usual is learned by upstream, model and kind, of a bounded number of names") {
    AnswerTimesByModel all;
    CHECK(all.find("a", "m", true) == nullptr);
    all.make("a", "m", true)->note(1s, kNow);
    CHECK(all.find("a", "m", true)->size() == 1);
    CHECK(all.find("a", "m", false) == nullptr);
    CHECK(all.find("b", "m", true) == nullptr);
    for (int i = 0; i < 2000; ++i) all.make("a", std::to_string(i), true);
    CHECK(all.make("a", "one more", true) == nullptr);
    CHECK(all.make("a", "m", true) != nullptr);
}

TEST_CASE("A hedge waits for its time, or for what is usual once that is known") {
    Hedge fixed;
    fixed.after = 1500ms;
    CHECK(hedge_delay(fixed, nullptr) == 1500ms);
    Hedge learned;
    learned.percentile = 90;
    CHECK_FALSE(hedge_delay(learned, nullptr));
    AnswerTimes times;
    CHECK_FALSE(hedge_delay(learned, &times));
    for (int i = 1; i <= 100; ++i) times.note(std::chrono::milliseconds(i), kNow);
    CHECK(hedge_delay(learned, &times) == 90ms);
}
