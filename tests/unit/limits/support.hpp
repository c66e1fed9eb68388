// Moments by hand: a second of the steady clock and a date of the wall clock, apart from each
// other.
#pragma once

#include "limits/moment.hpp"

#include <catch2/catch.hpp>

namespace understudy::limits::test {

using namespace std::chrono_literals;

inline std::chrono::sys_seconds utc(int year, unsigned month, unsigned day, int hour = 0,
                                    int minute = 0, int second = 0) {
    const std::chrono::sys_days date{std::chrono::year{year} / static_cast<int>(month) /
                                     static_cast<int>(day)};
    return date + std::chrono::hours{hour} + std::chrono::minutes{minute} +
           std::chrono::seconds{second};
}

inline Moment at(std::int64_t second, std::chrono::sys_seconds wall = utc(2026, 11, 29, 12)) {
    return {std::chrono::steady_clock::time_point{std::chrono::seconds{second}}, wall};
}
inline Moment at(std::chrono::sys_seconds wall) {
    return at(1000, wall);
}

}  // namespace understudy::limits::test
