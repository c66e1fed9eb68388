// What to do after an attempt failed. Pure: no clock, no random numbers, no I/O of its own.
#pragma once

#include "config/config.hpp"
#include "wire/failure.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>

namespace understudy::proxy {

/// The situation after one failed attempt.
struct AfterFailure {
    AfterFailure() = default;
    wire::FailureClass failure = wire::FailureClass::none;
    bool first = true;               // at the first entry that was tried: the primary, as a rule
    bool has_next = false;           // there is an entry behind it that may be used
    std::uint32_t retries_used = 0;  // extra attempts already made at this entry
    std::optional<std::chrono::milliseconds> retry_after;  // what the upstream asks for
    std::chrono::milliseconds time_left{0};                // until the request's deadline
    bool may_fall_back = true;                             // false: x-understudy-fallback: off
    bool may_add = true;        // false: the retry budget of all requests together is used up
    bool rerouted = false;      // the class has a chain of its own, which is the next (`on`)
    bool places_taken = false;  // `overloaded` by this upstream's max_connections alone
    // False: it has no room for this entry again, or that rests now, or would say the same.
    bool may_retry = true;
    double jitter = 0.5;  // uniform in [0, 1)
};

struct Decision {
    enum class Action : std::uint8_t {
        retry,  // the same entry again, after `delay`
        next,   // the next entry, now
        stop,   // no more attempts
    };
    Action action = Action::stop;
    std::chrono::milliseconds delay{0};
    bool operator==(const Decision&) const = default;
};

/// Classes worth another attempt at the same entry. A timeout is not: the upstream may still be
/// working, and being billed, for the first one. Quota is not: nothing changes by waiting.
bool retryable(wire::FailureClass failure);

/// - the client left, or a budget denied: stop;
/// - this process is out of something: stop, unless only the places at that upstream are taken;
/// - the entry cannot do what is asked, so nothing was sent to it: the next, whatever `fallback_on`
///   says;
/// - the primary failed in a way that `fallback_on` does not name: stop, its answer is the answer;
/// - retries are left and allowed, the class is retryable, and the wait fits the deadline
///   (Retry-After if given, at most retry.max_retry_after; else full jitter over an exponential
///   step): retry;
/// - otherwise the next entry if there is one; once the primary is left, any failure moves on.
Decision decide(const config::Route& route, const AfterFailure& after);

}  // namespace understudy::proxy
