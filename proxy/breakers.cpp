#include "proxy/breakers.hpp"

#include <algorithm>
#include <utility>

namespace understudy::proxy {

using net::TimePoint;
using std::chrono::milliseconds;
using upstreams::Availability;
using upstreams::BreakerState;
using wire::FailureClass;

namespace {

constexpr std::string_view kOther = "other";  // the label of what has none of its own

// No matter of the model that was asked for.
bool concerns_all(const upstreams::AttemptResult& result) {
    return result.failure == FailureClass::connection ||
           (upstreams::refuses_account(result) && !result.forbidden);
}

bool is_down(const upstreams::Breaker& breaker, TimePoint now) {
    return breaker.state(now) == BreakerState::down;
}

}  // namespace

Breakers::Breakers(std::string upstream, const std::optional<config::Breaker>& settings)
    : upstream_(std::move(upstream)), settings_(settings) {}

void Breakers::use(const std::optional<config::Breaker>& settings) {
    const std::lock_guard lock(mutex_);
    const auto now = net::Clock::now();
    settings_ = settings;
    for (auto* const rows : {&rows_, &unlabelled_}) {
        for (auto& [model, row] : *rows) {
            row.breaker.use(settings_.value_or(config::Breaker{}));
            row.breaker.forget_refusal();
            if (!settings_) row.breaker = upstreams::Breaker(config::Breaker{});
        }
    }
    look_after_all(now);
    note_refused(now);
}

void Breakers::declare(std::string_view model) {
    const std::lock_guard lock(mutex_);
    adopt_locked(model, net::Clock::now());
    find_or_make(model);
}

void Breakers::adopt(std::string_view model, TimePoint now) {
    const std::lock_guard lock(mutex_);
    adopt_locked(model, now);
}

void Breakers::adopt_locked(std::string_view model, TimePoint now) {
    if (model == kOther || rows_.contains(model) || rows_.size() >= kMostModels) return;
    auto* const all = find(rows_, kOther);
    const bool known_of_all = all != nullptr && !all->breaker.clean(now);
    auto known = unlabelled_.extract(std::string(model));
    if (!known && !known_of_all) return;
    if (known) {
        auto& place = *rows_.insert(std::move(known)).position;
        place.second.one_model = false;
        place.second.label = place.first;
        note_refused(now);
    }
    auto& row = find_or_make(model);
    if (known_of_all) row.breaker.join(all->breaker);
    if (known_of_all) probe_shared_ |= row.breaker.follow(all->breaker, now);
    look_after(row, now);
}

// Whoever has become a label while a probe of all was out waits for what comes of it. It was sent
// for another model: that it did well leaves a label its own probe.
void Breakers::tell_adopted(TimePoint now) {
    const auto* const all = find(rows_, kOther);
    if (!probe_shared_ || all == nullptr) return;
    probe_shared_ = false;
    for (auto& [label, row] : rows_) {
        if (&row == all) continue;
        probe_shared_ |= row.breaker.follow(all->breaker, now);
        look_after(row, now);
    }
}

// A worker that has not seen the reload yet may have told something of a model that has a label
// for the others; one may ask between the moment at which it became a label and its adoption.
void Breakers::adopt_late(ModelAt model, TimePoint now) {
    if (model.label == model.name && unlabelled_.contains(model.name))
        adopt_locked(model.name, now);
}

bool Breakers::is_unlabelled(ModelAt model) const {
    if (model.name == kOther || rows_.contains(model.name)) return false;
    return model.label == kOther || rows_.size() >= kMostModels;
}

Breakers::Row* Breakers::find(Rows& rows, std::string_view name) {
    const auto found = rows.find(name);
    return found == rows.end() ? nullptr : &found->second;
}

Breakers::Row& Breakers::find_or_make(std::string_view label) {
    if (auto* const known = find(rows_, label)) return *known;
    const auto name = rows_.size() < kMostModels ? label : kOther;
    auto& place =
        *rows_.try_emplace(std::string(name), settings_.value_or(config::Breaker{})).first;
    place.second.label = place.first;
    return place.second;
}

Breakers::Row& Breakers::find_or_make_unlabelled(std::string_view name, TimePoint now) {
    if (auto* const known = find(unlabelled_, name)) return *known;
    if (unlabelled_.size() >= kMostUnlabelled) make_room(now);
    find_or_make(kOther);  // under which they are shown
    return unlabelled_.try_emplace(std::string(name), settings_.value_or(config::Breaker{}), true)
        .first->second;
}

// The one goes that was not of use for longest; of those that rest none, as long as others do not.
void Breakers::make_room(TimePoint now) {
    const auto before = [](const auto& a, const auto& b) {
        const Row &one = a.second, &other = b.second;
        return one.troubled != other.troubled ? other.troubled : one.used_at < other.used_at;
    };
    const auto gone = std::min_element(unlabelled_.begin(), unlabelled_.end(), before);
    if (gone->second.troubled) trouble_.fetch_sub(1, std::memory_order_relaxed);
    unlabelled_.erase(gone);
    note_refused(now);
}

Breakers::Row* Breakers::row_of(ModelAt model) {
    return is_unlabelled(model) ? find(unlabelled_, model.name) : find(rows_, model.name);
}

// The rows that a probe is of. One for all may be one of a model's own as well: the model has
// become a label since, and its row knows what was known of all.
std::array<Breakers::Row*, 2> Breakers::probed(ModelAt model, Probe probe) {
    if (!probe.of_all) return {row_of(model), nullptr};
    return {find(rows_, kOther), is_unlabelled(model) ? nullptr : row_of(model)};
}

// Counts the row among those in trouble, or no longer. One model that is refused is so for long,
// and marked apart.
void Breakers::look_after(Row& row, TimePoint now) {
    const bool refused = row.one_model && is_down(row.breaker, now);
    const bool troubled = !row.breaker.clean(now) && !refused;
    if (troubled == row.troubled) return;
    row.troubled = troubled;
    if (troubled) {
        trouble_.fetch_add(1, std::memory_order_relaxed);
    } else {
        trouble_.fetch_sub(1, std::memory_order_relaxed);
    }
}

void Breakers::look_after_all(TimePoint now) {
    for (auto& [model, row] : rows_) look_after(row, now);
    for (auto& [model, row] : unlabelled_) look_after(row, now);
}

void Breakers::note_refused(TimePoint now) {
    std::uint64_t refused = 0;
    for (const auto& [name, row] : unlabelled_) {
        if (is_down(row.breaker, now)) refused |= refused_bit(name);
    }
    trouble_.fetch_xor(refused_ ^ refused, std::memory_order_relaxed);
    refused_ = refused;
}

// Names that clients made up once, which nobody will ask for again to find out that they are well.
void Breakers::forget_unused(TimePoint now) {
    const milliseconds window = settings_.value_or(config::Breaker{}).window;
    for (auto it = unlabelled_.begin(); it != unlabelled_.end();) {
        const auto& row = it->second;
        const bool over = !is_down(row.breaker, now) && row.breaker.rests_until() < now;
        if (row.troubled && over && now - row.used_at > window) {
            trouble_.fetch_sub(1, std::memory_order_relaxed);
            it = unlabelled_.erase(it);
        } else {
            ++it;
        }
    }
}

// Failures age also where nobody asks any more.
void Breakers::sweep(TimePoint now) {
    constexpr milliseconds kPause{1000};
    if (now - swept_at_ < kPause) return;
    swept_at_ = now;
    forget_unused(now);
    look_after_all(now);
    if (unwell_counted_ && !unwell(now)) {
        unwell_counted_ = false;
        trouble_.fetch_sub(1, std::memory_order_relaxed);
    }
}

Availability Breakers::look(ModelAt model, TimePoint now) {
    const std::lock_guard lock(mutex_);
    sweep(now);
    adopt_late(model, now);
    Availability found;
    if (is_unlabelled(model)) {
        if (auto* const all = find(rows_, kOther)) found = all->breaker.look(now);
    }
    auto* const row = row_of(model);
    if (row != nullptr && found.usable()) {
        row->used_at = now;
        const auto own = row->breaker.look(now);
        if (own.kind != Availability::Kind::ready) found = own;
    }
    if (!unwell(now) || !found.usable()) return found;
    return {Availability::Kind::resting, unwell_until_};
}

Probe Breakers::start(ModelAt model, TimePoint now) {
    const std::lock_guard lock(mutex_);
    adopt_late(model, now);
    std::uint32_t of_all = 0, own = 0;
    if (is_unlabelled(model)) {
        if (auto* const all = find(rows_, kOther)) of_all = all->breaker.start(now);
    }
    if (auto* const row = row_of(model)) {
        own = row->breaker.start(now);
        // One right at a time; of the model it tells as much without.
        if (of_all != 0) row->breaker.give_back(own);
    }
    return of_all != 0 ? Probe{of_all, true} : Probe{own, false};
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
    change.one_model = row.one_model;
    change.label = row.label;
    change.state = state;
    change.rest = rest;
    return change;
}

std::array<BreakerChange, 2> Breakers::begun(ModelAt model, Probe probe, TimePoint now) {
    const std::lock_guard lock(mutex_);
    std::array<BreakerChange, 2> changes;
    const auto rows = probed(model, probe);
    for (std::size_t i = 0; i < rows.size(); ++i) {
        if (rows[i] == nullptr) continue;
        rows[i]->good_at = now;
        changes[i] = change(rows[i]->breaker.begun(probe.number, now), *rows[i], now);
    }
    tell_adopted(now);
    return changes;
}

void Breakers::give_back(ModelAt model, Probe probe) {
    const std::lock_guard lock(mutex_);
    for (auto* const row : probed(model, probe)) {
        if (row != nullptr) row->breaker.give_back(probe.number);
    }
    tell_adopted(net::Clock::now());
}

std::array<BreakerChange, 2> Breakers::settle(ModelAt model, Probe probe,
                                              upstreams::AttemptResult result, TimePoint now,
                                              double random) {
    const std::lock_guard lock(mutex_);
    if (!settings_) return {};
    adopt_late(model, now);
    std::array<BreakerChange, 2> changes;
    const bool unlabelled = is_unlabelled(model);
    if (unlabelled) {
        changes[0] = settle_one(model, probe, result, now, random);
    } else {
        auto own = result;
        own.probe = probe.number;
        changes[0] = settle_label(model.name, own, now, random);
    }
    // Of what it was sent for, before the model was a label.
    if (unlabelled || probe.of_all) changes[1] = settle_all(probe, result, now, random);
    tell_adopted(now);
    return changes;
}

BreakerChange Breakers::settle_label(std::string_view label, const upstreams::AttemptResult& result,
                                     TimePoint now, double random) {
    const bool good = result.failure == FailureClass::none;
    auto* row = find(rows_, label);
    if (row == nullptr) {
        // Who is well while others are not is what readiness asks for.
        if (good && quiet()) return {};
        row = &find_or_make(label);
    }
    if (good) row->good_at = now;
    return change(row->breaker.settle(result, now, random), *row, now);
}

// What an attempt for some model without a label says of all that have none.
BreakerChange Breakers::settle_all(Probe probe, upstreams::AttemptResult result, TimePoint now,
                                   double random) {
    using Verdict = upstreams::Breaker::Verdict;
    result.probe = probe.of_all ? probe.number : 0;
    const auto verdict = upstreams::Breaker::judge(result);
    if (concerns_all(result) || verdict == Verdict::good)
        return settle_label(kOther, result, now, random);
    auto* const row = find(rows_, kOther);
    if (result.probe == 0 || row == nullptr) return {};
    // Somebody has answered, unless it was silence that ended it: what else it says is the model's.
    const bool silent = result.failure == FailureClass::timeout;
    if (verdict != Verdict::nothing && !silent) result.failure = FailureClass::none;
    return change(row->breaker.settle(result, now, random), *row, now);
}

// And what of this one.
BreakerChange Breakers::settle_one(ModelAt model, Probe probe, upstreams::AttemptResult result,
                                   TimePoint now, double random) {
    using Verdict = upstreams::Breaker::Verdict;
    result.probe = probe.of_all ? 0 : probe.number;
    auto* row = find(unlabelled_, model.name);
    if (concerns_all(result)) {
        if (row != nullptr) row->breaker.give_back(result.probe);
        return {};
    }
    const auto verdict = upstreams::Breaker::judge(result);
    const bool bad = verdict != Verdict::good && verdict != Verdict::nothing;
    if (row == nullptr && !bad) return {};
    if (row == nullptr) row = &find_or_make_unlabelled(model.name, now);
    row->used_at = now;
    const auto changed = change(row->breaker.settle(result, now, random), *row, now);
    if (changed.changed) note_refused(now);
    return changed;
}

bool Breakers::checked(bool well, TimePoint until) {
    const std::lock_guard lock(mutex_);
    const bool was_unwell = unwell_counted_;
    unwell_until_ = well ? TimePoint{} : until;
    unwell_counted_ = !well;
    if (was_unwell == unwell_counted_) return false;
    if (unwell_counted_) {
        trouble_.fetch_add(1, std::memory_order_relaxed);
    } else {
        trouble_.fetch_sub(1, std::memory_order_relaxed);
    }
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
    return !some_rest && std::all_of(unlabelled_.begin(), unlabelled_.end(), [&](const auto& one) {
        const auto& breaker = one.second.breaker;
        return is_down(breaker, now) || breaker.look(now).usable();
    });
}

void Breakers::collect(TimePoint now, metrics::States& out) const {
    const std::lock_guard lock(mutex_);
    // One model that is refused is no state of the others.
    auto worst = BreakerState::closed;
    for (const auto& [name, row] : unlabelled_) {
        if (!is_down(row.breaker, now)) worst = std::max(worst, row.breaker.state(now));
    }
    for (const auto& [model, row] : rows_) {
        auto state = row.breaker.state(now);
        if (model == kOther) state = std::max(state, worst);
        if (unwell(now) && state != BreakerState::down) state = BreakerState::open;
        out.breakers.push_back({upstream_, model, static_cast<std::uint8_t>(state)});
    }
}

}  // namespace understudy::proxy
