#include "proxy/pace.hpp"

#include <catch2/catch.hpp>

using namespace std::chrono_literals;
using understudy::net::TimePoint;
using understudy::proxy::Pace;

TEST_CASE("A window starts anew when it has brought its share, and only then") {
    const TimePoint start{1h};
    Pace pace(2s, start);
    CHECK(pace.left(start) == 2s);
    pace.note(999, start + 1s);
    CHECK(pace.left(start + 1s) == 1s);
    pace.note(1000, start + 1500ms);
    CHECK(pace.left(start + 1500ms) == 2s);
    pace.note(1999, start + 3s);
    CHECK(pace.left(start + 3400ms) == 100ms);
    CHECK(pace.left(start + 3500ms) <= 0ms);
}

TEST_CASE("A byte now and then never keeps a place") {
    const TimePoint start{1h};
    Pace pace(400ms, start);
    auto now = start;
    std::uint64_t bytes = 0;
    while (pace.left(now) > 0ms) {
        pace.note(++bytes, now);
        now += 10ms;
    }
    CHECK(now - start == 400ms);
}
