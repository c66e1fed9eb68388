#include "limits/minute_window.hpp"

#include <algorithm>

namespace understudy::limits {

void MinuteWindow::advance(std::int64_t second) {
    if (second <= second_) return;
    // What has come between is all that has to be emptied, and no more than there is.
    const auto from = std::max(second_ + 1, second - kSlots + 1);
    for (auto s = from; s <= second; ++s) {
        sum_ -= slot(s);
        slot(s) = 0;
    }
    second_ = second;
}

void MinuteWindow::add(std::int64_t second, std::uint64_t n) {
    advance(second);
    slot(second_) += n;
    sum_ += n;
}

std::uint64_t MinuteWindow::sum(std::int64_t second) {
    advance(second);
    return sum_;
}

// Newest first: what is asked for mostly is in the second that runs.
std::int64_t MinuteWindow::wait(std::int64_t second, std::uint64_t most) {
    if (sum(second) <= most) return 0;
    std::uint64_t newer = 0;
    auto s = second_;
    for (; s > second_ - kSlots + 1; --s) {
        newer += slot(s);
        if (newer > most) break;
    }
    return s + kSlots - second_;
}

}  // namespace understudy::limits
