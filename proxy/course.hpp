// The course of one request through its chain: a pure state machine. It is told what happened
// (an attempt failed, has an answer, broke behind its commit, time has passed) and says what to do
// next; the exchange does it. It knows no sockets and no clock: times come in with the events, and
// so does everything that others decide (which entry may be used next, whether budgets allow one
// more attempt, how an upstream continues a broken stream). Belongs to its request.
#pragma once

#include "proxy/policy.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <tuple>

namespace understudy::proxy {

/// How an attempt came to be.
enum class Cause : std::uint8_t {
    first,     // the chain's first entry that can be used
    retry,     // the same entry again, after a wait
    repair,    // the same entry again, at once: without what it refused, or with another key
    failover,  // the next entry, because the one before failed
    hedge,     // the next entry, beside one that is slow
    rescue,    // goes on with a stream that broke behind its commit
};
std::string_view name_of(Cause cause);

/// How a stream that broke is gone on with (docs/streaming.md).
enum class Rung : std::uint8_t { none, prefill, instruct, restart };
std::string_view name_of(Rung rung);

/// At most this many attempts of one request run at once.
inline constexpr std::size_t kMaxLanes = 2;

/// What stays the same for the whole request.
struct CourseRules {
    using TimePoint = std::chrono::steady_clock::time_point;
    CourseRules() = default;
    const config::Route* route = nullptr;  // retries, retry, fallback_on; outlives the course
    TimePoint deadline = TimePoint::max();
    bool may_fall_back = true;
    bool hedges = false;   // an attempt that is slow may get another beside it
    bool rescues = false;  // a stream that broke may be gone on with
};

/// What holds at the moment of an event, as far as others decide it.
struct Surroundings {
    Surroundings() = default;
    CourseRules::TimePoint now{};
    // The entry that would be next, of a broken stream any that has not failed; none: nobody.
    std::optional<std::size_t> next;
    bool may_add = true;           // the retry budget has room for one more attempt
    bool may_retry = true;         // also for one at the same entry, which does not rest
    bool may_resume = true;        // the entry of the retry that is waited for may be asked
    bool may_hedge = false;        // and the budget for hedges
    Rung rung_next = Rung::none;   // how `next` would go on with what broke
    Rung rung_same = Rung::none;   // how the entry that failed would, if it is to be asked again
    Rung rung_below = Rung::none;  // how it would instead of the way that it was asked in vain
    double jitter = 0.5;           // uniform in [0, 1)
};

/// Why an attempt before its commit failed.
struct LaneFailure {
    LaneFailure() = default;
    wire::FailureClass failure = wire::FailureClass::none;
    std::optional<std::chrono::milliseconds> retry_after;
    bool places_taken = false;      // `overloaded` by this upstream's max_connections alone
    bool rerouted = false;          // its class has a chain of its own, where `next` leads to
    bool for_good = false;          // asked again it would say the same: a redirect
    bool other_words = false;       // it is asked again in another of its own APIs
    bool refused_addition = false;  // it refuses what we added; it is asked again without
    bool other_key = false;         // it refuses this key of several, and another one is there
};

/// What to do now.
struct Move {
    enum class Action : std::uint8_t {
        start,   // an attempt at `entry` in `lane`
        wait,    // for the lanes, and no longer than due()
        commit,  // the answer in `lane` is the client's; the other lane is dropped
        stop,    // no more attempts; what still runs is dropped
    };
    Action action = Action::stop;
    std::uint8_t lane = 0;
    Cause cause = Cause::first;
    Rung rung = Rung::none;
    bool again = false;  // the same entry once more, by the route's retries
    std::size_t entry = 0;
};

class Course {
  public:
    using TimePoint = CourseRules::TimePoint;
    enum class Phase : std::uint8_t {
        trying,     // nothing has been promised to the client
        committed,  // a lane's answer is going to it
        rescuing,   // that broke, and others are tried for the rest
        over,
    };

    explicit Course(const CourseRules& rules) : rules_(rules) {}

