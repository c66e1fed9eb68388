// What of time is the kernel's: its clocks, and the timer that wakes a worker.
#include "net/timers.hpp"

#include <boost/asio/error.hpp>
#include <boost/system/error_code.hpp>

#include <ctime>

namespace understudy::net {

namespace {

// std::chrono::steady_clock is CLOCK_MONOTONIC, and the coarse clock is the same one as of the last
// tick.
Clock::duration since_boot(timespec t) {
    return std::chrono::seconds(t.tv_sec) + std::chrono::nanoseconds(t.tv_nsec);
}

Clock::duration tick() {
    timespec resolution{};
    ::clock_getres(CLOCK_MONOTONIC_COARSE, &resolution);
    return since_boot(resolution);
}

struct Turn {
    TimePoint now{};
    bool loops = false;  // somebody says when the next one begins
    bool known = false;
};
constinit thread_local Turn turn;

}  // namespace

TimePoint Clock::now() noexcept {
    timespec t{};
    ::clock_gettime(CLOCK_MONOTONIC, &t);
    return TimePoint(since_boot(t));
}

void new_turn(bool loops) noexcept {
    turn.loops = loops;
    turn.known = false;
}

void look_at_clock_again() noexcept {
    turn.known = false;
}

TimePoint coarse_now() noexcept {
    if (turn.known) return turn.now;
    static const Clock::duration one_tick = tick();
    timespec last_tick{};
    ::clock_gettime(CLOCK_MONOTONIC_COARSE, &last_tick);
    turn.now = TimePoint(since_boot(last_tick) + one_tick);
    turn.known = turn.loops;
    return turn.now;
}

void TimerQueue::set_alarm() {
    kernel_timer_.expires_at(armed_for_);
    kernel_timer_.async_wait([this](const boost::system::error_code& ec) {
        // Aborted: re-armed for an earlier moment, or the context is going away with this object.
        if (ec != boost::asio::error::operation_aborted) fire();
    });
}

}  // namespace understudy::net
