// Deadlines of one worker. Moving a deadline later, which happens several times per request, is a
// store; only an earlier one touches the heap, and the kernel timer is re-armed only when the
// earliest deadline moved forward. Uses the steady clock: wall-clock jumps change nothing.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include <chrono>
#include <cstddef>
#include <vector>

namespace understudy::net {

/// The monotonic clock; its moments are those of std::chrono::steady_clock. What of time is the
/// kernel's stands in net/kernel_time.cpp alone, so that tests can bring a time of their own
/// (tests/unit/by_hand).
struct Clock {
    using duration = std::chrono::steady_clock::duration;
    using rep = duration::rep;
    using period = duration::period;
    using time_point = std::chrono::steady_clock::time_point;
    static constexpr bool is_steady = true;
    static time_point now() noexcept;
};
using TimePoint = Clock::time_point;

/// For deadlines: later than Clock::now() by at most one tick of the kernel (4 ms as Debian builds
/// it); earlier only while the tick itself is late, as on a virtual machine that does not get its
/// processor. Costs a fifth of it: no time stamp counter is read.
TimePoint coarse_now() noexcept;

/// A turn of this thread's loop begins, or (`loops` false) its loop has ended. Within a turn
/// coarse_now() asks the clock once: a turn takes a few milliseconds at most, and a streamed event
/// asks several times.
void new_turn(bool loops = true) noexcept;

/// A deadline has passed in this turn: coarse_now() asks the clock anew.
void look_at_clock_again() noexcept;

class TimerQueue;

/// One deadline with one callback, owned by whoever waits. Belongs to its worker's thread.
class Timer {
  public:
    using Callback = void (*)(void* context);
    /// `callback(context)` runs once when the deadline passes; it may destroy this timer.
    Timer(TimerQueue& queue, Callback callback, void* context)
        : queue_(queue), callback_(callback), context_(context) {}
    ~Timer();
    Timer(const Timer&) = delete;
    Timer& operator=(const Timer&) = delete;

    /// A deadline that has passed fires at the next turn of the loop, after what else is ready:
    /// also when it is set again by its own callback.
    void set(TimePoint deadline);
    void clear() {
        deadline_ = TimePoint::max();
        expired_ = false;
    }
    TimePoint deadline() const { return deadline_; }
    /// The callback has run, or is running, since the deadline was set. Needs no look at the clock.
    bool expired() const { return expired_; }

  private:
    friend class TimerQueue;
    static constexpr std::size_t kNotQueued = static_cast<std::size_t>(-1);

    TimerQueue& queue_;
    Callback callback_;
    void* context_;
    TimePoint deadline_ = TimePoint::max();
    // While queued no later than deadline_, for the heap is lazy, or the next turn if that has
    // passed.
    TimePoint queued_at_ = TimePoint::max();
    std::size_t index_ = kNotQueued;
    bool expired_ = false;
};

/// All timers of one worker: a binary heap and one kernel timer.
class TimerQueue {
  public:
    explicit TimerQueue(boost::asio::io_context& io) : kernel_timer_(io) {}
    TimerQueue(const TimerQueue&) = delete;
    TimerQueue& operator=(const TimerQueue&) = delete;
    /// Gives back the room that more timers needed.
    void shrink() { heap_.shrink_to_fit(); }

  private:
    friend class Timer;
    void enqueue(Timer& timer);
    void remove(Timer& timer);
    void arm();
    void set_alarm();
    void fire();
    void place(std::size_t index, Timer* timer);
    void sift_up(std::size_t index);
    void sift_down(std::size_t index);

    boost::asio::steady_timer kernel_timer_;
    TimePoint armed_for_ = TimePoint::max();
    TimePoint not_before_ = TimePoint::min();  // of timers that are set while others fire
    std::vector<Timer*> heap_;                 // by queued_at_
};

}  // namespace understudy::net