    /// The first move: an attempt at `entry`, which at `hedge_at` may get another beside it.
    /// Without an entry that can be used there is nothing to start: stop.
    Move begin(std::optional<std::size_t> entry, TimePoint hedge_at = TimePoint::max());
    /// The attempt in `lane` failed before its commit; its lane is free.
    Move failed(std::size_t lane, const LaneFailure& failure, const Surroundings& around);
    /// Whether failed() would have the same entry asked again because retries are left.
    bool would_retry(std::size_t lane, const LaneFailure& failure,
                     const Surroundings& around) const;
    /// The attempt in `lane` has an answer: all of it, or its first token.
    Move ready(std::size_t lane);
    /// The committed answer ended properly, or cannot be gone on with.
    Move finished();
    /// The committed answer broke by this class; its lane is free. Where the first entry's may fall
    /// back for that, `around.next` and the rungs decide.
    Move broke(wire::FailureClass why, const Surroundings& around);
    /// Time has passed, and nothing else happened.
    Move tick(const Surroundings& around);
    /// The client has left.
    Move left();

    /// When tick() has something to do unless something else happens before.
    TimePoint due() const { return std::min(resume_at_, hedge_at_); }
    /// The entry whose retry is waited for; none: none is.
    std::optional<std::size_t> resumes() const {
        if (resume_at_ == TimePoint::max()) return std::nullopt;
        return resumed_entry_;
    }
    /// The route has this entry asked once more, should it fail in a way that is worth it.
    bool has_retries_left() const { return retries_used_ < rules_.route->retries; }
    bool rescues() const { return rules_.rescues && rules_.may_fall_back; }
    Phase phase() const { return phase_; }
    bool running(std::size_t lane) const { return lanes_[lane].running; }
    std::size_t entry_of(std::size_t lane) const { return lanes_[lane].entry; }
    Rung rung_of(std::size_t lane) const { return lanes_[lane].rung; }
    /// The first entry that was tried: whose error the client gets when all fail.
    bool is_first(std::size_t lane) const { return lanes_[lane].entry == first_; }
    /// The furthest entry that was started: `next` lies behind it until an answer is committed to.
    std::size_t furthest() const { return furthest_; }

    /// Everything that decides what comes next, for tests that explore all of it.
    auto state() const {
        const auto lane = [](const Lane& l) { return std::tuple(l.running, l.entry, l.rung); };
        return std::tuple(phase_, first_, furthest_, retries_used_, repaired_, resume_at_,
                          hedge_at_, lane(lanes_[0]), lane(lanes_[1]), resumed_entry_,
                          resumed_rung_);
    }

  private:
    struct Lane {
        bool running = false;
        std::size_t entry = 0;
        Rung rung = Rung::none;
    };
    Move start(std::size_t entry, Cause cause, Rung rung = Rung::none);
    Move go_on(std::size_t entry);
    Move go_on_with(std::size_t entry, Rung rung);
    Move retry(std::size_t entry, Rung rung, const Decision& decision, const Surroundings& around);
    Move again(std::size_t entry, Rung rung);
    static Move wait();
    Move stop();
    Move after_rescue(std::size_t lane, const LaneFailure& failure, const Surroundings& around);
    Decision decide_after(std::size_t lane, const LaneFailure& failure,
                          const Surroundings& around) const;
    Move after_last(std::size_t lane, const LaneFailure& failure, const Surroundings& around);
    bool any_running() const { return lanes_[0].running || lanes_[1].running; }

    CourseRules rules_;
    Phase phase_ = Phase::trying;
    std::array<Lane, kMaxLanes> lanes_;
    std::size_t first_ = 0;
    std::size_t furthest_ = 0;
    std::size_t resumed_entry_ = 0;  // of the retry that is waited for
    Rung resumed_rung_ = Rung::none;
    std::uint32_t retries_used_ = 0;
    bool repaired_ = false;                   // this entry has had what it refused taken out
    TimePoint resume_at_ = TimePoint::max();  // of that retry
    TimePoint hedge_at_ = TimePoint::max();
};

}  // namespace understudy::proxy
