#include "proxy/health_checks.hpp"

#include "proxy/log.hpp"

#include <algorithm>
#include <exception>
#include <utility>

namespace understudy::proxy {

using net::Clock;
using net::Task;
using wire::FailureClass;

namespace {
// How long one check may take, within these.
constexpr std::chrono::milliseconds kLeastPatience{1000};
constexpr std::chrono::milliseconds kMostPatience{5000};
constexpr std::size_t kLargestAnswer = 64 << 10;
}  // namespace

std::optional<bool> judge_check(FailureClass failure, unsigned status) {
    if (failure == FailureClass::overloaded || failure == FailureClass::client_closed ||
        failure == FailureClass::rate_limit) {
        return std::nullopt;
    }
    return status >= 200 && status <= 399;
}

/// The check of one upstream, with everything that its attempts refer to.
struct HealthChecks::Check {
    Check(std::shared_ptr<Runtime> r, const Runtime::CheckedUpstream& t)
        : runtime(std::move(r)),
          target(t),
          timer(
              t.peer->context().timers, [](void* s) { static_cast<net::Signal*>(s)->notify(); },
              &signal) {}

    std::shared_ptr<Runtime> runtime;  // keeps peer, head and breakers alive
    const Runtime::CheckedUpstream& target;
    net::Signal signal;
    net::Timer timer;
    bool gone = false;
};

void HealthChecks::use(const std::shared_ptr<Runtime>& runtime) {
    stop();
    for (const auto& target : runtime->checked()) {
        auto check = std::make_shared<Check>(runtime, target);
        checks_.insert(check);
        net::spawn(run(std::move(check)));
    }
}

void HealthChecks::stop() {
    for (const auto& check : std::exchange(checks_, {})) {
        check->gone = true;
        check->signal.notify();
    }
}

Task<void> HealthChecks::run(std::shared_ptr<Check> check) {
    while (!check->gone) {
        const auto began = Clock::now();
        try {
            co_await ask(*check);
        } catch (const std::exception& e) {
            log(config::LogLevel::error, "health_check_failed", {{"what", e.what()}});
        }
        check->timer.set(began + check->target.upstream->health->interval);
        while (!check->gone && !check->timer.expired()) co_await check->signal.wait();
    }
}

Task<void> HealthChecks::ask(Check& check) {
    const auto& target = check.target;
    const auto& health = *target.upstream->health;
    upstreams::AttemptSpec spec;
    spec.upstream = target.upstream;
    spec.peer = target.peer.get();
    spec.head_template = &target.head;
    spec.head.method = "GET";
    spec.head.path = health.path;
    if (const auto* const keys = target.keys) {
        spec.head.key = keys->look(Clock::now()).position.value_or(keys->soonest());
    }
    spec.head.has_body = false;
    spec.shape = wire::AnswerShape::opaque;
    spec.buffer_response = kLargestAnswer;
    spec.deadline = Clock::now() + std::clamp(health.interval, kLeastPatience, kMostPatience);
    upstreams::Attempt attempt(spec, check.signal, check.gone);
    co_await attempt.run();
    if (check.gone) co_return;
    const auto status = attempt.head().status;
    const auto well = judge_check(attempt.failure(), status);
    if (well) {
        auto why = attempt.detail();
        if (status != 0) why = "status " + std::to_string(status);
        tell(check, *well, why);
    }
    const bool released = attempt.release();
    if (!released) co_await attempt.settle();
}

void HealthChecks::tell(Check& check, bool well, const std::string& why) {
    const auto& target = check.target;
    // Should the next checks fail to say anything, this one does not count for ever.
    const auto until = Clock::now() + 3 * target.upstream->health->interval + kMostPatience;
    if (!target.breakers->checked(well, until)) return;
    const auto level = well ? config::LogLevel::info : config::LogLevel::warn;
    log(level, "health",
        {{"upstream", target.upstream->name}, {"state", well ? "well" : "unwell"}, {"why", why}});
}

}  // namespace understudy::proxy
