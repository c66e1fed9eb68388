#include "ledger/retention.hpp"

#include <catch2/catch.hpp>

using namespace understudy::ledger;
using namespace std::chrono_literals;

namespace {

constexpr auto kKeep = 90 * 24h;
constexpr Retention::Wall kWall{std::chrono::microseconds(1'790'000'000'000'000)};

/// A machine that has run for so long, and whose wall clock is set ahead by so much.
Retention::Moment after(std::chrono::seconds run, std::chrono::seconds ahead = 0s) {
    return {std::chrono::steady_clock::time_point(1000h + run), kWall + run + ahead};
}

std::int64_t ended(std::chrono::seconds before) {
    return (kWall - before).time_since_epoch().count();
}

}  // namespace

TEST_CASE("What is older than `keep` may go at once where the clock is where the ledger ended") {
    for (const auto gap : {0h, 23h, -1h, -1000h}) {  // the last two: it was ahead then
        INFO(gap.count());
        Retention retention;
        retention.begin(after(0s), ended(gap));
        const auto verdict = retention.look(after(60s), kKeep);
        CHECK(verdict.before == kWall + 60s - kKeep);
        CHECK(verdict.leapt == 0s);
    }
    Retention empty;
    empty.begin(after(0s), 0);
    CHECK(empty.look(after(60s), kKeep).before);
}

TEST_CASE("A clock far ahead of where the ledger ended is believed after an hour") {
    Retention retention;
    retention.begin(after(0s), ended(48h));
    const auto verdict = retention.look(after(60s), kKeep);
    CHECK_FALSE(verdict.before);
    CHECK(verdict.leapt == 48h - Retention::kEvenly);  // as long as it may go on unseen
    CHECK(verdict.at_start);
    for (auto run = 120s; run < 60s + 1h; run += 60s) {
        const auto later = retention.look(after(run), kKeep);
        CHECK_FALSE(later.before);
        CHECK(later.leapt == 0s);
    }
    CHECK(retention.look(after(60s + 1h), kKeep).before == kWall + 60s + 1h - kKeep);
}

TEST_CASE("A clock that leaps while it is looked at is not believed; one that is set back is") {
    Retention retention;
    retention.begin(after(0s), ended(0s));
    CHECK(retention.look(after(60s), kKeep).before);
    CHECK(retention.look(after(120s, 23h), kKeep).before);
    const auto leap = retention.look(after(180s, 23h + 2400h), kKeep);
    CHECK_FALSE(leap.before);
    CHECK(leap.leapt == 2400h);
    CHECK_FALSE(leap.at_start);
    // Whoever goes on leaping goes on waiting.
    CHECK_FALSE(retention.look(after(50min, 4800h), kKeep).before);
    CHECK_FALSE(retention.look(after(100min, 4800h), kKeep).before);
    CHECK_FALSE(retention.look(after(101min), kKeep).before);
    CHECK(retention.look(after(111min), kKeep).before == kWall + 111min - kKeep);
    CHECK(retention.look(after(112min, -2400h), kKeep).before);
}

TEST_CASE("Of a ledger that keeps an hour no leap of two hours is believed") {
    Retention retention;
    retention.begin(after(0s), ended(0s));
    CHECK(retention.look(after(60s, 59min), 1h).before);
    CHECK_FALSE(retention.look(after(120s, 3h), 1h).before);
}
