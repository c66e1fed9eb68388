#include "proxy/policy.hpp"

#include <algorithm>

namespace understudy::proxy {

using std::chrono::milliseconds;
using wire::FailureClass;

bool retryable(FailureClass failure) {
    switch (failure) {
        case FailureClass::connection:
        case FailureClass::rate_limit:
        case FailureClass::server_error:
        case FailureClass::malformed:
            return true;
        default:
            return false;
    }
}

namespace {

// The wait before the next attempt at the same entry; nullopt: do not wait, go on.
std::optional<milliseconds> wait_for(const config::Retry& retry, const AfterFailure& after) {
    if (after.retry_after) {
        if (*after.retry_after > retry.max_retry_after) return std::nullopt;
        return *after.retry_after;
    }
    // Full jitter: clients that failed together do not come back together.
    const unsigned step = std::min(after.retries_used, 20U);
    const milliseconds ceiling = std::min<milliseconds>(retry.max, retry.base * (1LL << step));
    return milliseconds(
        static_cast<long long>(after.jitter * static_cast<double>(ceiling.count())));
}

}  // namespace

Decision decide(const config::Route& route, const AfterFailure& after) {
    Decision decision;
    if (after.failure == FailureClass::client_closed || after.failure == FailureClass::budget) {
        return decision;
    }
    // What this process lacks it lacks for the next upstream too, and a failover would only add to
    // it.
    const bool ours = after.failure == FailureClass::overloaded;
    if (ours && !after.places_taken) return decision;
    if (after.time_left <= milliseconds(0)) return decision;
    const bool unsupported = after.failure == FailureClass::unsupported;
    const bool untried = ours || unsupported;
    const bool falls_back = after.rerouted || route.fallback_on.contains(after.failure);
    if (after.first && !untried && !falls_back) return decision;

    // In place of an attempt that was none, the next is no further one.
    if (!after.may_add && !unsupported) return decision;
    const bool retries = after.may_retry && after.retries_used < route.retries;
    if (retries && retryable(after.failure)) {
        const auto delay = wait_for(route.retry, after);
        if (delay && *delay < after.time_left) {
            decision.action = Decision::Action::retry;
            decision.delay = *delay;
            return decision;
        }
    }
    if (after.may_fall_back && after.has_next) {
        decision.action = Decision::Action::next;
    }
    return decision;
}

}  // namespace understudy::proxy
