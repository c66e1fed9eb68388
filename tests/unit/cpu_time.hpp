// What a piece of work costs, for tests that only a change of kind (linear to square) is to fail:
// the time on the wall grows with whatever else the machine does.
#pragma once

#include <ctime>

#include <chrono>

namespace understudy::test {

/// CPU time of the calling thread so far.
inline std::chrono::nanoseconds cpu_time() {
    timespec now{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec);
}

}  // namespace understudy::test
