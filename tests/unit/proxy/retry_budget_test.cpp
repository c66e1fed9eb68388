#include "proxy/retry_budget.hpp"

#include <catch2/catch.hpp>

#include <atomic>
#include <thread>
#include <utility>
#include <vector>

using understudy::metrics::Extra;
using understudy::proxy::within_budget;
using Budget = understudy::proxy::RetryBudget;
using Settings = understudy::config::RetryBudget;

TEST_CASE("whether one more extra attempt may be made") {
    struct Row {
        Settings budget;
        Extra kind;
        std::size_t active, requests;
        bool allowed;
    };
    const Settings usual, bounded{20, 3, true}, none{0, 0, true}, all{100, 0, true};
    const std::vector<Row> rows{
        {usual, Extra::retry, 0, 1, true},       {usual, Extra::retry, 2, 1, true},
        {usual, Extra::retry, 3, 1, false},      {usual, Extra::retry, 3, 19, false},
        {usual, Extra::retry, 3, 20, true},      {usual, Extra::retry, 19, 100, true},
        {usual, Extra::retry, 20, 100, false},   {usual, Extra::hedge, 3, 19, false},
        {usual, Extra::hedge, 2, 1, true},       {usual, Extra::failover, 1000, 1, true},
        {bounded, Extra::failover, 2, 1, true},  {bounded, Extra::failover, 3, 19, false},
        {bounded, Extra::failover, 3, 20, true}, {none, Extra::retry, 0, 1000, false},
        {none, Extra::failover, 0, 1000, false}, {all, Extra::retry, 99, 100, true},
        {all, Extra::retry, 100, 100, false},
    };
    for (const auto& row : rows) {
        CAPTURE(row.budget.percent, row.budget.min, static_cast<int>(row.kind), row.active,
                row.requests);
        CHECK(within_budget(row.budget, row.kind, row.active, row.requests) == row.allowed);
    }
}

TEST_CASE("a place is given back when its attempt has ended, and failovers crowd retries out") {
    Budget budget;
    {
        auto one = budget.take(Extra::retry, 1);
        auto two = budget.take(Extra::retry, 1);
        auto three = budget.take(Extra::hedge, 1);
        CHECK((one && two && three));
        CHECK_FALSE(budget.take(Extra::retry, 1));
        CHECK(budget.active() == 3);
        auto moved = std::move(one);
        CHECK(budget.active() == 3);
        three = {};
        CHECK(budget.active() == 2);
        CHECK(budget.take(Extra::retry, 1));  // and gone again
    }
    CHECK(budget.active() == 0);
    std::vector<Budget::Place> failovers;
    for (int i = 0; i < 50; ++i) failovers.push_back(budget.take(Extra::failover, 60));
    CHECK(budget.active() == 50);
    CHECK_FALSE(budget.take(Extra::retry, 60));
    failovers.clear();
    CHECK(budget.active() == 0);
    budget.use({0, 0, true});
    CHECK_FALSE(budget.take(Extra::failover, 100));
}

TEST_CASE("many threads together stay within the budget") {
    Budget budget;
    std::atomic<std::size_t> most{0};
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t) {
        threads.emplace_back([&] {
            for (int i = 0; i < 5000; ++i) {
                const auto place = budget.take(Extra::retry, 50);
                const auto active = budget.active();
                if (active > most) most = active;
            }
        });
    }
    for (auto& thread : threads) thread.join();
    CHECK(budget.active() == 0);
    CHECK(most <= 10);
}
