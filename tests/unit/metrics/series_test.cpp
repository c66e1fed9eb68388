// Counters, histograms and handles.
#include "metrics/series.hpp"

#include "metrics/buckets.hpp"
#include "tests/unit/metrics/sample.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <limits>

using namespace understudy::metrics;

namespace {

constexpr std::array<std::uint64_t, 3> kBounds{10, 20, 30};

}  // namespace

TEST_CASE("a histogram counts a value at its bound into that bucket") {
    Histogram histogram(kBounds);
    for (const std::uint64_t value : {0, 10, 11, 20, 30, 31, 1'000}) histogram.observe(value);
    CHECK(histogram.bucket(0) == 2);
    CHECK(histogram.bucket(1) == 2);
    CHECK(histogram.bucket(2) == 1);
    CHECK(histogram.bucket(3) == 2);
    CHECK(histogram.sum() == 0 + 10 + 11 + 20 + 30 + 31 + 1'000);
}

TEST_CASE("more bounds than a histogram can hold are cut, not overrun") {
    std::array<std::uint64_t, 40> many{};
    for (std::size_t i = 0; i < many.size(); ++i) many[i] = i;
    Histogram histogram(many);
    histogram.observe(1'000);
    CHECK(histogram.bounds().size() == Histogram::kMaxBuckets);
    CHECK(histogram.bucket(Histogram::kMaxBuckets) == 1);
}

TEST_CASE("all bounds ascend and fit") {
    const auto good = [](std::span<const std::uint64_t> bounds) {
        return bounds.size() <= Histogram::kMaxBuckets &&
               std::adjacent_find(bounds.begin(), bounds.end(), std::greater_equal<>()) ==
                   bounds.end();
    };
    CHECK(good(kRequestBounds));
    CHECK(good(kAttemptBounds));
    CHECK(good(kFirstTokenBounds));
    CHECK(good(kOverheadBounds));
    CHECK(good(kTokenBounds));
    CHECK(kAttemptBounds[kGenAiDurationBounds - 1] == 81'920 * kMillisecond);
    CHECK(kFirstTokenBounds[kGenAiFirstTokenBounds - 1] == 10 * kSecond);
}

TEST_CASE("handles stay where they are while others are made") {
    Shard shard;
    auto& series = shard.attempt("u", "m");
    auto& route = shard.route("r");
    auto& failover = shard.failover("a", "b", 3);
    for (int i = 0; i < 1'000; ++i) {
        shard.attempt("u", std::to_string(i));
        shard.route(std::to_string(i));
        shard.failover("a", std::to_string(i), 3);
    }
    CHECK(&shard.attempt("u", "m") == &series);
    CHECK(&shard.route("r") == &route);
    CHECK(&shard.failover("a", "b", 3) == &failover);
    CHECK(&shard.attempt("u", "m", Operation::embeddings) != &series);
    CHECK(&shard.failover("a", "b", 4) != &failover);
}

TEST_CASE("names that look the same in the exposition are one series") {
    Shard shard;
    CHECK(&shard.attempt("u", "m\xFF") == &shard.attempt("u", "m\xFE"));
    CHECK(&shard.route("\xFF") == &shard.route("\xFE"));
}

TEST_CASE("usage lands in its type and source") {
    AttemptSeries series;
    series.add_usage({1, 2, 3, 4, 5}, Source::reported);
    series.add_usage({10, 20, 30, 40, 50}, Source::estimated);
    for (std::size_t type = 0; type < kTokenTypes; ++type) {
        CHECK(series.tokens[type][0].value() == type + 1);
        CHECK(series.tokens[type][1].value() == (type + 1) * 10);
    }
    // OpenTelemetry's figures hold what was reported only.
    CHECK(series.genai_input_tokens.sum() == 1 + 2 + 3);
    CHECK(series.genai_output_tokens.sum() == 4 + 5);
}

TEST_CASE("an answer with an absurd token count cannot make a counter wrap") {
    AttemptSeries series;
    constexpr auto kHuge = std::numeric_limits<std::uint64_t>::max();
    series.add_usage({5, 0, 0, 0, 0}, Source::reported);
    series.add_usage({kHuge, kHuge, 0, kHuge, 0}, Source::reported);
    CHECK(series.tokens[0][0].value() == kMaxTokensPerAnswer + 5);
    CHECK(series.genai_input_tokens.sum() == 2 * kMaxTokensPerAnswer + 5);
}

TEST_CASE("every outcome and operation has a name") {
    for (std::size_t i = 0; i < kOutcomes; ++i) CHECK(!name_of(static_cast<Outcome>(i)).empty());
    for (std::size_t i = 0; i < kOperations; ++i) {
        CHECK(!name_of(static_cast<Operation>(i)).empty());
    }
    CHECK(name_of(Outcome::client_closed) == "client_closed");
    CHECK(name_of(Operation::chat) == "chat");
}
