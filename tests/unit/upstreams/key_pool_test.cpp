#include "upstreams/key_pool.hpp"

#include <catch2/catch.hpp>

#include <thread>
#include <vector>

using namespace understudy;
using namespace understudy::upstreams;
using namespace std::chrono_literals;
using std::chrono::milliseconds;
using understudy::wire::FailureClass;
using State = KeyPool::State;

namespace {

constexpr net::TimePoint kStart{net::TimePoint::duration(1'000'000'000'000)};

std::vector<std::size_t> taken(KeyPool& pool, int count, net::TimePoint now = kStart) {
    std::vector<std::size_t> out;
    for (int i = 0; i < count; ++i) out.push_back(pool.take(now).position.value_or(99));
    return out;
}

}  // namespace

TEST_CASE("what an answer says of the key it was asked with") {
    struct Row {
        FailureClass failure;
        unsigned status;
        KeyVerdict expected;
    };
    using enum FailureClass;
    const std::vector<Row> rows{
        {none, 200, KeyVerdict::good},           {rate_limit, 429, KeyVerdict::limited},
        {rate_limit, 400, KeyVerdict::limited},  {quota, 402, KeyVerdict::spent},
        {quota, 429, KeyVerdict::spent},         {auth, 401, KeyVerdict::refused},
        {auth, 403, KeyVerdict::spent},          {connection, 0, KeyVerdict::nothing},
        {timeout, 0, KeyVerdict::nothing},       {server_error, 500, KeyVerdict::nothing},
        {malformed, 200, KeyVerdict::nothing},   {bad_request, 400, KeyVerdict::nothing},
        {not_found, 404, KeyVerdict::nothing},   {context_length, 400, KeyVerdict::nothing},
        {client_closed, 0, KeyVerdict::nothing}, {overloaded, 0, KeyVerdict::nothing},
        {budget, 402, KeyVerdict::nothing},      {content_filter, 403, KeyVerdict::nothing},
    };
    for (const auto& row : rows) {
        CAPTURE(name_of(row.failure), row.status);
        CHECK(judge_key(row.failure, row.status, false) == row.expected);
        // Whatever it is, of what was asked it says nothing of the key.
        CHECK(judge_key(row.failure, row.status, true) == KeyVerdict::nothing);
    }
}

