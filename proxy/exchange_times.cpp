// The part of an exchange that learns how long answers take, and says by that when a hedge is due.
#include "proxy/exchange.hpp"
#include "proxy/session.hpp"

namespace understudy::proxy {

using net::Clock;
using net::TimePoint;
using wire::FailureClass;

// When an attempt that begins now gets another one beside it.
TimePoint Exchange::hedge_time(const RuntimeEntry& entry) const {
    if (plan_.route->hedge_budget == nullptr) return TimePoint::max();
    const auto& hedge = *plan_.route->route->hedge;
    plan_.route->hedge_budget->earn(hedge.budget_percent);
    const auto* const times = session_.worker().answer_times().find(
        entry.upstream->name, model_at(entry).name(), request_.facts.stream);
    const auto delay = hedge_delay(hedge, times);
    return delay ? Clock::now() + *delay : TimePoint::max();
}

AnswerTimes* Exchange::times_of(Lane& lane) {
    return session_.worker().answer_times().make(lane.entry().upstream->name, lane.sent_model(),
                                                 request_.facts.stream);
}

void Exchange::learn(Lane& lane) {
    const auto& attempt = lane.attempt();
    auto* const times = times_of(lane);
    if (times == nullptr) return;
    const auto end =
        attempt.first_token_at() != TimePoint{} ? attempt.first_token_at() : attempt.ended_at();
    times->note(std::chrono::duration_cast<std::chrono::milliseconds>(end - attempt.started()),
                Clock::now());
}

// What says something of who was asked, and not of what was.
void Exchange::learn_failure(Lane& lane) {
    constexpr wire::FailureSet kTheirs{FailureClass::connection,   FailureClass::timeout,
                                       FailureClass::rate_limit,   FailureClass::quota,
                                       FailureClass::server_error, FailureClass::malformed,
                                       FailureClass::auth};
    const auto& attempt = lane.attempt();
    auto* const times = times_of(lane);
    if (times == nullptr) return;
    if (kTheirs.contains(attempt.failure())) {
        times->failed(Clock::now(), attempt.retry_after());
    } else {
        times->unasked();
    }
}

}  // namespace understudy::proxy
