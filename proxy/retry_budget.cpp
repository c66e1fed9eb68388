#include "proxy/retry_budget.hpp"

#include <algorithm>
#include <utility>

namespace understudy::proxy {

bool within_budget(const config::RetryBudget& budget, metrics::Extra kind, std::size_t active,
                   std::size_t requests) {
    if (kind == metrics::Extra::failover && !budget.failovers) return true;
    if (active < budget.min) return true;
    return static_cast<double>(active + 1) <= budget.percent / 100 * static_cast<double>(requests);
}

void RetryBudget::use(const config::RetryBudget& budget) {
    percent_.store(budget.percent, std::memory_order_relaxed);
    min_.store(budget.min, std::memory_order_relaxed);
    failovers_.store(budget.failovers, std::memory_order_relaxed);
}

RetryBudget::Place RetryBudget::take(metrics::Extra kind, std::size_t requests) {
    const config::RetryBudget budget{percent_.load(std::memory_order_relaxed),
                                     min_.load(std::memory_order_relaxed),
                                     failovers_.load(std::memory_order_relaxed)};
    auto active = active_.load(std::memory_order_relaxed);
    do {
        if (!within_budget(budget, kind, active, requests)) return {};
    } while (!active_.compare_exchange_weak(active, active + 1, std::memory_order_relaxed));
    return Place(*this);
}

RetryBudget::Place::Place(Place&& other) noexcept
    : budget_(std::exchange(other.budget_, nullptr)) {}

RetryBudget::Place& RetryBudget::Place::operator=(Place&& other) noexcept {
    std::swap(budget_, other.budget_);
    return *this;
}

RetryBudget::Place::~Place() {
    if (budget_ != nullptr) budget_->active_.fetch_sub(1, std::memory_order_relaxed);
}

}  // namespace understudy::proxy