TEST_CASE("how long a key rests") {
    struct Row {
        KeyVerdict verdict;
        std::uint32_t strikes;
        std::optional<milliseconds> retry_after;
        milliseconds expected;
    };
    using enum KeyVerdict;
    const std::vector<Row> rows{
        {limited, 0, std::nullopt, 1s},
        {limited, 1, std::nullopt, 2s},
        {limited, 5, std::nullopt, 32s},
        {limited, 6, std::nullopt, 60s},
        {limited, 4'000'000'000, std::nullopt, 60s},
        {limited, 0, 20s, 20s},
        {limited, 6, 20s, 60s},
        {spent, 0, std::nullopt, 60s},
        {spent, 3, std::nullopt, 8min},
        {spent, 9, std::nullopt, 1h},
        {spent, 0, 24h, 24h},
    };
    for (const auto& row : rows) {
        CAPTURE(static_cast<int>(row.verdict), row.strikes);
        CHECK(key_rest(row.verdict, row.strikes, row.retry_after) == row.expected);
    }
}

TEST_CASE("keys are used in turn, and what rests or is retired is passed over") {
    KeyPool pool(3);
    CHECK(taken(pool, 6) == std::vector<std::size_t>{0, 1, 2, 0, 1, 2});
    CHECK(pool.settle(1, KeyVerdict::limited, std::nullopt, kStart));
    CHECK(pool.state(1, kStart) == State::resting);
    CHECK(taken(pool, 3) == std::vector<std::size_t>{0, 2, 2});
    CHECK(pool.settle(2, KeyVerdict::refused, std::nullopt, kStart));
    CHECK(pool.state(2, kStart) == State::retired);
    CHECK(taken(pool, 3) == std::vector<std::size_t>{0, 0, 0});
    CHECK(pool.state(1, kStart + 1s) == State::in_use);
    CHECK(pool.state(2, kStart + 24h) == State::retired);
    pool.forget_refusals();
    CHECK(pool.state(2, kStart) == State::in_use);
    CHECK(pool.state(1, kStart) == State::resting);
}

TEST_CASE("a request is not sent twice with one key, however short its rest") {
    KeyPool pool(2);
    KeyPool::Tried tried = 0;
    const auto first = *pool.take(kStart, tried).position;
    tried |= KeyPool::Tried{1} << first;
    pool.settle(first, KeyVerdict::limited, std::nullopt, kStart);
    const auto later = kStart + 10s;
    CHECK(pool.untried(later, tried));
    CHECK(pool.take(later, tried).position == std::size_t{1} - first);
    CHECK_FALSE(pool.untried(later, 3));
    CHECK_FALSE(pool.take(later, 3).position);
}

TEST_CASE("where none is left it is known when one will be, and whether the provider said so") {
    KeyPool pool(3);
    pool.settle(0, KeyVerdict::limited, 30s, kStart);
    pool.settle(1, KeyVerdict::spent, std::nullopt, kStart);
    pool.settle(2, KeyVerdict::refused, std::nullopt, kStart);
    auto pick = pool.look(kStart);
    CHECK_FALSE(pick.position);
    CHECK(pick.until - (kStart + 30s) < 2ns);
    CHECK(pick.named);
    CHECK(pool.soonest() == 0);
    CHECK(pool.some_rest(kStart));
    CHECK(pool.some_left());

    KeyPool unsaid(2);
    unsaid.settle(0, KeyVerdict::limited, std::nullopt, kStart);
    unsaid.settle(1, KeyVerdict::spent, std::nullopt, kStart);
    pick = unsaid.look(kStart);
    CHECK(kStart + 1s - pick.until < 2ns);
    CHECK_FALSE(pick.named);

    KeyPool retired(2);
    retired.settle(0, KeyVerdict::refused, std::nullopt, kStart);
    retired.settle(1, KeyVerdict::refused, std::nullopt, kStart);
    CHECK(retired.look(kStart).until == net::TimePoint::max());
}

TEST_CASE("strikes are counted one by one, and a good answer forgets them") {
    KeyPool pool(2);
    auto now = kStart;
    const auto rest = [&] {
        pool.settle(1, KeyVerdict::refused, std::nullopt, now);
        return std::chrono::round<milliseconds>(pool.look(now).until - now);
    };
    pool.settle(0, KeyVerdict::limited, std::nullopt, now);
    // Others that were under way with it meet the same limit.
    for (int i = 0; i < 20; ++i)
        CHECK_FALSE(pool.settle(0, KeyVerdict::limited, std::nullopt, now));
    CHECK(rest() <= 2s);
    now += 3s;
    CHECK(pool.settle(0, KeyVerdict::limited, std::nullopt, now));
    CHECK(rest() == 2s);
    now += 3s;
    pool.settle(0, KeyVerdict::good, std::nullopt, now);
    pool.settle(0, KeyVerdict::limited, std::nullopt, now);
    CHECK(rest() == 1s);
    // Neither a shorter rest nor a limit brings a retired one back.
    CHECK_FALSE(pool.settle(1, KeyVerdict::limited, 1h, now));
    CHECK(pool.state(1, now) == State::retired);
}

TEST_CASE("many threads share a pool") {
    KeyPool pool(4);
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t) {
        threads.emplace_back([&pool] {
            for (int i = 0; i < 5000; ++i) {
                const auto now = kStart + milliseconds(i);
                const auto pick = pool.take(now);
                if (!pick.position) continue;
                const bool limited = i % 7 == 0;
                pool.settle(*pick.position, limited ? KeyVerdict::limited : KeyVerdict::good,
                            std::nullopt, now);
            }
        });
    }
    for (auto& thread : threads) thread.join();
    for (std::size_t i = 0; i < 4; ++i) CHECK(pool.state(i, kStart + 1h) == State::in_use);
}
