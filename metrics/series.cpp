#include "metrics/series.hpp"

#include "metrics/buckets.hpp"
#include "metrics/text.hpp"

#include <algorithm>

namespace understudy::metrics {

namespace {

std::uint64_t plausible(std::uint64_t tokens) {
    return std::min(tokens, kMaxTokensPerAnswer);
}

/// Finds or makes the entry of a map of unique_ptr; the pointee never moves.
template <class Map, class Key>
auto& find_or_make(Map& map, Key&& key) {
    auto& slot = map[std::forward<Key>(key)];
    if (!slot) slot = std::make_unique<typename Map::mapped_type::element_type>();
    return *slot;
}

}  // namespace

std::string_view name_of(Outcome outcome) noexcept {
    static constexpr std::array<std::string_view, kOutcomes> kNames{
        "primary", "fallback", "rescued", "client_error", "exhausted", "client_closed", "rejected"};
    return kNames[static_cast<std::size_t>(outcome)];
}

std::string_view name_of(Operation operation) noexcept {
    static constexpr std::array<std::string_view, kOperations> kNames{
        "chat", "text_completion", "embeddings", "generate_content", "other"};
    return kNames[static_cast<std::size_t>(operation)];
}

std::string_view name_of(Extra extra) noexcept {
    static constexpr std::array<std::string_view, kExtras> kNames{"retry", "failover", "hedge"};
    return kNames[static_cast<std::size_t>(extra)];
}

Histogram::Histogram(std::span<const std::uint64_t> upper_bounds) noexcept
    : bounds_(upper_bounds.first(std::min(upper_bounds.size(), kMaxBuckets))) {}

void Histogram::observe(std::uint64_t value) noexcept {
    // At most 20 bounds in two or three cache lines: a plain scan beats a binary search here.
    std::size_t i = 0;
    while (i < bounds_.size() && value > bounds_[i]) ++i;
    buckets_[i].add();
    sum_.add(value);
}

AttemptSeries::AttemptSeries()
    : duration(kAttemptBounds),
      first_token(kFirstTokenBounds),
      genai_input_tokens(kTokenBounds),
      genai_output_tokens(kTokenBounds) {}

void AttemptSeries::add_usage(const TokenCounts& counts, Source source) noexcept {
    const std::array<std::uint64_t, kTokenTypes> by_type{
        plausible(counts.input), plausible(counts.cache_read), plausible(counts.cache_write),
        plausible(counts.output), plausible(counts.reasoning)};
    for (std::size_t type = 0; type < kTokenTypes; ++type) {
        tokens[type][static_cast<std::size_t>(source)].add(by_type[type]);
    }
    // OpenTelemetry forbids guesses in token usage, and counts cached tokens as input and reasoning
    // as output. Operations without output (embeddings) have no output observation at all.
    if (source == Source::estimated) return;
    genai_input_tokens.observe(by_type[0] + by_type[1] + by_type[2]);
    if (const auto output = by_type[3] + by_type[4]; output > 0)
        genai_output_tokens.observe(output);
}

RouteSeries::RouteSeries() : duration(kRequestBounds), overhead(kOverheadBounds) {}

// Names are cleaned before they become keys: two names that look the same in the exposition must be
// one series, for a duplicate makes Prometheus throw the whole scrape away.

AttemptSeries& Shard::attempt(std::string_view upstream, std::string_view model,
                              Operation operation) {
    const std::lock_guard lock(mutex_);
    const auto [found, fresh] =
        attempts_.try_emplace({clean_utf8(upstream), clean_utf8(model), operation});
    auto& [key, series] = *found;
    if (fresh) {
        series = std::make_unique<AttemptSeries>();
        series->model = std::get<1>(key);
        series->operation = operation;
    }
    return *series;
}

RouteSeries& Shard::route(std::string_view name) {
    const std::lock_guard lock(mutex_);
    return find_or_make(routes_, clean_utf8(name));
}

Counter& Shard::failover(std::string_view from, std::string_view to, std::size_t reason) {
    const std::lock_guard lock(mutex_);
    return find_or_make(failovers_, std::tuple(clean_utf8(from), clean_utf8(to), reason));
}

Counter& Shard::stale_replays(std::string_view upstream) {
    const std::lock_guard lock(mutex_);
    return find_or_make(stale_replays_, clean_utf8(upstream));
}

Gauge& Shard::inflight(std::string_view upstream) {
    const std::lock_guard lock(mutex_);
    return find_or_make(inflight_, clean_utf8(upstream));
}

BreakerSeries& Shard::breaker(std::string_view upstream, std::string_view model) {
    const std::lock_guard lock(mutex_);
    return find_or_make(breakers_, std::pair(clean_utf8(upstream), clean_utf8(model)));
}

Registry::Registry(std::size_t workers, std::span<const std::string_view> reasons, BuildInfo build)
    : reasons_(reasons.first(std::min(reasons.size(), kMaxReasons))),
      build_(std::move(build)),
      started_(std::chrono::system_clock::now()) {
    shards_.reserve(workers);
    const auto learned = std::make_shared<LearnedModels>();
    for (std::size_t i = 0; i < workers; ++i) shards_.push_back(std::make_unique<Shard>(learned));
}

void Registry::set_provider(std::string_view upstream, std::string_view provider) {
    const std::lock_guard lock(mutex_);
    providers_.insert_or_assign(clean_utf8(upstream), clean_utf8(provider));
}

void Registry::set_states(std::shared_ptr<const StateSource> states) {
    const std::lock_guard lock(mutex_);
    states_.swap(states);
}

void Registry::count_reload(bool ok) noexcept {
    (ok ? reloads_ok_ : reloads_failed_).fetch_add(1, std::memory_order_relaxed);
}

}  // namespace understudy::metrics
