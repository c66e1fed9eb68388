#include "upstreams/key_pool.hpp"

#include <algorithm>

namespace understudy::upstreams {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::nanoseconds;
using std::chrono::seconds;
using wire::FailureClass;

namespace {

std::int64_t count(net::TimePoint at) {
    return std::chrono::duration_cast<nanoseconds>(at.time_since_epoch()).count();
}

net::TimePoint point(std::int64_t word) {
    return net::TimePoint(std::chrono::duration_cast<net::Clock::duration>(nanoseconds(word)));
}

}  // namespace

KeyVerdict judge_key(FailureClass failure, unsigned status, bool one_request) {
    if (one_request) return KeyVerdict::nothing;
    constexpr unsigned kUnauthorized = 401;
    switch (failure) {
        case FailureClass::none:
            return KeyVerdict::good;
        case FailureClass::rate_limit:
            return KeyVerdict::limited;
        case FailureClass::quota:
            return KeyVerdict::spent;
        case FailureClass::auth:
            return status == kUnauthorized ? KeyVerdict::refused : KeyVerdict::spent;
        default:
            return KeyVerdict::nothing;
    }
}

milliseconds key_rest(KeyVerdict verdict, std::uint32_t strikes,
                      std::optional<milliseconds> retry_after) {
    const bool spent = verdict == KeyVerdict::spent;
    const milliseconds first = spent ? milliseconds(minutes(1)) : milliseconds(seconds(1));
    const milliseconds longest = 60 * first;
    const auto rest = std::min<milliseconds>(longest, first * (1LL << std::min(strikes, 10U)));
    return std::max(rest, retry_after.value_or(milliseconds(0)));
}

KeyPool::Pick KeyPool::first_usable(std::size_t from, net::TimePoint now, Tried tried) const {
    const auto at = count(now);
    std::int64_t soonest = kRetired;
    for (std::size_t i = 0; i < slots_.size(); ++i) {
        const auto position = (from + i) % slots_.size();
        const auto until = slots_[position].rests_until.load(std::memory_order_relaxed);
        const bool used = ((tried >> position) & 1) != 0;
        if (until <= at && !used) return {position, {}, false};
        if (until > at) soonest = std::min(soonest, until);
    }
    if (soonest == kRetired) return {std::nullopt, net::TimePoint::max(), false};
    return {std::nullopt, point(soonest), (soonest & 1) != 0};
}

KeyPool::Pick KeyPool::take(net::TimePoint now, Tried tried) {
    return first_usable(next_.fetch_add(1, std::memory_order_relaxed), now, tried);
}

KeyPool::Pick KeyPool::look(net::TimePoint now) const {
    return first_usable(next_.load(std::memory_order_relaxed), now, 0);
}

bool KeyPool::some_left() const {
    return std::any_of(slots_.begin(), slots_.end(), [](const auto& slot) {
        return slot.rests_until.load(std::memory_order_relaxed) != kRetired;
    });
}

bool KeyPool::some_rest(net::TimePoint now) const {
    for (std::size_t i = 0; i < slots_.size(); ++i) {
        if (state(i, now) == State::resting) return true;
    }
    return false;
}

std::size_t KeyPool::soonest() const {
    std::size_t first = 0;
    for (std::size_t i = 1; i < slots_.size(); ++i) {
        const auto until = slots_[i].rests_until.load(std::memory_order_relaxed);
        if (until < slots_[first].rests_until.load(std::memory_order_relaxed)) first = i;
    }
    return first;
}

bool KeyPool::settle(std::size_t position, KeyVerdict verdict,
                     std::optional<milliseconds> retry_after, net::TimePoint now) {
    auto& slot = slots_[position];
    switch (verdict) {
        case KeyVerdict::nothing:
            return false;
        case KeyVerdict::good:
            // Read first: what is the same everywhere stays in everybody's cache.
            if (slot.strikes.load(std::memory_order_relaxed) != 0) {
                slot.strikes.store(0, std::memory_order_relaxed);
            }
            return false;
        case KeyVerdict::refused:
            return slot.rests_until.exchange(kRetired, std::memory_order_relaxed) != kRetired;
        case KeyVerdict::limited:
        case KeyVerdict::spent:
            break;
    }
    auto before = slot.rests_until.load(std::memory_order_relaxed);
    // Requests that were under way together meet the same limit: it is one strike.
    const bool rested = before > count(now);
    const auto strikes = slot.strikes.load(std::memory_order_relaxed);
    const auto earlier = rested && strikes > 0 ? strikes - 1 : strikes;
    const auto rest = key_rest(verdict, earlier, retry_after);
    const bool named = retry_after && *retry_after >= rest;
    auto until = count(now + rest) & ~std::int64_t{1};
    if (named) until |= 1;
    // A retired one stays so, and a longer rest stays the longer one.
    while (before < until) {
        if (!slot.rests_until.compare_exchange_weak(before, until, std::memory_order_relaxed)) {
            continue;
        }
        if (!rested) slot.strikes.store(strikes + 1, std::memory_order_relaxed);
        return !rested;
    }
    return false;
}

KeyPool::State KeyPool::state(std::size_t position, net::TimePoint now) const {
    const auto until = slots_[position].rests_until.load(std::memory_order_relaxed);
    if (until == kRetired) return State::retired;
    return until > count(now) ? State::resting : State::in_use;
}

void KeyPool::forget_refusals() {
    for (auto& slot : slots_) {
        auto refused = kRetired;
        slot.rests_until.compare_exchange_strong(refused, 0, std::memory_order_relaxed);
    }
}

}  // namespace understudy::upstreams
