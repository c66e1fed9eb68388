// What ends any wait of an attempt: the client left, a deadline passed, or the thing happened.
#pragma once

#include "net/stream.hpp"
#include "net/task.hpp"
#include "net/timers.hpp"

namespace understudy::net {

/// One per attempt. Everything the attempt waits for raises the same Signal; after each wake-up the
/// attempt asks stopped() before it looks at its streams.
class Watch final : public StreamListener {
  public:
    /// `client_gone` is set by the session, which then notifies `signal`. Both outlive this.
    Watch(Signal& signal, const bool& client_gone, TimerQueue& timers)
        : signal_(&signal),
          client_gone_(client_gone),
          timer_(
              timers, [](void* self) { static_cast<Watch*>(self)->signal_->notify(); }, this) {}

    Signal& signal() { return *signal_; }
    /// From now on this one is raised. What was raised before is for the caller to look at.
    void tell(Signal& signal) { signal_ = &signal; }
    bool client_gone() const { return client_gone_; }
    void set_deadline(TimePoint at) { timer_.set(at); }
    void clear_deadline() { timer_.clear(); }
    bool expired() const { return timer_.expired(); }
    TimePoint deadline() const { return timer_.deadline(); }
    /// True when waiting on makes no sense.
    bool stopped() const { return client_gone_ || expired(); }

  private:
    void on_stream(Stream&) override { signal_->notify(); }

    Signal* signal_;
    const bool& client_gone_;
    Timer timer_;
};

}  // namespace understudy::net
