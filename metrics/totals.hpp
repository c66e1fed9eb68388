// The sums over all workers that one scrape is made of.
#pragma once

#include "metrics/states.hpp"
#include "metrics/text.hpp"

#include <array>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

namespace understudy::metrics {

struct HistogramTotals {
    std::span<const std::uint64_t> bounds;
    std::array<std::uint64_t, Histogram::kMaxBuckets + 1> buckets{};
    std::uint64_t count = 0;  // sum of the buckets read, so a histogram always agrees with itself
    Wide sum = 0;

    void add(const Histogram& histogram);
};

struct AttemptTotals {
    std::array<std::uint64_t, kMaxReasons> attempts{};
    std::array<std::array<std::uint64_t, 2>, kTokenTypes> tokens{};
    std::array<Wide, 2> cost{};
    std::uint64_t usage_missing = 0, unpriced = 0;
    bool declared = false, priced = false;  // by any worker
    HistogramTotals duration, first_token;

    void add(const AttemptSeries& series);
};

struct GenAiTotals {
    HistogramTotals input_tokens, output_tokens, duration, first_token;

    void add(const AttemptSeries& series);
};

struct RouteTotals {
    std::array<std::uint64_t, kOutcomes> requests{};
    HistogramTotals duration, overhead;
    bool hedged = false;
    std::uint64_t hedges_started = 0, hedges_won = 0, hedge_tokens = 0;

    void add(const RouteSeries& series);
};

struct BreakerTotals {
    std::uint64_t opened = 0, skipped = 0;
};

struct Registry::Totals {
    std::map<std::pair<std::string, std::string>, AttemptTotals> attempts;
    std::map<std::tuple<std::string, std::string, Operation>, GenAiTotals> gen_ai;
    std::map<std::string, RouteTotals> routes;
    std::map<std::tuple<std::string, std::string, std::size_t>, std::uint64_t> failovers;
    std::map<std::string, std::uint64_t> stale_replays;
    std::map<std::string, std::int64_t> inflight;  // attempts, by upstream
    std::map<std::string, std::string, std::less<>> providers;
    std::map<std::pair<std::string, std::string>, BreakerTotals> breakers;
    std::map<std::pair<std::string, std::string>, std::uint8_t> breaker_states;
    std::map<std::pair<std::string, std::size_t>, std::uint8_t> key_states;
    std::vector<States::Allowance> allowances;
    std::uint64_t sessions_denied = 0;
    std::array<std::uint64_t, kExtras> extras_refused{};
    std::uint64_t connections_refused = 0;
    std::int64_t inflight_requests = 0, connections = 0, upstream_idle = 0, upstream_active = 0;
};

}  // namespace understudy::metrics
