#include "metrics/totals.hpp"

namespace understudy::metrics {

void HistogramTotals::add(const Histogram& histogram) {
    bounds = histogram.bounds();
    for (std::size_t i = 0; i <= bounds.size(); ++i) {
        const std::uint64_t n = histogram.bucket(i);
        buckets[i] += n;
        count += n;
    }
    sum += histogram.sum();
}

void AttemptTotals::add(const AttemptSeries& series) {
    for (std::size_t i = 0; i < kMaxReasons; ++i) attempts[i] += series.attempts[i].value();
    for (std::size_t type = 0; type < kTokenTypes; ++type) {
        for (std::size_t source = 0; source < 2; ++source) {
            tokens[type][source] += series.tokens[type][source].value();
        }
    }
    for (std::size_t source = 0; source < 2; ++source) {
        cost[source] += series.cost_pico_usd[source].value();
    }
    usage_missing += series.usage_missing.value();
    unpriced += series.unpriced.value();
    declared |= series.declared.load(std::memory_order_relaxed);
    priced |= series.priced.load(std::memory_order_relaxed);
    duration.add(series.duration);
    first_token.add(series.first_token);
}

void GenAiTotals::add(const AttemptSeries& series) {
    input_tokens.add(series.genai_input_tokens);
    output_tokens.add(series.genai_output_tokens);
    duration.add(series.duration);
    first_token.add(series.first_token);
}

void RouteTotals::add(const RouteSeries& series) {
    for (std::size_t i = 0; i < kOutcomes; ++i) requests[i] += series.requests[i].value();
    duration.add(series.duration);
    overhead.add(series.overhead);
    hedged = hedged || series.hedged;
    hedges_started += series.hedges_started.value();
    hedges_won += series.hedges_won.value();
    hedge_tokens += series.hedge_tokens.value();
}

void Registry::add_shard(Totals& totals, const Shard& shard) const {
    // The lock keeps the maps still; the workers go on counting through the handles they hold.
    const std::lock_guard lock(shard.mutex_);
    for (const auto& [key, series] : shard.attempts_) {
        totals.attempts[{std::get<0>(key), std::get<1>(key)}].add(*series);
        totals.gen_ai[key].add(*series);
    }
    for (const auto& [name, series] : shard.routes_) totals.routes[name].add(*series);
    for (const auto& [key, counter] : shard.failovers_) totals.failovers[key] += counter->value();
    for (const auto& [key, counter] : shard.stale_replays_) {
        totals.stale_replays[key] += counter->value();
    }
    for (const auto& [key, gauge] : shard.inflight_) totals.inflight[key] += gauge->value();
    for (const auto& [key, series] : shard.breakers_) {
        totals.breakers[key].opened += series->opened.value();
        totals.breakers[key].skipped += series->skipped.value();
    }
    for (std::size_t i = 0; i < kExtras; ++i) {
        totals.extras_refused[i] += shard.worker_.extras_refused[i].value();
    }
    totals.inflight_requests += shard.worker_.inflight_requests.value();
    totals.connections += shard.worker_.connections.value();
    totals.connections_refused += shard.worker_.connections_refused.value();
    totals.upstream_idle += shard.worker_.upstream_idle.value();
    totals.upstream_active += shard.worker_.upstream_active.value();
}

Registry::Totals Registry::collect() const {
    Totals totals;
    for (const auto& shard : shards_) add_shard(totals, *shard);
    std::shared_ptr<const StateSource> source;
    {
        const std::lock_guard lock(mutex_);
        totals.providers = providers_;
        source = states_;
    }
    States states;
    if (source) source->collect(states);
    for (const auto& b : states.breakers) {
        totals.breaker_states[{clean_utf8(b.upstream), clean_utf8(b.model)}] = b.state;
    }
    for (const auto& k : states.keys) {
        totals.key_states[{clean_utf8(k.upstream), k.position}] = k.state;
    }
    totals.allowances = std::move(states.allowances);
    totals.sessions_denied = states.sessions_denied;
    return totals;
}

}  // namespace understudy::metrics
