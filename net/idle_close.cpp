#include "net/idle_close.hpp"

#include <algorithm>

namespace understudy::net {

namespace {
// The end may have to be sent twice, and the round trip is an average.
constexpr int kRoundTrips = 4;
// Nearby, the round trip says less than how late a busy peer, or this process, comes to its turn.
constexpr std::chrono::milliseconds kLeast{20};
// No round trip on the Internet that a provider is asked over takes longer, stalls of this process
// included.
constexpr std::chrono::milliseconds kMost{200};
}  // namespace

std::chrono::nanoseconds idle_close_window(std::chrono::nanoseconds round_trip) {
    if (round_trip <= std::chrono::nanoseconds::zero()) return kMost;
    if (round_trip >= kMost) return kMost;
    return std::clamp<std::chrono::nanoseconds>(kRoundTrips * round_trip, kLeast, kMost);
}

bool may_be_idle_close(const IdleCloseEvidence& evidence) {
    return evidence.answer_bytes == 0 &&
           evidence.since_write <= idle_close_window(evidence.round_trip);
}

}  // namespace understudy::net
