#include "limits/purse.hpp"

#include "tests/unit/limits/support.hpp"

#include <random>
#include <thread>
#include <vector>

using namespace understudy::limits;
using namespace understudy::limits::test;

namespace {

Budgets budgets(std::optional<NanoUsd> day, std::optional<NanoUsd> month = {},
                std::optional<NanoUsd> always = {}) {
    Budgets b;
    b.most = {day, month, always};
    return b;
}

const auto kNoon = utc(2026, 11, 29, 12);

}  // namespace

TEST_CASE("What is held is not there for others, and comes back when it is not settled") {
    const auto purse = std::make_shared<Purse>();
    const auto day = budgets(1000);
    Purse::Hold first, second;
    REQUIRE_FALSE(Purse::take(purse, day, at(kNoon), 600, first));
    const auto refusal = Purse::take(purse, day, at(kNoon), 500, second);
    REQUIRE(refusal.limit == Limit::budget_usd_per_day);
    REQUIRE(refusal.held);
    REQUIRE(refusal.again == 1s);
    REQUIRE(purse->left(day, at(kNoon)) == 400);
    { const auto dropped = std::move(first); }
    REQUIRE(purse->left(day, at(kNoon)) == 1000);
    REQUIRE_FALSE(Purse::take(purse, day, at(kNoon), 500, second));
    second.settle(at(kNoon), 30);
    second.settle(at(kNoon), 30);  // once is enough
    REQUIRE(purse->left(day, at(kNoon)) == 970);
    REQUIRE(purse->spent(Period::month, at(kNoon)) == 30);
}

TEST_CASE("A budget that is used up says when it is renewed") {
    struct Row {
        NanoUsd day, month, spent;
        Limit limit;
        std::optional<std::chrono::seconds> again;
    };
    const Row rows[] = {
        {1000, 5000, 999, Limit::none, std::nullopt},
        {1000, 5000, 1000, Limit::budget_usd_per_day, 12h},
        {1000, 1000, 1000, Limit::budget_usd_per_month, 36h},  // the longer wait
        {1000, 1000, 5000, Limit::budget_usd_per_month, 36h},
        {2000, 1000, 1000, Limit::budget_usd_per_month, 36h},
    };
    for (const auto& row : rows) {
        const auto purse = std::make_shared<Purse>();
        purse->book(at(kNoon), row.spent);
        Purse::Hold hold;
        const auto refusal =
            Purse::take(purse, budgets(row.day, row.month), at(kNoon), 1'000'000, hold);
        CAPTURE(row.day, row.month, row.spent);
        REQUIRE(refusal.limit == row.limit);
        REQUIRE_FALSE(refusal.held);
        REQUIRE(refusal.again == row.again);
    }
}

TEST_CASE("What was spent elsewhere raises what is known, and never lowers it") {
    Purse purse;
    purse.book(at(kNoon), 30);
    purse.catch_up(Period::day, at(kNoon), 50, 30);
    purse.catch_up(Period::day, at(kNoon), 20, 50);  // guesses are in no ledger
    REQUIRE(purse.spent(Period::day, at(kNoon)) == 50);
    REQUIRE(purse.spent(Period::month, at(kNoon)) == 30);
    purse.book(at(kNoon), 1);
    REQUIRE(purse.spent(Period::day, at(kNoon)) == 51);
}

TEST_CASE("A purse is completed once, by what is not counted in it") {
    struct Row {
        NanoUsd booked, spent, counted, total;
    };
    for (const auto& row : {Row{0, 70, 0, 70}, Row{30, 70, 30, 70}, Row{40, 70, 30, 80},
                            Row{30, 20, 30, 30}}) {  // the last: a ledger that lost rows
        Purse purse;
        purse.book(at(kNoon), row.booked);
        REQUIRE_FALSE(purse.is_complete());
        purse.complete(at(kNoon), row.spent, row.counted);
        purse.complete(at(kNoon), 1000, 0);
        REQUIRE(purse.is_complete());
        REQUIRE(purse.spent(Period::always, at(kNoon)) == row.total);
    }
}

TEST_CASE("What is held without a budget is there for those that have one") {
    const auto purse = std::make_shared<Purse>();
    std::vector<Purse::Hold> holds(20);
    for (auto& hold : holds) {
        REQUIRE_FALSE(Purse::take(purse, {}, at(kNoon), INT64_MAX, hold));
    }
    REQUIRE(purse->left(budgets({}, {}, 100), at(kNoon)) == 0);
    Purse::Hold asks;
    REQUIRE(Purse::take(purse, budgets({}, {}, 100), at(kNoon), 1, asks).held);
    holds.clear();
    REQUIRE(purse->left(budgets({}, {}, 100), at(kNoon)) == 100);
}

TEST_CASE("A session's budget is never renewed") {
    const auto purse = std::make_shared<Purse>();
    purse->catch_up(Period::always, at(kNoon), 70, 0);
    Purse::Hold hold;
    REQUIRE_FALSE(Purse::take(purse, budgets({}, {}, 100), at(kNoon), 30, hold));
    hold.settle(at(kNoon), 30);
    for (const auto when : {kNoon, utc(2027, 1, 1), utc(2040, 1, 1)}) {
        Purse::Hold other;
        const auto refusal = Purse::take(purse, budgets({}, {}, 100), at(when), 0, other);
        REQUIRE(refusal.limit == Limit::session_budget);
        REQUIRE_FALSE(refusal.held);
        REQUIRE_FALSE(refusal.again);
    }
}

