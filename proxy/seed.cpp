#include "proxy/seed.hpp"

#include "wire/failure.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <limits>
#include <set>
#include <string>
#include <string_view>
#include <utility>

namespace understudy::proxy {

namespace {

using metrics::Source;
using metrics::TokenType;

constexpr std::uint64_t kPicoPerNano = 1000;

struct TokenCounter {
    std::string_view name;
    TokenType type;
    Source source;
};
constexpr std::array<TokenCounter, 7> kTokens{{
    {"tokens_input", TokenType::input, Source::reported},
    {"tokens_cache_read", TokenType::cache_read, Source::reported},
    {"tokens_cache_write", TokenType::cache_write, Source::reported},
    {"tokens_output", TokenType::output, Source::reported},
    {"tokens_reasoning", TokenType::reasoning, Source::reported},
    {"estimated_input", TokenType::input, Source::estimated},
    {"estimated_output", TokenType::output, Source::estimated},
}};

// As much as a counter of pico-dollars holds.
std::uint64_t to_pico(std::uint64_t nano) {
    return std::min(nano, std::numeric_limits<std::uint64_t>::max() / kPicoPerNano) * kPicoPerNano;
}

template <class Enum>
std::optional<Enum> named(std::string_view name, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
        if (metrics::name_of(static_cast<Enum>(i)) == name) return static_cast<Enum>(i);
    }
    return std::nullopt;
}

/// What the configuration names is a label anyway and takes no place among the learned.
std::set<std::string, std::less<>> named_models(const config::Config& config) {
    std::set<std::string, std::less<>> names{"other"};
    for (const auto& upstream : config.upstreams) {
        if (upstream.model) names.insert(*upstream.model);
    }
    for (const auto& route : config.routes) {
        names.insert(route.model);
        for (const auto& entry : route.chain) {
            if (entry.model) names.insert(*entry.model);
        }
    }
    return names;
}

void seed_attempts(const ledger::Counter& counter, metrics::AttemptSeries& series) {
    for (const auto& tokens : kTokens) {
        if (tokens.name != counter.name) continue;
        series
            .tokens[static_cast<std::size_t>(tokens.type)][static_cast<std::size_t>(tokens.source)]
            .add(counter.value);
    }
    if (counter.name == "cost") series.cost_pico_usd[0].add(to_pico(counter.value));
    if (counter.name == "estimated_cost") series.cost_pico_usd[1].add(to_pico(counter.value));
    if (counter.name == "unpriced") series.unpriced.add(counter.value);
    if (counter.name == "missing") series.usage_missing.add(counter.value);
    if (counter.name != "attempts") return;
    if (const auto reason = wire::failure_class_from(counter.labels[3])) {
        series.attempts[static_cast<std::size_t>(*reason)].add(counter.value);
    }
}

void seed_route(const ledger::Counter& counter, metrics::Shard& shard) {
    // What names no route is not in the ledger, or only in an old one: it begins at 0.
    if (counter.labels[0] == "none") return;
    auto& series = shard.route(counter.labels[0]);
    if (counter.name == "hedges_started") series.hedges_started.add(counter.value);
    if (counter.name == "hedges_won") series.hedges_won.add(counter.value);
    if (counter.name == "hedge_tokens") series.hedge_tokens.add(counter.value);
    if (counter.name != "requests") return;
    if (const auto outcome = named<metrics::Outcome>(counter.labels[1], metrics::kOutcomes)) {
        series.requests[static_cast<std::size_t>(*outcome)].add(counter.value);
    }
}

}  // namespace

void seed(std::span<const ledger::Counter> counters, const config::Config& config,
          metrics::Shard& shard) {
    const auto known = named_models(config);
    for (const auto& counter : counters) {
        const auto& [a, b, c, d] = counter.labels;
        if (counter.name == "requests" || counter.name.starts_with("hedge")) {
            seed_route(counter, shard);
        } else if (counter.name == "failovers") {
            const auto why = wire::failure_class_from(c);
            if (why) shard.failover(a, b, static_cast<std::size_t>(*why)).add(counter.value);
        } else if (counter.name == "replays") {
            shard.stale_replays(a).add(counter.value);
        } else if (const auto op = named<metrics::Operation>(c, metrics::kOperations)) {
            if (!known.contains(b)) shard.learned_models().is_label(a, b, true);
            seed_attempts(counter, shard.attempt(a, b, *op));
        }
    }
}

}  // namespace understudy::proxy
