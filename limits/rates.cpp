#include "limits/rates.hpp"

#include <algorithm>

namespace understudy::limits {

using std::chrono::seconds;
using Ticks = MinuteWindow::Ticks;

namespace {

// Nobody knows when a request under way will be over.
constexpr seconds kSoon{1};

std::uint64_t less(std::uint64_t a, std::uint64_t b) {
    return a > b ? a - b : 0;
}

}  // namespace

Rates::Pass::~Pass() {
    if (rates_ == nullptr) return;
    const std::lock_guard lock(rates_->mutex_);
    --rates_->in_flight_;
    rates_->held_ -= held_;
}

void Rates::Pass::use(const Moment& now, std::uint64_t tokens) {
    if (rates_ == nullptr || tokens == 0) return;
    const auto freed = std::min(held_, tokens);
    held_ -= freed;
    const std::lock_guard lock(rates_->mutex_);
    rates_->held_ -= freed;
    rates_->tokens_.add(now.in<Ticks>(), tokens);
}

// The limit that has to be waited for longest.
Refusal Rates::refuse(const RateRules& rules, Ticks tick, std::uint64_t tokens) {
    Refusal worst;
    const auto consider = [&worst](Limit limit, bool held, seconds again) {
        again = std::max(again, kSoon);
        if (worst && *worst.again >= again) return;
        worst = Refusal(limit);
        worst.held = held;
        worst.again = again;
    };
    if (rules.requests_in_flight && in_flight_ >= *rules.requests_in_flight) {
        consider(Limit::requests_in_flight, true, kSoon);
    }
    if (rules.requests_per_minute && requests_.sum(tick) >= *rules.requests_per_minute) {
        const auto wait = requests_.wait(tick, *rules.requests_per_minute - 1);
        consider(Limit::requests_per_minute, false, wait);
    }
    if (!rules.tokens_per_minute) return worst;
    const auto limit = *rules.tokens_per_minute;
    const auto used = tokens_.sum(tick);
    if (used >= limit) {
        consider(Limit::tokens_per_minute, false, tokens_.wait(tick, limit - 1));
    } else if (held_ > 0 && less(limit, used + held_) < tokens) {
        const auto room = less(limit, held_ + tokens);
        const bool by_time = held_ + tokens <= limit;
        const auto wait = by_time ? tokens_.wait(tick, room) : kSoon;
        consider(Limit::tokens_per_minute, true, wait);
    }
    return worst;
}

Refusal Rates::admit(const RateRules& rules, const Moment& now, std::uint64_t tokens, Pass& pass) {
    const std::lock_guard lock(mutex_);
    if (auto refusal = refuse(rules, now.in<Ticks>(), tokens)) return refusal;
    requests_.add(now.in<Ticks>(), 1);
    ++in_flight_;
    held_ += tokens;
    pass.rates_ = this;
    pass.held_ = tokens;
    return {};
}

Standings Rates::standings(const RateRules& rules, const Moment& now) {
    const std::lock_guard lock(mutex_);
    const auto tick = now.in<Ticks>();
    Standings out;
    if (rules.requests_per_minute) {
        const auto limit = *rules.requests_per_minute;
        out.requests =
            Standing(limit, less(limit, requests_.sum(tick)), requests_.wait(tick, 0).count());
    }
    if (rules.tokens_per_minute) {
        const auto limit = *rules.tokens_per_minute;
        out.tokens =
            Standing(limit, less(limit, tokens_.sum(tick) + held_), tokens_.wait(tick, 0).count());
    }
    return out;
}

void Rates::start_with(const Moment& now, std::uint64_t requests, std::uint64_t tokens) {
    const std::lock_guard lock(mutex_);
    const auto tick = now.in<Ticks>();
    requests_.add(tick, less(requests, requests_.sum(tick)));
    tokens_.add(tick, less(tokens, tokens_.sum(tick)));
}

std::uint64_t Rates::in_flight() {
    const std::lock_guard lock(mutex_);
    return in_flight_;
}

}  // namespace understudy::limits
