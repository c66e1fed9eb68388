#include "limits/rates.hpp"

#include "tests/unit/limits/support.hpp"

#include <atomic>
#include <thread>
#include <vector>

using namespace understudy::limits;
using namespace understudy::limits::test;

namespace {

RateRules rules(std::optional<std::uint64_t> requests, std::optional<std::uint64_t> tokens = {},
                std::optional<std::uint64_t> in_flight = {}) {
    return {requests, tokens, in_flight};
}

}  // namespace

TEST_CASE("Requests are counted when they are let in, and only then") {
    Rates rates;
    for (int i = 0; i < 3; ++i) {
        Rates::Pass pass;
        REQUIRE_FALSE(rates.admit(rules(3), at(100 + i), 0, pass));
        REQUIRE(pass);
    }
    for (int i = 0; i < 5; ++i) {
        Rates::Pass pass;
        const auto refusal = rates.admit(rules(3), at(110), 0, pass);
        REQUIRE(refusal.limit == Limit::requests_per_minute);
        REQUIRE_FALSE(refusal.held);
        REQUIRE(refusal.again == 50s);  // when the first has left the window
        REQUIRE_FALSE(pass);
    }
    Rates::Pass pass;
    REQUIRE_FALSE(rates.admit(rules(3), at(160), 0, pass));
    Rates::Pass other;
    REQUIRE(rates.admit(rules(3), at(160), 0, other).again == 1s);
}

TEST_CASE("A place under way is free again when its request is over") {
    Rates rates;
    Rates::Pass first, second, third;
    REQUIRE_FALSE(rates.admit(rules({}, {}, 2), at(1), 0, first));
    REQUIRE_FALSE(rates.admit(rules({}, {}, 2), at(1), 0, second));
    const auto refusal = rates.admit(rules({}, {}, 2), at(1), 0, third);
    REQUIRE(refusal.limit == Limit::requests_in_flight);
    REQUIRE(refusal.held);
    REQUIRE(refusal.again == 1s);
    first = {};
    REQUIRE(rates.in_flight() == 1);
    { const auto gone = std::move(second); }
    REQUIRE_FALSE(rates.admit(rules({}, {}, 2), at(1), 0, third));
}

TEST_CASE("Tokens are held while a request runs and counted when they are used") {
    Rates rates;
    const auto limit = rules({}, 1000);
    Rates::Pass first, second;
    REQUIRE_FALSE(rates.admit(limit, at(100), 600, first));
    SECTION("what does not fit beside what is held has to wait") {
        const auto refusal = rates.admit(limit, at(100), 500, second);
        REQUIRE(refusal.limit == Limit::tokens_per_minute);
        REQUIRE(refusal.held);
        REQUIRE(refusal.again == 1s);
        REQUIRE_FALSE(rates.admit(limit, at(100), 400, second));
    }
    SECTION("what was used takes the place of what was held") {
        first.use(at(105), 50);
        REQUIRE(rates.standings(limit, at(105)).tokens->remaining == 400);
        { const auto gone = std::move(first); }
        const auto tokens = *rates.standings(limit, at(105)).tokens;
        REQUIRE(tokens.limit == 1000);
        REQUIRE(tokens.remaining == 950);
        REQUIRE(tokens.reset == 60);
        REQUIRE(rates.standings(limit, at(165)).tokens->remaining == 1000);
    }
    SECTION("an answer may use more than was held") {
        first.use(at(105), 700);
        first.use(at(106), 500);  // another attempt of the same request
        const auto refusal = rates.admit(limit, at(106), 1, second);
        REQUIRE_FALSE(refusal.held);
        REQUIRE(refusal.again == 59s);  // when the first 700 have left
        REQUIRE(rates.standings(limit, at(106)).tokens->remaining == 0);
    }
}

TEST_CASE("One request is let in whatever it may use, as long as nothing else is under way") {
    Rates rates;
    const auto limit = rules({}, 1000);
    Rates::Pass first, second;
    REQUIRE_FALSE(rates.admit(limit, at(1), 5000, first));
    REQUIRE(rates.admit(limit, at(1), 1, second));
    first.use(at(2), 10);
    { const auto gone = std::move(first); }
    REQUIRE_FALSE(rates.admit(limit, at(2), 5000, second));
}

TEST_CASE("Of several limits the one that has to be waited for longest is named") {
    Rates rates;
    rates.start_with(at(100), 10, 5000);
    Rates::Pass pass;
    REQUIRE(rates.admit(rules(20, 6000, 1), at(100), 0, pass).limit == Limit::none);
    Rates::Pass other;
    REQUIRE(rates.admit(rules(20, 6000, 1), at(100), 0, other).limit == Limit::requests_in_flight);
    REQUIRE(rates.admit(rules(10, 6000, 1), at(130), 0, other).limit == Limit::requests_per_minute);
    REQUIRE(rates.admit(rules(10, 5000, 1), at(130), 0, other).again == 30s);
}

TEST_CASE("A limit that is not set counts all the same, for a configuration that sets it") {
    Rates rates;
    for (int i = 0; i < 5; ++i) {
        Rates::Pass pass;
        REQUIRE_FALSE(rates.admit(rules({}, 100), at(1), 0, pass));
    }
    Rates::Pass pass;
    REQUIRE(rates.admit(rules(5), at(2), 0, pass).limit == Limit::requests_per_minute);
}

TEST_CASE("A hundred threads are let in no more often than the limit says") {
    Rates rates;
    std::atomic<int> let_in{0};
    std::vector<std::thread> threads;
    for (int t = 0; t < 8; ++t) {
        threads.emplace_back([&] {
            for (int i = 0; i < 500; ++i) {
                Rates::Pass pass;
                if (!rates.admit(rules(100, {}, 3), at(1), 7, pass)) ++let_in;
            }
        });
    }
    for (auto& thread : threads) thread.join();
    REQUIRE(let_in == 100);
    REQUIRE(rates.in_flight() == 0);
    REQUIRE(rates.standings(rules(100, 1), at(1)).requests->remaining == 0);
}
