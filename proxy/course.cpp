#include "proxy/course.hpp"

#include <boost/assert.hpp>

namespace understudy::proxy {

using wire::FailureClass;

std::string_view name_of(Cause cause) {
    constexpr std::array<std::string_view, 6> kNames{"first",    "retry", "repair",
                                                     "failover", "hedge", "rescue"};
    return kNames[static_cast<std::size_t>(cause)];
}

std::string_view name_of(Rung rung) {
    constexpr std::array<std::string_view, 4> kNames{"none", "prefill", "instruct", "restart"};
    return kNames[static_cast<std::size_t>(rung)];
}

Move Course::start(std::size_t entry, Cause cause, Rung rung) {
    const std::size_t lane = lanes_[0].running ? 1 : 0;
    BOOST_ASSERT(!lanes_[lane].running && phase_ != Phase::over);
    lanes_[lane] = {true, entry, rung};
    if (entry > furthest_) furthest_ = entry;
    resume_at_ = TimePoint::max();
    Move move;
    move.action = Move::Action::start;
    move.lane = static_cast<std::uint8_t>(lane);
    move.cause = cause;
    move.rung = rung;
    move.entry = entry;
    return move;
}

Move Course::wait() {
    Move move;
    move.action = Move::Action::wait;
    return move;
}

Move Course::stop() {
    phase_ = Phase::over;
    for (auto& lane : lanes_) lane.running = false;
    return {};
}

Move Course::begin(std::optional<std::size_t> entry, TimePoint hedge_at) {
    if (!entry) return stop();
    first_ = furthest_ = *entry;
    if (rules_.hedges) hedge_at_ = hedge_at;
    return start(first_, Cause::first);
}

Move Course::left() {
    return stop();
}

Move Course::finished() {
    BOOST_ASSERT(phase_ == Phase::committed);
    return stop();
}

Move Course::ready(std::size_t lane) {
    BOOST_ASSERT(lanes_[lane].running);
    BOOST_ASSERT(phase_ == Phase::trying || phase_ == Phase::rescuing);
    for (std::size_t other = 0; other < lanes_.size(); ++other) {
        if (other != lane) lanes_[other].running = false;
    }
    phase_ = Phase::committed;
    hedge_at_ = TimePoint::max();
    Move move;
    move.action = Move::Action::commit;
    move.lane = static_cast<std::uint8_t>(lane);
    move.entry = lanes_[lane].entry;
    move.rung = lanes_[lane].rung;
    return move;
}

Move Course::failed(std::size_t lane, const LaneFailure& failure, const Surroundings& around) {
    BOOST_ASSERT(lanes_[lane].running);
    lanes_[lane].running = false;
    const auto why = failure.failure;
    // These end it for all attempts alike.
    if (why == FailureClass::client_closed || why == FailureClass::budget) return stop();
    if (failure.other_key || failure.other_words) {
        if (around.now >= rules_.deadline) return stop();
        const auto [running, entry, rung] = lanes_[lane];
        return start(entry, rung == Rung::none ? Cause::repair : Cause::rescue, rung);
    }
    if (phase_ == Phase::rescuing) return after_rescue(lane, failure, around);
    if (failure.refused_addition && !repaired_) {
        repaired_ = true;
        if (around.now >= rules_.deadline) return stop();
        return start(lanes_[lane].entry, Cause::repair);
    }
    if (!any_running()) return after_last(lane, failure, around);
    // The other attempt is the next one already. But the first entry's refusal of what the client
    // asked is the client's, whoever else was asked.
    const bool ours = why == FailureClass::overloaded;
    const bool untried = ours || why == FailureClass::unsupported;
    const bool falls_back = failure.rerouted || rules_.route->fallback_on.contains(why);
    if (is_first(lane) && !untried && !falls_back) return stop();
    // A shortage of ours has met this attempt; the other one has all it needs.
    return wait();
}

bool Course::would_retry(std::size_t lane, const LaneFailure& failure,
                         const Surroundings& around) const {
    const bool alone = !lanes_[1 - lane].running;
    const bool again = failure.other_key || failure.other_words || failure.refused_addition;
    const bool other = around.rung_below > lanes_[lane].rung || around.rung_next != Rung::none;
    if (!alone || again) return false;
    if (phase_ == Phase::rescuing && (other || around.rung_same == Rung::none)) return false;
    return decide_after(lane, failure, around).action == Decision::Action::retry;
}

Decision Course::decide_after(std::size_t lane, const LaneFailure& failure,
                              const Surroundings& around) const {
    AfterFailure after;
    after.failure = failure.failure;
    after.first = is_first(lane);
    after.has_next = around.next.has_value();
    after.retries_used = retries_used_;
    after.retry_after = failure.retry_after;
    after.time_left =
        std::chrono::duration_cast<std::chrono::milliseconds>(rules_.deadline - around.now);
    after.places_taken = failure.places_taken;
    after.rerouted = failure.rerouted;
    after.may_fall_back = rules_.may_fall_back;
    after.may_add = around.may_add;
    after.may_retry = around.may_retry && !failure.for_good;
    after.jitter = around.jitter;
    return decide(*rules_.route, after);
}

// The last attempt that ran has failed.
Move Course::after_last(std::size_t lane, const LaneFailure& failure, const Surroundings& around) {
    const auto decision = decide_after(lane, failure, around);
    switch (decision.action) {
        case Decision::Action::retry:
            return retry(lanes_[lane].entry, Rung::none, decision, around);
        case Decision::Action::next:
            // Who comes behind an entry that could not be asked takes its place.
            if (is_first(lane) && failure.failure == FailureClass::unsupported)
                first_ = *around.next;
            return go_on(*around.next);
        case Decision::Action::stop:
            break;
    }
    return stop();
}

Move Course::retry(std::size_t entry, Rung rung, const Decision& decision,
                   const Surroundings& around) {
    ++retries_used_;
    resumed_entry_ = entry;
    resumed_rung_ = rung;
    if (decision.delay.count() <= 0) return again(entry, rung);
    resume_at_ = around.now + decision.delay;
    hedge_at_ = TimePoint::max();
    return wait();
}

Move Course::again(std::size_t entry, Rung rung) {
    auto move = start(entry, rung == Rung::none ? Cause::retry : Cause::rescue, rung);
    move.again = true;
    return move;
}

// At the next entry, where what was done at the one before is forgotten.
Move Course::go_on(std::size_t entry) {
    retries_used_ = 0;
    repaired_ = false;
    hedge_at_ = TimePoint::max();
    return start(entry, Cause::failover);
}

Move Course::broke(FailureClass why, const Surroundings& around) {
    BOOST_ASSERT(phase_ == Phase::committed);
    const auto& lane = lanes_[0].running ? lanes_[0] : lanes_[1];
    const auto [running, entry, rung] = lane;
    for (auto& each : lanes_) each.running = false;
    const bool in_time = around.now < rules_.deadline;
    // Once the first entry is left, any failure moves on, as before a commit.
    const bool went_on = rung != Rung::none;
    const bool left = went_on || entry != first_;
    const bool wanted = left || rules_.route->fallback_on.contains(why);
    if (!rescues() || !wanted || !in_time || !around.may_add) return stop();
    phase_ = Phase::rescuing;
    // Whose answer was another one than was begun may take the next way; each goes down the ladder.
    if (went_on && around.rung_below > rung) {
        return start(entry, Cause::rescue, around.rung_below);
    }
    if (around.next && around.rung_next != Rung::none) {
        return go_on_with(*around.next, around.rung_next);
    }
    // Nobody else is left: the same one again, where the route has it tried again at all.
    repaired_ = false;
    if (retries_used_ < rules_.route->retries && around.rung_same != Rung::none) {
        ++retries_used_;
        return again(entry, around.rung_same);
    }
    return stop();
}

// With a broken stream, at another entry.
Move Course::go_on_with(std::size_t entry, Rung rung) {
    retries_used_ = 0;
    repaired_ = false;
    return start(entry, Cause::rescue, rung);
}

// A rescue that failed before it had a token of its own.
Move Course::after_rescue(std::size_t lane, const LaneFailure& failure,
                          const Surroundings& around) {
    if (around.now >= rules_.deadline || !around.may_add) return stop();
    if (failure.failure == FailureClass::overloaded && !failure.places_taken) return stop();
    const auto entry = lanes_[lane].entry;
    const auto rung = lanes_[lane].rung;
    if (failure.refused_addition && !repaired_) {
        repaired_ = true;
        return start(entry, Cause::rescue, rung);
    }
    // Who refuses one way of going on may take another.
    if (around.rung_below > rung) return start(entry, Cause::rescue, around.rung_below);
    if (around.next && around.rung_next != Rung::none) {
        return go_on_with(*around.next, around.rung_next);
    }
    // Nobody else is left: the same one again, as anywhere behind a wait.
    const auto decision = decide_after(lane, failure, around);
    const bool again = decision.action == Decision::Action::retry;
    if (!again || around.rung_same == Rung::none) return stop();
    return retry(entry, around.rung_same, decision, around);
}

Move Course::tick(const Surroundings& around) {
    if (phase_ != Phase::trying && phase_ != Phase::rescuing) return wait();
    if (around.now >= resume_at_) {
        if (around.now >= rules_.deadline) return stop();
        if (around.may_resume) return again(resumed_entry_, resumed_rung_);
        if (phase_ == Phase::rescuing) return stop();
        // Others have found out meanwhile that it is not to be asked.
        return around.next && rules_.may_fall_back ? go_on(*around.next) : stop();
    }
    if (around.now >= hedge_at_) {
        hedge_at_ = TimePoint::max();  // once, whether or not there was room for it
        const bool alone = lanes_[0].running != lanes_[1].running;
        const bool room = around.may_hedge && around.may_add && rules_.may_fall_back;
        if (alone && room && around.next && around.now < rules_.deadline) {
            return start(*around.next, Cause::hedge);
        }
    }
    return wait();
}

}  // namespace understudy::proxy
