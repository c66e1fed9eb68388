#include "upstreams/idle_close.hpp"

#include <catch2/catch.hpp>

using namespace understudy::upstreams;
using std::chrono::milliseconds;

TEST_CASE("Only an end that may have crossed the request is that of an idle connection") {
    struct Row {
        std::uint64_t bytes;
        milliseconds after;
        bool idle;
    };
    const Row rows[] = {{0, milliseconds(0), true},       {0, milliseconds(1), true},
                        {0, milliseconds(200), true},     {0, milliseconds(201), false},
                        {0, milliseconds(3000), false},   {1, milliseconds(0), false},
                        {4096, milliseconds(3000), false}};
    for (const auto& row : rows) {
        IdleCloseEvidence evidence;
        evidence.answer_bytes = row.bytes;
        evidence.since_write = row.after;
        CAPTURE(row.bytes, row.after.count());
        CHECK(may_be_idle_close(evidence) == row.idle);
    }
}
