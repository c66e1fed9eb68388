// The money of one key or one session, over all workers, in whole nano-dollars. Before an attempt
// what it may cost is held; when it is over that is given back and what it did cost is booked. What
// was spent is kept for each day and month apart, a few of them, so that a clock that is set
// forwards and back again finds what it had left. One lock, for a few additions.
#pragma once

#include "limits/moment.hpp"
#include "limits/refusal.hpp"

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>

namespace understudy::limits {

using NanoUsd = std::int64_t;

/// What may be spent in each period.
struct Budgets {
    std::array<std::optional<NanoUsd>, kPeriods> most;
    std::optional<NanoUsd>& of(Period period) { return most[static_cast<std::size_t>(period)]; }
    const std::optional<NanoUsd>& of(Period period) const {
        return most[static_cast<std::size_t>(period)];
    }
    bool any() const { return most[0] || most[1] || most[2]; }
};

class Purse {
  public:
    /// Money held for an attempt. Goes back when it goes, unless it was settled.
    class Hold {
      public:
        Hold() = default;
        Hold(Hold&& other) noexcept : purse_(std::move(other.purse_)), held_(other.held_) {
            other.purse_.reset();
        }
        Hold& operator=(Hold&& other) noexcept {
            purse_.swap(other.purse_);
            std::swap(held_, other.held_);
            return *this;
        }
        Hold(const Hold&) = delete;
        Hold& operator=(const Hold&) = delete;
        ~Hold();
        /// The attempt is over and has cost this.
        void settle(const Moment& now, NanoUsd cost);
        explicit operator bool() const { return purse_ != nullptr; }

      private:
        friend class Purse;
        std::shared_ptr<Purse> purse_;
        NanoUsd held_ = 0;
    };

    /// Holds so much money of `purse` and fills `hold` in; or says why not. While nothing is held
    /// and something is left, it is held whatever it is: what is spent can go beyond a budget by
    /// one answer and no more.
    static Refusal take(const std::shared_ptr<Purse>& purse, const Budgets& budgets,
                        const Moment& now, NanoUsd amount, Hold& hold);
    /// So much was spent.
    void book(const Moment& now, NanoUsd cost);
    /// So much was spent in this period in all, here and elsewhere, when of that `counted` was
    /// booked here: the difference is booked.
    void catch_up(Period period, const Moment& now, NanoUsd spent, NanoUsd counted);
    /// What was spent before this purse was made is in it, for who has to know: since complete().
    bool is_complete() const { return complete_.load(std::memory_order_acquire); }
    /// The same of `always`. Once is enough.
    void complete(const Moment& now, NanoUsd spent, NanoUsd counted);
    NanoUsd spent(Period period, const Moment& now);
    /// What is neither spent nor held, of the budget that has least; not below 0. None: there is no
    /// budget.
    std::optional<NanoUsd> left(const Budgets& budgets, const Moment& now);

  private:
    /// What was spent in a period, of a few periods.
    class Tally {
      public:
        NanoUsd& at(std::int64_t period);

      private:
        struct Entry {
            std::int64_t period = -1;
            NanoUsd spent = 0;
        };
        std::array<Entry, 4> entries_;
    };
    NanoUsd& tally(Period period, const Moment& now) {
        return tallies_[static_cast<std::size_t>(period)].at(number_of(period, now.wall));
    }
    void book_locked(const Moment& now, NanoUsd cost);
    Refusal refuse(const Budgets& budgets, const Moment& now, NanoUsd amount);

    std::mutex mutex_;
    std::array<Tally, kPeriods> tallies_;
    NanoUsd held_ = 0;
    std::atomic<bool> complete_{false};
};

}  // namespace understudy::limits
