// What is counted for one limited key: rates, money, and how often a limit has said no. Shared by
// all workers and kept over reloads; the rules come with each question, so that a new configuration
// holds at once.
#pragma once

#include "limits/purse.hpp"
#include "limits/rates.hpp"

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>

namespace understudy::limits {

/// What a key may do.
struct Rules {
    RateRules rates;
    Budgets budgets;
    bool any() const { return rates.any() || budgets.any(); }
};

class Allowance {
  public:
    Rates& rates() { return rates_; }
    const std::shared_ptr<Purse>& purse() const { return purse_; }
    void count(Limit limit) {
        denied_[static_cast<std::size_t>(limit)].fetch_add(1, std::memory_order_relaxed);
    }
    std::uint64_t denied(Limit limit) const {
        return denied_[static_cast<std::size_t>(limit)].load(std::memory_order_relaxed);
    }

  private:
    Rates rates_;
    std::shared_ptr<Purse> purse_ = std::make_shared<Purse>();
    std::array<std::atomic<std::uint64_t>, kLimits> denied_{};
};

}  // namespace understudy::limits
