#include "proxy/policy.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <array>
#include <vector>

using namespace understudy::proxy;
using namespace std::chrono_literals;
using understudy::config::Route;
using understudy::wire::FailureClass;
using understudy::wire::FailureSet;
using understudy::wire::kFailureClassCount;
using understudy::wire::name_of;
using Action = Decision::Action;
using std::chrono::milliseconds;

namespace {

using Class = FailureClass;

/// Three entries, two retries, waits of 250 ms and more, at most 5 s.
Route route_of_three() {
    Route route;
    route.retries = 2;
    return route;
}

/// At this entry of three.
void place(AfterFailure& situation, std::size_t entry) {
    situation.first = entry == 0;
    situation.has_next = entry < 2;
}

AfterFailure after(FailureClass failure) {
    AfterFailure situation;
    situation.failure = failure;
    place(situation, 0);
    situation.time_left = 60s;
    return situation;
}

const char* text(Action action) {
    if (action == Action::retry) return "retry";
    return action == Action::next ? "next" : "stop";
}

std::vector<FailureClass> every_failure() {
    std::vector<FailureClass> all;
    for (std::size_t i = 1; i < kFailureClassCount; ++i) all.push_back(static_cast<Class>(i));
    return all;
}

struct Row {
    const char* title;
    FailureClass failure;
    std::size_t entry;
    std::uint32_t retries_used;
    std::optional<milliseconds> retry_after;
    const char* expected;
};

void check(const std::vector<Row>& rows) {
    for (const Row& row : rows) {
        INFO(row.title);
        auto situation = after(row.failure);
        place(situation, row.entry);
        situation.retries_used = row.retries_used;
        situation.retry_after = row.retry_after;
        const auto decision = decide(route_of_three(), situation);
        CHECK(std::string(text(decision.action)) == row.expected);
        if (decision.action != Action::retry) CHECK(decision.delay == 0ms);
    }
}

constexpr auto none = std::nullopt;

/// What follows, thought out once more and differently from the code.
Action expected(const Route& route, const AfterFailure& a) {
    constexpr std::array kEnds{Class::client_closed, Class::budget, Class::overloaded};
    constexpr std::array kRetried{Class::connection, Class::rate_limit, Class::server_error,
                                  Class::malformed};
    const auto is_one_of = [&](const auto& set) {
        return std::find(set.begin(), set.end(), a.failure) != set.end();
    };
    if (is_one_of(kEnds) || a.time_left <= 0ms) return Action::stop;
    const bool first_says_so =
        route.fallback_on.contains(a.failure) || a.failure == Class::unsupported;
    if (a.first && !first_says_so) return Action::stop;
    const auto longest_wait = a.retry_after.value_or(route.retry.max);
    const bool worth_waiting = a.retry_after.value_or(0ms) <= route.retry.max_retry_after;
    const bool fits = a.retry_after ? longest_wait < a.time_left : true;
    if (is_one_of(kRetried) && a.retries_used < route.retries && worth_waiting && fits) {
        return Action::retry;
    }
    return a.may_fall_back && a.has_next ? Action::next : Action::stop;
}

}  // namespace

TEST_CASE("The primary's failures fall back, are retried, or are its answer, each by its class") {
    check({
        {"a connection that failed is tried again", Class::connection, 0, 0, none, "retry"},
        {"a rate limit is waited for", Class::rate_limit, 0, 0, none, "retry"},
        {"a server error is tried again", Class::server_error, 0, 0, none, "retry"},
        {"an answer that is none is tried again", Class::malformed, 0, 0, none, "retry"},
        {"a timeout moves on at once", Class::timeout, 0, 0, none, "next"},
        {"an empty account moves on at once", Class::quota, 0, 0, none, "next"},
        {"a bad key is never hidden by a fallback", Class::auth, 0, 0, none, "stop"},
        {"a missing model is never hidden by a fallback", Class::not_found, 0, 0, none, "stop"},
        {"a prompt too long goes to the client", Class::context_length, 0, 0, none, "stop"},
        {"a refusal by a filter is never shopped around", Class::content_filter, 0, 0, none,
         "stop"},
        {"a bad request goes to the client", Class::bad_request, 0, 0, none, "stop"},
        {"what the entry cannot do is asked of the next", Class::unsupported, 0, 0, none, "next"},
        {"a budget ends the chain", Class::budget, 0, 0, none, "stop"},
        {"nothing is tried for a client that has left", Class::client_closed, 0, 0, none, "stop"},
        {"a shortage of our own would only grow", Class::overloaded, 0, 0, none, "stop"},
        {"no failure is no reason to go on", Class::none, 0, 0, none, "stop"},
    });
}

