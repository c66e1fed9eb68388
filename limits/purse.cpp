#include "limits/purse.hpp"

#include <algorithm>
#include <limits>

namespace understudy::limits {

using std::chrono::seconds;

namespace {

constexpr std::array<Period, kPeriods> kAll{Period::day, Period::month, Period::always};
constexpr std::array<Limit, kPeriods> kLimitOf{Limit::budget_usd_per_day,
                                               Limit::budget_usd_per_month, Limit::session_budget};
constexpr seconds kSoon{1};  // nobody knows when what is under way will be over

// Sums stay far from where they would turn round: 10^9 dollars are nobody's day.
constexpr NanoUsd kMost = std::numeric_limits<NanoUsd>::max() / 8;

NanoUsd sane(NanoUsd amount) {
    return std::clamp<NanoUsd>(amount, 0, kMost);
}

void add(NanoUsd& sum, NanoUsd amount) {
    sum = sane(sum + sane(amount));
}

}  // namespace

// One that is new takes the place of the earliest, which is the one least likely to come again.
NanoUsd& Purse::Tally::at(std::int64_t period) {
    auto* oldest = entries_.data();
    for (auto& entry : entries_) {
        if (entry.period == period) return entry.spent;
        if (entry.period < oldest->period) oldest = &entry;
    }
    *oldest = {period, 0};
    return oldest->spent;
}

Purse::Hold::~Hold() {
    if (!purse_) return;
    const std::lock_guard lock(purse_->mutex_);
    purse_->held_ -= held_;
}

void Purse::Hold::settle(const Moment& now, NanoUsd cost) {
    if (!purse_) return;
    {
        const std::lock_guard lock(purse_->mutex_);
        purse_->held_ -= held_;
        purse_->book_locked(now, cost);
    }
    purse_.reset();
}

// Of all budgets that forbid it the one that has to be waited for longest.
Refusal Purse::refuse(const Budgets& budgets, const Moment& now, NanoUsd amount) {
    Refusal worst;
    for (const auto period : kAll) {
        const auto& most = budgets.of(period);
        if (!most) continue;
        const auto left = *most - tally(period, now);
        const bool used_up = left <= 0;
        if (!used_up && (held_ == 0 || amount <= left - held_)) continue;
        if (!used_up && worst) continue;  // the other one says more
        worst = Refusal(kLimitOf[static_cast<std::size_t>(period)]);
        worst.held = !used_up;
        if (!used_up) worst.again = kSoon;
        if (used_up && period != Period::always) worst.again = rest_of(period, now.wall);
    }
    return worst;
}

Refusal Purse::take(const std::shared_ptr<Purse>& purse, const Budgets& budgets, const Moment& now,
                    NanoUsd amount, Hold& hold) {
    const std::lock_guard lock(purse->mutex_);
    amount = sane(amount);
    if (auto refusal = purse->refuse(budgets, now, amount)) return refusal;
    amount = std::min(amount, kMost - purse->held_);  // where no budget has bounded it
    purse->held_ += amount;
    hold.purse_ = purse;
    hold.held_ = amount;
    return {};
}

void Purse::book_locked(const Moment& now, NanoUsd cost) {
    for (const auto period : kAll) add(tally(period, now), cost);
}

void Purse::book(const Moment& now, NanoUsd cost) {
    const std::lock_guard lock(mutex_);
    book_locked(now, cost);
}

void Purse::catch_up(Period period, const Moment& now, NanoUsd spent, NanoUsd counted) {
    const std::lock_guard lock(mutex_);
    add(tally(period, now), sane(spent) - sane(counted));
}

void Purse::complete(const Moment& now, NanoUsd spent, NanoUsd counted) {
    const std::lock_guard lock(mutex_);
    if (is_complete()) return;
    add(tally(Period::always, now), sane(spent) - sane(counted));
    complete_.store(true, std::memory_order_release);
}

NanoUsd Purse::spent(Period period, const Moment& now) {
    const std::lock_guard lock(mutex_);
    return tally(period, now);
}

std::optional<NanoUsd> Purse::left(const Budgets& budgets, const Moment& now) {
    const std::lock_guard lock(mutex_);
    std::optional<NanoUsd> least;
    for (const auto period : kAll) {
        const auto& most = budgets.of(period);
        if (!most) continue;
        const auto left = std::max<NanoUsd>(*most - tally(period, now) - held_, 0);
        if (!least || left < *least) least = left;
    }
    return least;
}

}  // namespace understudy::limits
