#include "net/idle_close.hpp"

#include <catch2/catch.hpp>

using namespace understudy::net;
using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::nanoseconds;

TEST_CASE("An idle close is seen within a few round trips, 20 ms at least and 200 ms at most") {
    struct Row {
        nanoseconds round_trip, window;
    };
    const Row rows[] = {{nanoseconds(1), milliseconds(20)},
                        {microseconds(40), milliseconds(20)},
                        {milliseconds(5), milliseconds(20)},
                        {microseconds(5001), microseconds(20004)},
                        {milliseconds(30), milliseconds(120)},
                        {milliseconds(50), milliseconds(200)},
                        {milliseconds(51), milliseconds(200)},
                        {milliseconds(3000), milliseconds(200)},
                        {nanoseconds::max(), milliseconds(200)},
                        {nanoseconds(0), milliseconds(200)},  // not known: the widest there is
                        {nanoseconds(-1), milliseconds(200)}};
    for (const auto& row : rows) {
        CAPTURE(row.round_trip.count());
        CHECK(idle_close_window(row.round_trip) == row.window);
    }
}

TEST_CASE("Only an end that may have crossed the request is that of an idle connection") {
    struct Row {
        std::uint64_t bytes;
        milliseconds after, round_trip;
        bool idle;
    };
    const milliseconds here(0), near(1), far(30), very_far(90);
    const Row rows[] = {
        {0, milliseconds(0), near, true},       {0, milliseconds(20), near, true},
        {0, milliseconds(21), near, false},     {0, milliseconds(150), near, false},
        {0, milliseconds(120), far, true},      {0, milliseconds(121), far, false},
        {0, milliseconds(200), very_far, true}, {0, milliseconds(201), very_far, false},
        {0, milliseconds(200), here, true},     {0, milliseconds(201), here, false},
        {0, milliseconds(3000), far, false},    {1, milliseconds(0), near, false},
        {1, milliseconds(0), far, false},       {4096, milliseconds(3000), very_far, false}};
    for (const auto& row : rows) {
        IdleCloseEvidence evidence;
        evidence.answer_bytes = row.bytes;
        evidence.since_write = row.after;
        evidence.round_trip = row.round_trip;
        CAPTURE(row.bytes, row.after.count(), row.round_trip.count());
        CHECK(may_be_idle_close(evidence) == row.idle);
    }
}