TEST_CASE("Once the primary is left any failure moves on, but two always end the chain") {
    check({
        {"a bad key", Class::auth, 1, 0, none, "next"},
        {"a missing model", Class::not_found, 1, 0, none, "next"},
        {"a prompt too long", Class::context_length, 1, 0, none, "next"},
        {"a filter", Class::content_filter, 1, 0, none, "next"},
        {"a bad request", Class::bad_request, 1, 0, none, "next"},
        {"a timeout", Class::timeout, 1, 0, none, "next"},
        {"a server error, tried again first", Class::server_error, 1, 0, none, "retry"},
        {"a server error after its retries", Class::server_error, 1, 2, none, "next"},
        {"a server error of the last entry", Class::server_error, 2, 2, none, "stop"},
        {"a bad request of the last entry", Class::bad_request, 2, 0, none, "stop"},
        {"what a later entry cannot do", Class::unsupported, 1, 0, none, "next"},
        {"what the last entry cannot do", Class::unsupported, 2, 0, none, "stop"},
        {"a budget, still", Class::budget, 1, 0, none, "stop"},
        {"a client that has left, still", Class::client_closed, 1, 0, none, "stop"},
        {"a shortage of our own, still", Class::overloaded, 1, 0, none, "stop"},
    });
}

TEST_CASE(
    "What cannot be sent to an entry moves on at once, unless the client wants one entry only") {
    auto route = route_of_three();
    route.fallback_on = {};
    auto situation = after(Class::unsupported);
    CHECK(decide(route, situation) == understudy::proxy::Decision{Action::next, 0ms});
    situation.retry_after = 1ms;
    CHECK(decide(route, situation) == understudy::proxy::Decision{Action::next, 0ms});
    situation.may_add = situation.may_retry = false;  // it is no further attempt
    CHECK(decide(route, situation).action == Action::next);
    situation.may_fall_back = false;
    CHECK(decide(route, situation).action == Action::stop);
}

TEST_CASE("An upstream whose places are taken is passed over, whatever `fallback_on` says") {
    auto route = route_of_three();
    route.fallback_on = {};
    auto situation = after(Class::overloaded);
    situation.places_taken = true;
    CHECK(decide(route, situation).action == Action::next);
    place(situation, 2);
    CHECK(decide(route, situation).action == Action::stop);
    place(situation, 0);
    situation.may_fall_back = false;
    CHECK(decide(route, situation).action == Action::stop);
}

TEST_CASE("A wait that the upstream asks for is kept when short and avoided when long") {
    check({
        {"now", Class::rate_limit, 0, 0, 0ms, "retry"},
        {"two seconds", Class::rate_limit, 0, 0, 2s, "retry"},
        {"just as long as allowed", Class::rate_limit, 0, 0, 5000ms, "retry"},
        {"a moment longer than allowed", Class::rate_limit, 0, 0, 5001ms, "next"},
        {"a day", Class::rate_limit, 0, 0, 24h, "next"},
        {"short, but no retries are left", Class::rate_limit, 0, 2, 1s, "next"},
        {"more retries were made than there are", Class::rate_limit, 0, 7, 1s, "next"},
        {"short, with a 503", Class::server_error, 0, 0, 1s, "retry"},
        {"short, but never for a timeout", Class::timeout, 0, 0, 1s, "next"},
        {"short, but never for an empty account", Class::quota, 0, 0, 1s, "next"},
        {"short, but never for a bad request", Class::bad_request, 0, 0, 1s, "stop"},
        {"long, at the last entry", Class::rate_limit, 2, 0, 24h, "stop"},
    });
    auto situation = after(Class::rate_limit);
    situation.retry_after = 1234ms;
    situation.jitter = 0.0;
    CHECK(decide(route_of_three(), situation).delay == 1234ms);  // exactly: never before it
}

