// Somebody who keeps sums of his own beside those of the ledger, and wants to know what they lack:
// what other processes have written, say. While rows come, nobody else can tell which of them are
// in a sum that is read; the writer can.
#pragma once

#include <chrono>
#include <optional>

namespace understudy::ledger {

/// Called by the writer's thread only.
class Follower {
  public:
    using Clock = std::chrono::steady_clock;
    virtual ~Follower() = default;
    /// Rows were written; `by_others`: by another process, as far as that can be told.
    virtual void written(bool by_others) = 0;
    /// When it wants to look next; none: it does not.
    virtual std::optional<Clock::time_point> due() = 0;
    /// Of this process's rows look() will see those that were put before this call, and hardly any
    /// others: a few that are being put at this moment.
    virtual void prepare() = 0;
    virtual void look() = 0;
};

}  // namespace understudy::ledger
