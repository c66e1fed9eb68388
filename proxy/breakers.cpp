#include "proxy/breakers.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace understudy::proxy {

using net::TimePoint;
using std::chrono::milliseconds;
using upstreams::Availability;
using upstreams::BreakerState;

namespace {
constexpr std::string_view kOther = "other";  // the label of what has none of its own
}

Breakers::Breakers(std::string upstream, const std::optional<config::Breaker>& settings)
    : upstream_(std::move(upstream)), settings_(settings) {}

void Breakers::use(const std::optional<config::Breaker>& settings) {
    const std::lock_guard lock(mutex_);
    const auto now = net::Clock::now();
    settings_ = settings;
    if (!refused_.empty()) {
        refused_.clear();
        trouble_.fetch_sub(1, std::memory_order_relaxed);
    }
    for (auto& [model, row] : rows_) {
        row.breaker.use(settings_.value_or(config::Breaker{}));
        row.breaker.forget_refusal();
        if (!settings_) row.breaker = upstreams::Breaker(config::Breaker{});
        look_after(row, now);
    }
}

void Breakers::declare(std::string_view model) {
    const std::lock_guard lock(mutex_);
    find_or_make(model);
}

Breakers::Row* Breakers::find(std::string_view model) {
    const auto found = rows_.find(model);
    return found == rows_.end() ? nullptr : &found->second;
}

Breakers::Row& Breakers::find_or_make(std::string_view model) {
    if (auto* const known = find(model)) return *known;
    const auto name = rows_.size() < kMostModels ? model : kOther;
    return rows_.try_emplace(std::string(name), settings_.value_or(config::Breaker{}))
        .first->second;
}

// Counts the row among those in trouble, or no longer.
void Breakers::look_after(Row& row, TimePoint now) {
    const bool troubled = !row.breaker.clean(now);
    if (troubled == row.troubled) return;
    row.troubled = troubled;
    trouble_.fetch_add(troubled ? 1U : ~0U, std::memory_order_relaxed);
}

// Failures age also where nobody asks any more.
void Breakers::sweep(TimePoint now) {
    constexpr milliseconds kPause{1000};
    if (now - swept_at_ < kPause) return;
    swept_at_ = now;
    for (auto& [model, row] : rows_) look_after(row, now);
    if (unwell_counted_ && !unwell(now)) {
        unwell_counted_ = false;
        trouble_.fetch_sub(1, std::memory_order_relaxed);
    }
}

Availability Breakers::look(std::string_view model, std::string_view name, TimePoint now) {
    const std::lock_guard lock(mutex_);
    sweep(now);
    if (model == kOther && refused_.contains(name)) return {Availability::Kind::down, {}};
    const auto* const row = find(model);
    const Availability own = row == nullptr ? Availability{} : row->breaker.look(now);
    if (!unwell(now) || !own.usable()) return own;
    return {Availability::Kind::resting, unwell_until_};
}

std::uint32_t Breakers::start(std::string_view model, TimePoint now) {
    const std::lock_guard lock(mutex_);
    auto* const row = find(model);
    return row == nullptr ? 0 : row->breaker.start(now);
}

BreakerChange Breakers::change(bool changed, Row& row, TimePoint now) {
    look_after(row, now);
    const auto state = row.breaker.state(now);
    milliseconds rest{0};
    if (state == BreakerState::open) {
        const auto until = row.breaker.rests_until();
        rest = std::chrono::ceil<milliseconds>(until - now);
    }
    BreakerChange change;
    change.changed = changed;
    change.state = state;
    change.rest = rest;
    return change;
}

BreakerChange Breakers::begun(std::string_view model, std::uint32_t probe, TimePoint now) {
    const std::lock_guard lock(mutex_);
    auto* const row = find(model);
    if (row == nullptr) return {};
    row->good_at = now;
    return change(row->breaker.begun(probe, now), *row, now);
}

void Breakers::give_back(std::string_view model, std::uint32_t probe) {
    const std::lock_guard lock(mutex_);
    if (auto* const row = find(model)) row->breaker.give_back(probe);
}

// True: that is news.
bool Breakers::refuse(std::string_view name) {
    const bool first = refused_.empty();
    if (!refused_.emplace(name).second) return false;
    if (first) trouble_.fetch_add(1, std::memory_order_relaxed);
    if (refused_.size() > kMostRefused) {
        refused_.erase(*refused_.begin() == name ? std::next(refused_.begin()) : refused_.begin());
    }
    return true;
}

BreakerChange Breakers::settle(std::string_view model, std::string_view name,
                               const upstreams::AttemptResult& result, TimePoint now,
                               double random) {
    const std::lock_guard lock(mutex_);
    if (!settings_) return {};
    if (model == kOther && name != kOther && result.forbidden &&
        upstreams::refuses_account(result)) {
        if (auto* const row = find(model)) row->breaker.give_back(result.probe);
        BreakerChange change;
        change.changed = refuse(name);
        change.one_model = true;
        change.state = BreakerState::down;
        return change;
    }
    const bool good = result.failure == wire::FailureClass::none;
    auto* row = find(model);
    if (row == nullptr) {
        // Who is well while others are not is what readiness asks for.
        if (good && quiet()) return {};
        row = &find_or_make(model);
    }
    if (good) row->good_at = now;
    return change(row->breaker.settle(result, now, random), *row, now);
}

bool Breakers::checked(bool well, TimePoint until) {
    const std::lock_guard lock(mutex_);
    const bool was_unwell = unwell_counted_;
    unwell_until_ = well ? TimePoint{} : until;
    unwell_counted_ = !well;
    if (was_unwell == unwell_counted_) return false;
    trouble_.fetch_add(unwell_counted_ ? 1U : ~0U, std::memory_order_relaxed);
    return true;
}

bool Breakers::usable(TimePoint now) const {
    const std::lock_guard lock(mutex_);
    if (unwell(now)) return false;
    const auto lately = settings_ ? settings_->window : milliseconds(0);
    bool some_rest = false;
    for (const auto& [model, row] : rows_) {
        if (!row.breaker.look(now).usable()) {
            some_rest = true;
        } else if (row.good_at && now - *row.good_at < lately) {
            return true;
        }
    }
    return !some_rest;
}

void Breakers::collect(TimePoint now, metrics::States& out) const {
    const std::lock_guard lock(mutex_);
    for (const auto& [model, row] : rows_) {
        auto state = row.breaker.state(now);
        if (unwell(now) && state != BreakerState::down) state = BreakerState::open;
        out.breakers.push_back({upstream_, model, static_cast<std::uint8_t>(state)});
    }
}

}  // namespace understudy::proxy
