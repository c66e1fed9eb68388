#include "limits/minute_window.hpp"

#include <algorithm>

namespace understudy::limits {

void MinuteWindow::advance(std::int64_t tick) {
    if (tick <= tick_) return;
    // What has come between is all that has to be emptied, and no more than there is.
    const auto from = std::max(tick_ + 1, tick - kSlots + 1);
    for (auto t = from; t <= tick; ++t) {
        sum_ -= slot(t);
        slot(t) = 0;
    }
    tick_ = tick;
}

void MinuteWindow::add(Ticks tick, std::uint64_t n) {
    advance(tick.count());
    slot(tick_) += n;
    sum_ += n;
}

std::uint64_t MinuteWindow::sum(Ticks tick) {
    advance(tick.count());
    return sum_;
}

// Newest first: what is asked for mostly is in the tick that runs. That one has begun already, so
// the wait ends a little sooner than its whole ticks, and never later.
std::chrono::seconds MinuteWindow::wait(Ticks tick, std::uint64_t most) {
    if (sum(tick) <= most) return std::chrono::seconds(0);
    std::uint64_t newer = 0;
    auto t = tick_;
    for (; t > tick_ - kSlots + 1; --t) {
        newer += slot(t);
        if (newer > most) break;
    }
    return std::chrono::ceil<std::chrono::seconds>(Ticks(t + kSlots - tick_));
}

}  // namespace understudy::limits
