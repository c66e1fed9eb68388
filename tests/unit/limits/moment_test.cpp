#include "limits/moment.hpp"

#include "tests/unit/limits/support.hpp"

using namespace understudy::limits;
using namespace understudy::limits::test;

TEST_CASE("Days and months begin and end in UTC") {
    struct Row {
        std::chrono::sys_seconds wall, day, month;
        std::chrono::seconds rest_of_day, rest_of_month;
    };
    const Row rows[] = {
        {utc(2026, 11, 29, 12), utc(2026, 11, 29), utc(2026, 11, 1), 12h, 36h},
        {utc(2026, 11, 30, 23, 59, 59), utc(2026, 11, 30), utc(2026, 11, 1), 1s, 1s},
        {utc(2026, 12, 1), utc(2026, 12, 1), utc(2026, 12, 1), 24h, 31 * 24h},
        {utc(2026, 12, 31, 23), utc(2026, 12, 31), utc(2026, 12, 1), 1h, 1h},
        {utc(2028, 2, 28), utc(2028, 2, 28), utc(2028, 2, 1), 24h, 48h},  // a leap year
        {utc(1970, 1, 1), utc(1970, 1, 1), utc(1970, 1, 1), 24h, 31 * 24h},
    };
    for (const auto& row : rows) {
        CAPTURE(row.wall.time_since_epoch().count());
        REQUIRE(begin_of(Period::day, row.wall) == row.day);
        REQUIRE(begin_of(Period::month, row.wall) == row.month);
        REQUIRE(end_of(Period::day, row.wall) == row.wall + row.rest_of_day);
        REQUIRE(end_of(Period::month, row.wall) == row.wall + row.rest_of_month);
        REQUIRE(rest_of(Period::day, row.wall) == row.rest_of_day);
        REQUIRE(rest_of(Period::month, row.wall) == row.rest_of_month);
    }
}

TEST_CASE("Periods are numbered one after the other") {
    REQUIRE(number_of(Period::day, utc(1970, 1, 2)) == 1);
    REQUIRE(number_of(Period::month, utc(1970, 12, 31)) == 11);
    REQUIRE(number_of(Period::month, utc(1971, 1, 1)) == 12);
    REQUIRE(number_of(Period::day, utc(2026, 12, 1)) ==
            number_of(Period::day, utc(2026, 11, 30, 23, 59, 59)) + 1);
    REQUIRE(number_of(Period::month, utc(2027, 1, 1)) ==
            number_of(Period::month, utc(2026, 12, 31, 23, 59, 59)) + 1);
    REQUIRE(number_of(Period::always, utc(2027, 1, 1)) == 0);
}

TEST_CASE("A wall clock that goes on otherwise than the steady one was set") {
    const auto noon = utc(2026, 11, 29, 12);
    struct Row {
        std::chrono::seconds steady, wall;
        bool set;
    };
    const Row rows[] = {
        {0s, 0s, false},        {60s, 60s, false},
        {24h, 24h, false},                          // midnight by itself
        {60s, 62s, false},      {60s, 57s, false},  // kept right
        {0s, 24h, true},        {0s, -24h, true},
        {60s, 60s - 24h, true},  // set
        {0s, 6s, true},         {0s, -6s, true},
        {1h, 9h, true},  // slept
        {1h, 24h * 365, true},  {0s, -24h * 365 * 30, true},
    };
    for (const auto& row : rows) {
        CAPTURE(row.steady.count(), row.wall.count());
        const auto earlier = at(1000, noon), later = at(1000 + row.steady.count(), noon + row.wall);
        REQUIRE(was_set_between(earlier, later) == row.set);
    }
}
