// When the end of a pooled connection says nothing about a request that was just written to it.
// Pure.
#pragma once

#include <chrono>
#include <cstdint>

namespace understudy::upstreams {

/// What is known where a pooled connection ended before its answer.
struct IdleCloseEvidence {
    std::uint64_t answer_bytes = 0;           // that came since the request
    std::chrono::nanoseconds since_write{0};  // from the last write to the end that was seen
};

/// Whether the server may have closed the connection while it was idle, so that the request never
/// reached it. Such an end crosses the request on the way and is seen within a round trip; what is
/// seen later is the end of a request that was being worked on, and sending that again would have
/// it done, and billed, twice.
bool may_be_idle_close(const IdleCloseEvidence& evidence);

}  // namespace understudy::upstreams
