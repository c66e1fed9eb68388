// When the end of a pooled connection says nothing about a request that was just written to it.
// Pure.
#pragma once

#include <chrono>
#include <cstdint>

namespace understudy::net {

/// What is known where a pooled connection ended before its answer.
struct IdleCloseEvidence {
    std::uint64_t answer_bytes = 0;           // that came since the request
    std::chrono::nanoseconds since_write{0};  // from the last write to the end that was seen
    std::chrono::nanoseconds round_trip{
        0};  // of this connection, as its kernel knows it; 0: unknown
};

/// How long after a write the end of an idle connection may still be on its way: a few round trips,
/// within bounds. 20 to 200 ms.
std::chrono::nanoseconds idle_close_window(std::chrono::nanoseconds round_trip);

/// Whether the server may have closed the connection while it was idle, so that the request never
/// reached it. Such an end crosses the request on the way and is seen within a round trip; what is
/// seen later is the end of a request that was being worked on, and sending that again would have
/// it done, and billed, twice.
bool may_be_idle_close(const IdleCloseEvidence& evidence);

}  // namespace understudy::net