TEST_CASE(
    "A day and a month begin with nothing spent, and what runs over midnight is the new day's") {
    const auto purse = std::make_shared<Purse>();
    const auto both = budgets(100, 150);
    const auto evening = utc(2026, 11, 30, 23, 59, 59), morning = utc(2026, 12, 1);
    purse->book(at(evening), 90);
    Purse::Hold over_night;
    REQUIRE_FALSE(Purse::take(purse, both, at(evening), 10, over_night));
    REQUIRE(purse->left(both, at(morning)) == 90);  // what is held is held at any time
    over_night.settle(at(morning), 10);
    REQUIRE(purse->spent(Period::day, at(evening)) == 90);
    REQUIRE(purse->spent(Period::day, at(morning)) == 10);
    REQUIRE(purse->spent(Period::month, at(morning)) == 10);
    REQUIRE(purse->left(both, at(morning)) == 90);
}

TEST_CASE("A clock that is set forwards and back again finds what had been left") {
    const auto purse = std::make_shared<Purse>();
    const auto both = budgets(100, 1000);
    purse->book(at(kNoon), 60);
    for (const auto wrong :
         {kNoon + 25h, kNoon - 25h, utc(2031, 5, 1), utc(1970, 1, 1), utc(2027, 1, 1)}) {
        REQUIRE(purse->left(both, at(wrong)) == 100);
        purse->book(at(wrong), 5);
        REQUIRE(purse->spent(Period::day, at(wrong)) == 5);
        REQUIRE(purse->spent(Period::day, at(kNoon)) == 60);
    }
}

TEST_CASE("One attempt is let in whatever it may cost, as long as nothing else is held") {
    const auto purse = std::make_shared<Purse>();
    Purse::Hold first, second;
    purse->book(at(kNoon), 99);
    REQUIRE_FALSE(Purse::take(purse, budgets(100), at(kNoon), 1'000'000, first));
    REQUIRE(Purse::take(purse, budgets(100), at(kNoon), 0, second).held);
    first.settle(at(kNoon), 2);
    REQUIRE_FALSE(Purse::take(purse, budgets(100), at(kNoon), 0, second).held);
    REQUIRE(purse->left(budgets(100), at(kNoon)) == 0);
    REQUIRE_FALSE(purse->left(budgets({}), at(kNoon)));
}

TEST_CASE("Amounts that cannot be do not turn a sum round") {
    const auto purse = std::make_shared<Purse>();
    const auto much = std::numeric_limits<NanoUsd>::max();
    for (int i = 0; i < 100; ++i) purse->book(at(kNoon), much);
    purse->book(at(kNoon), -5);
    REQUIRE(purse->spent(Period::day, at(kNoon)) > 0);
    REQUIRE(purse->left(budgets(much), at(kNoon)) > 0);
    Purse::Hold hold;
    REQUIRE(Purse::take(purse, budgets(1'000'000'000), at(kNoon), much, hold));
}

// Every answer costs at most what was held for it: then no order of events spends more than the
// budget and one answer.
TEST_CASE("Whatever comes in whatever order, a budget is kept to one answer") {
    std::mt19937 random(3);
    for (int round = 0; round < 300; ++round) {
        const auto purse = std::make_shared<Purse>();
        const NanoUsd budget = 1000, dearest = 1 + static_cast<NanoUsd>(random() % 900);
        std::vector<std::pair<Purse::Hold, NanoUsd>> running;
        for (int i = 0; i < 200; ++i) {
            const auto choice = random() % 3;
            if (choice < 2) {
                const auto amount = static_cast<NanoUsd>(random() % (dearest + 1));
                Purse::Hold hold;
                const auto no = Purse::take(purse, budgets(budget), at(kNoon), amount, hold);
                if (!no) running.emplace_back(std::move(hold), amount);
            } else if (!running.empty()) {
                const auto one = random() % running.size();
                std::swap(running[one], running.back());
                if (random() % 4 != 0) {
                    const auto most = running.back().second;
                    running.back().first.settle(at(kNoon),
                                                static_cast<NanoUsd>(random() % (most + 1)));
                }
                running.pop_back();
            }
        }
        for (auto& [hold, amount] : running) hold.settle(at(kNoon), amount);
        REQUIRE(purse->spent(Period::day, at(kNoon)) < budget + dearest);
    }
}

TEST_CASE("A hundred at once spend no more than the budget") {
    const auto purse = std::make_shared<Purse>();
    std::vector<std::thread> threads;
    for (int t = 0; t < 8; ++t) {
        threads.emplace_back([&] {
            for (int i = 0; i < 1000; ++i) {
                Purse::Hold hold;
                if (!Purse::take(purse, budgets(500), at(kNoon), 10, hold)) {
                    hold.settle(at(kNoon), i % 2 == 0 ? 10 : 0);
                }
            }
        });
    }
    for (auto& thread : threads) thread.join();
    REQUIRE(purse->spent(Period::day, at(kNoon)) <= 500);
    REQUIRE(purse->left(budgets(1'000'000), at(kNoon)) ==
            1'000'000 - purse->spent(Period::day, at(kNoon)));
}
