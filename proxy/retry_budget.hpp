// How much of what goes to upstreams may be sent again: the extra attempts of all requests together
// stay within a share of the requests under way, so that an outage does not become a storm on who
// steps in. Shared by all workers. Costs a request nothing as long as its first attempt is good.
#pragma once

#include "config/config.hpp"
#include "metrics/series.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace understudy::proxy {

/// Whether one more extra attempt may be made while `active` are under way, for `requests` requests
/// of which each has one attempt that is none. Failovers always may, unless they are bounded too:
/// there is at most one of them for each request and entry, and refusing one is an error to a
/// client that could have had an answer. But they count, so that retries and hedges give way.
bool within_budget(const config::RetryBudget& budget, metrics::Extra kind, std::size_t active,
                   std::size_t requests);

class RetryBudget {
  public:
    /// Any thread; at start and reload.
    void use(const config::RetryBudget& budget);

    /// An extra attempt under way; gives its place back when it goes.
    class Place {
      public:
        Place() = default;
        Place(Place&& other) noexcept;
        Place& operator=(Place&& other) noexcept;
        Place(const Place&) = delete;
        Place& operator=(const Place&) = delete;
        ~Place();
        explicit operator bool() const { return budget_ != nullptr; }

      private:
        friend class RetryBudget;
        explicit Place(RetryBudget& budget) : budget_(&budget) {}
        RetryBudget* budget_ = nullptr;
    };

    /// An empty one: the budget is used up. Any worker.
    Place take(metrics::Extra kind, std::size_t requests);
    std::size_t active() const { return active_.load(std::memory_order_relaxed); }

  private:
    std::atomic<std::size_t> active_{0};
    std::atomic<double> percent_{config::RetryBudget{}.percent};
    std::atomic<std::uint32_t> min_{config::RetryBudget{}.min};
    std::atomic<bool> failovers_{config::RetryBudget{}.failovers};
};

}  // namespace understudy::proxy