TEST_CASE("Every combination of class, place, retries, wait, time and override is decided alike") {
    std::size_t seen = 0;
    for (const auto failure : every_failure()) {
        for (const std::size_t entry : {0U, 1U, 2U}) {
            for (const std::uint32_t used : {0U, 1U, 2U}) {
                for (const auto& wait : {std::optional<milliseconds>(), {0ms}, {4s}, {6s}}) {
                    for (const auto left : {-1ms, 0ms, 1ms, 3000ms, 60'000ms}) {
                        for (const bool may_fall_back : {true, false}) {
                            auto situation = after(failure);
                            place(situation, entry);
                            situation.retries_used = used;
                            situation.retry_after = wait;
                            situation.time_left = left;
                            situation.may_fall_back = may_fall_back;
                            situation.jitter = 0.0;  // a back-off of 0 ms fits any time left
                            const auto route = route_of_three();
                            const auto action = decide(route, situation).action;
                            if (action != expected(route, situation)) {
                                CAPTURE(name_of(failure), entry, used, left.count(), may_fall_back);
                                CAPTURE(wait ? wait->count() : -1);
                                CHECK(text(action) == text(expected(route, situation)));
                            }
                            ++seen;
                        }
                    }
                }
            }
        }
    }
    CHECK(seen == (kFailureClassCount - 1) * 3 * 3 * 4 * 5 * 2);
}

TEST_CASE("A timeout is never tried again at the same entry, whatever the route says") {
    Route route = route_of_three();
    route.retries = 100;
    for (const std::size_t entry : {0U, 1U, 2U}) {
        for (const auto& wait : {std::optional<milliseconds>(), {0ms}, {1s}}) {
            auto situation = after(Class::timeout);
            place(situation, entry);
            situation.retry_after = wait;
            CHECK(decide(route, situation).action == (entry < 2 ? Action::next : Action::stop));
        }
    }
}

TEST_CASE("Only four classes are worth another attempt") {
    for (const auto failure : every_failure()) {
        INFO(name_of(failure));
        const bool is = failure == Class::connection || failure == Class::rate_limit ||
                        failure == Class::server_error || failure == Class::malformed;
        CHECK(retryable(failure) == is);
    }
    CHECK_FALSE(retryable(Class::none));
}

TEST_CASE("fallback_on decides for the primary only") {
    Route route = route_of_three();
    route.fallback_on = FailureSet{Class::auth};
    CHECK(decide(route, after(Class::auth)).action == Action::next);
    CHECK(decide(route, after(Class::server_error)).action == Action::stop);
    auto later = after(Class::server_error);
    place(later, 1);
    CHECK(decide(route, later).action == Action::retry);

    route.fallback_on = FailureSet{Class::budget, Class::client_closed};
    CHECK(decide(route, after(Class::budget)).action == Action::stop);
    CHECK(decide(route, after(Class::client_closed)).action == Action::stop);

    route.fallback_on = {};
    for (const auto failure : every_failure()) {
        INFO(name_of(failure));
        const bool never_sent = failure == Class::unsupported;
        CHECK(decide(route, after(failure)).action == (never_sent ? Action::next : Action::stop));
    }
}

TEST_CASE("Fallback switched off keeps the retries and nothing else") {
    auto situation = after(Class::server_error);
    situation.may_fall_back = false;
    CHECK(decide(route_of_three(), situation).action == Action::retry);
    situation.retries_used = 2;
    CHECK(decide(route_of_three(), situation).action == Action::stop);
    situation.failure = Class::timeout;
    situation.retries_used = 0;
    CHECK(decide(route_of_three(), situation).action == Action::stop);
}

TEST_CASE("Nothing begins after the deadline, and no wait reaches it") {
    auto situation = after(Class::rate_limit);
    situation.retry_after = 2s;
    situation.time_left = 2001ms;
    CHECK(decide(route_of_three(), situation).action == Action::retry);
    situation.time_left = 2000ms;
    CHECK(decide(route_of_three(), situation).action == Action::next);
    situation.time_left = 0ms;
    CHECK(decide(route_of_three(), situation).action == Action::stop);
    situation.time_left = -1h;
    CHECK(decide(route_of_three(), situation).action == Action::stop);

    auto backing_off = after(Class::server_error);
    backing_off.jitter = 0.999;
    backing_off.time_left = 100ms;
    CHECK(decide(route_of_three(), backing_off).action == Action::next);
}

TEST_CASE("Back-off doubles with each retry up to its cap, and jitter spreads it down to nothing") {
    Route route;
    route.retries = 1000;
    const auto delay = [&](std::uint32_t used, double jitter) {
        auto situation = after(Class::server_error);
        situation.time_left = 24h;
        situation.retries_used = used;
        situation.jitter = jitter;
        const auto decision = decide(route, situation);
        REQUIRE(decision.action == Action::retry);
        return decision.delay;
    };
    const std::vector<milliseconds> ceilings{250ms, 500ms, 1s, 2s, 4s, 5s, 5s, 5s};
    for (std::uint32_t used = 0; used < ceilings.size(); ++used) {
        CAPTURE(used);
        CHECK(delay(used, 0.0) == 0ms);
        CHECK(delay(used, 0.5) == ceilings[used] / 2);
        CHECK(delay(used, 0.999'999) < ceilings[used]);
        CHECK(delay(used, 0.999'999) >= ceilings[used] - 1ms);
    }
    CHECK(delay(31, 0.5) == 2500ms);
    CHECK(delay(63, 0.5) == 2500ms);
    CHECK(delay(999, 0.5) == 2500ms);  // no step count overflows

    route.retry.base = 24h;
    route.retry.max = 1h;
    CHECK(delay(0, 0.5) == 30min);
    CHECK(delay(999, 0.5) == 30min);
    route.retry.max = 0ms;
    CHECK(delay(3, 0.9) == 0ms);
}

TEST_CASE("A chain of one is retried and then ends") {
    auto situation = after(Class::server_error);
    situation.has_next = false;
    CHECK(decide(route_of_three(), situation).action == Action::retry);
    situation.retries_used = 2;
    CHECK(decide(route_of_three(), situation).action == Action::stop);
}
