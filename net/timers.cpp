#include "net/timers.hpp"

#include <algorithm>

namespace understudy::net {

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
    set_alarm();
}

void TimerQueue::fire() {
    armed_for_ = TimePoint::max();
    const auto now = Clock::now();
    not_before_ = now + Clock::duration(1);
    look_at_clock_again();  // for those who are called, the deadline has passed
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

}  // namespace understudy::net
