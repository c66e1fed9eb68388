#include "upstreams/timers.hpp"

#include <boost/asio/error.hpp>
#include <boost/system/error_code.hpp>

#include <algorithm>
#include <ctime>

namespace understudy::upstreams {

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

void new_turn(bool loops) noexcept {
    turn.loops = loops;
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

Timer::~Timer() {
    if (index_ != kNotQueued) queue_.remove(*this);
}

void Timer::set(TimePoint deadline) {
    deadline_ = deadline;
    expired_ = false;
    if (index_ == kNotQueued || deadline < queued_at_) queue_.enqueue(*this);
}

void TimerQueue::place(std::size_t index, Timer* timer) {
    heap_[index] = timer;
    timer->index_ = index;
}

void TimerQueue::sift_up(std::size_t index) {
    Timer* timer = heap_[index];
    while (index > 0) {
        const std::size_t parent = (index - 1) / 2;
        if (heap_[parent]->queued_at_ <= timer->queued_at_) break;
        place(index, heap_[parent]);
        index = parent;
    }
    place(index, timer);
}

void TimerQueue::sift_down(std::size_t index) {
    Timer* timer = heap_[index];
    for (;;) {
        std::size_t child = 2 * index + 1;
        if (child >= heap_.size()) break;
        if (child + 1 < heap_.size() && heap_[child + 1]->queued_at_ < heap_[child]->queued_at_) {
            ++child;
        }
        if (timer->queued_at_ <= heap_[child]->queued_at_) break;
        place(index, heap_[child]);
        index = child;
    }
    place(index, timer);
}

void TimerQueue::enqueue(Timer& timer) {
    const auto at = std::max(timer.deadline_, not_before_);
    if (timer.index_ == Timer::kNotQueued) {
        timer.queued_at_ = at;
        heap_.push_back(&timer);
        timer.index_ = heap_.size() - 1;
    } else {
        timer.queued_at_ = std::min(timer.queued_at_, at);
    }
    sift_up(timer.index_);  // a queued timer is only enqueued again to come earlier
    arm();
}

void TimerQueue::remove(Timer& timer) {
    const std::size_t hole = timer.index_;
    timer.index_ = Timer::kNotQueued;
    Timer* last = heap_.back();
    heap_.pop_back();
    if (last == &timer) return;
    place(hole, last);
    sift_up(hole);
    sift_down(last->index_);
}

void TimerQueue::arm() {
    if (heap_.empty() || heap_.front()->queued_at_ >= armed_for_) return;
    armed_for_ = heap_.front()->queued_at_;
    kernel_timer_.expires_at(armed_for_);
    kernel_timer_.async_wait([this](const boost::system::error_code& ec) {
        // Aborted: re-armed for an earlier moment, or the context is going away with this object.
        if (ec != boost::asio::error::operation_aborted) fire();
    });
}

void TimerQueue::fire() {
    armed_for_ = TimePoint::max();
    const auto now = Clock::now();
    not_before_ = now + Clock::duration(1);
    turn.known = false;  // for those who are called, the deadline has passed
    // A callback may add and remove timers, so look at the top anew each time.
    while (!heap_.empty() && heap_.front()->queued_at_ <= now) {
        Timer& timer = *heap_.front();
        if (timer.deadline_ > now) {  // moved later, or cleared, since it was queued
            remove(timer);
            if (timer.deadline_ != TimePoint::max()) {
                timer.queued_at_ = timer.deadline_;
                heap_.push_back(&timer);
                timer.index_ = heap_.size() - 1;
                sift_up(timer.index_);
            }
            continue;
        }
        remove(timer);
        timer.expired_ = true;
        timer.callback_(timer.context_);
    }
    not_before_ = TimePoint::min();
    arm();
}

}  // namespace understudy::upstreams
