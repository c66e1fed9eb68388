// Counters of one worker and the registry that sums them at scrape time.
//
// Every worker owns a Shard and is the only writer of what is in it, so an increment is a relaxed
// load, an add and a relaxed store: no lock prefix, no shared cache line. The scraper reads all
// shards with relaxed loads. Series are created once per (upstream, model) or route, never removed,
// and their addresses are stable: look a handle up when the configuration is loaded, keep it.
#pragma once

#include "metrics/learned_models.hpp"
#include "metrics/price.hpp"
#include "metrics/states.hpp"

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

namespace understudy::metrics {

/// Monotonic counter with one writing thread.
class Counter {
  public:
    void add(std::uint64_t n = 1) noexcept {
        value_.store(value_.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
    }
    std::uint64_t value() const noexcept { return value_.load(std::memory_order_relaxed); }

  private:
    std::atomic<std::uint64_t> value_{0};
};

/// A value that goes up and down, with one writing thread.
class Gauge {
  public:
    void add(std::int64_t n) noexcept {
        value_.store(value_.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
    }
    std::int64_t value() const noexcept { return value_.load(std::memory_order_relaxed); }

  private:
    std::atomic<std::int64_t> value_{0};
};

/// Histogram over fixed upper bounds (which must outlive it); values are integers in a unit the
/// renderer knows: nanoseconds for durations, tokens for gen_ai token usage.
class Histogram {
  public:
    static constexpr std::size_t kMaxBuckets = 20;
    explicit Histogram(std::span<const std::uint64_t> upper_bounds) noexcept;
    void observe(std::uint64_t value) noexcept;
    std::span<const std::uint64_t> bounds() const noexcept { return bounds_; }
    /// Count of values at or below bounds()[i] and above the bound before; i == bounds().size() is
    /// +Inf.
    std::uint64_t bucket(std::size_t i) const noexcept { return buckets_[i].value(); }
    std::uint64_t sum() const noexcept { return sum_.value(); }

  private:
    std::span<const std::uint64_t> bounds_;
    std::array<Counter, kMaxBuckets + 1> buckets_;
    Counter sum_;
};

inline constexpr std::size_t kMaxReasons = 32;
enum class TokenType : std::uint8_t { input, cache_read, cache_write, output, reasoning };
inline constexpr std::size_t kTokenTypes = 5;
enum class Source : std::uint8_t { reported, estimated };
enum class Outcome : std::uint8_t {
    primary,
    fallback,
    rescued,
    client_error,
    exhausted,
    client_closed,
    rejected
};
inline constexpr std::size_t kOutcomes = 7;
std::string_view name_of(Outcome outcome) noexcept;

/// What was asked for, in OpenTelemetry's words (gen_ai.operation.name). Only the gen_ai_* metrics
/// tell operations apart; the understudy_* ones sum over them.
enum class Operation : std::uint8_t {
    chat,              // chat completions, responses
    text_completion,   // completions
    embeddings,        // embeddings
    generate_content,  // images, audio
    other              // moderations and whatever else passes through
};
inline constexpr std::size_t kOperations = 5;
std::string_view name_of(Operation operation) noexcept;

/// More tokens than any answer can have. A larger count is an upstream's mistake, and one such
/// answer must neither overflow a sum nor make a counter wrap: counts are cut to this.
inline constexpr std::uint64_t kMaxTokensPerAnswer = 100'000'000;

/// Everything counted for one operation of one model at one upstream. Aligned, so that two workers
/// never write to one cache line.
struct alignas(64) AttemptSeries {
    AttemptSeries();
    std::string_view model;  // the label; of the registry
    Operation operation = Operation::chat;
    std::array<Counter, kMaxReasons> attempts;  // by reason index given to the Registry
    std::array<std::array<Counter, 2>, kTokenTypes> tokens;  // [TokenType][Source]
    std::array<Counter, 2> cost_pico_usd;                    // [Source]
    Counter usage_missing;
    Counter unpriced;  // attempts with tokens that no price is known for
    /// The configuration names it: everything countable is shown from the start, at 0; its cost too
    /// where it has a price. Set at start and reload, never taken back.
    std::atomic<bool> declared{false}, priced{false};
    Histogram duration;     // ns, one attempt
    Histogram first_token;  // ns, from the request sent to the first content
    Histogram genai_input_tokens, genai_output_tokens;  // reported only, never estimated

    /// Counts the tokens of one attempt; the cost is the caller's to add (it knows the price).
    void add_usage(const TokenCounts& counts, Source source) noexcept;
};

/// Everything counted for one route.
struct alignas(64) RouteSeries {
    RouteSeries();
    std::array<Counter, kOutcomes> requests;
    Histogram duration;   // ns, the whole request
    Histogram overhead;   // ns, time spent here and not waiting for upstreams
    bool hedged = false;  // what follows is on the page
    Counter hedges_started, hedges_won;
    Counter hedge_tokens;  // of attempts that were dropped because another one answered first
};

/// What happened to the breaker of one model at one upstream.
struct alignas(64) BreakerSeries {
    Counter opened;
    Counter skipped;  // requests that passed over the entry because it rests
};

/// Attempts beside a request's first one, which a retry budget bounds.
enum class Extra : std::uint8_t { retry, failover, hedge };
inline constexpr std::size_t kExtras = 3;
std::string_view name_of(Extra extra) noexcept;

/// What one worker counts that belongs to no route and no upstream.
struct alignas(64) WorkerSeries {
    Gauge inflight_requests;
    Gauge connections;            // of clients
    Counter connections_refused;  // by limits.connections
    Gauge upstream_idle, upstream_active;
    std::array<Counter, kExtras> extras_refused;  // by the retry budget, [Extra]
};

/// What one worker counts.
class Shard {
  public:
    explicit Shard(
        std::shared_ptr<LearnedModels> learned = std::make_shared<LearnedModels>()) noexcept
        : learned_(std::move(learned)) {}
    /// Find or create; thread-safe (a lock), for start and reload, not for the hot path. References
    /// stay valid for the life of the registry.
    AttemptSeries& attempt(std::string_view upstream, std::string_view model,
                           Operation operation = Operation::chat);
    RouteSeries& route(std::string_view name);
    Counter& failover(std::string_view from, std::string_view to, std::size_t reason);
    /// Requests sent again without an attempt of their own, at this upstream.
    Counter& stale_replays(std::string_view upstream);
    /// Attempts under way at this upstream.
    Gauge& inflight(std::string_view upstream);
    BreakerSeries& breaker(std::string_view upstream, std::string_view model);
    WorkerSeries& worker() noexcept { return worker_; }
    /// The same for all shards of a registry.
    LearnedModels& learned_models() noexcept { return *learned_; }

  private:
    friend class Registry;
    mutable std::mutex mutex_;
    std::map<std::tuple<std::string, std::string, Operation>, std::unique_ptr<AttemptSeries>>
        attempts_;
    std::map<std::string, std::unique_ptr<RouteSeries>, std::less<>> routes_;
    std::map<std::tuple<std::string, std::string, std::size_t>, std::unique_ptr<Counter>>
        failovers_;
    std::map<std::string, std::unique_ptr<Counter>, std::less<>> stale_replays_;
    std::map<std::string, std::unique_ptr<Gauge>, std::less<>> inflight_;
    std::map<std::pair<std::string, std::string>, std::unique_ptr<BreakerSeries>> breakers_;
    WorkerSeries worker_;
    std::shared_ptr<LearnedModels> learned_;
};

enum class Format : std::uint8_t { prometheus, openmetrics };

/// How the ledger is.
struct LedgerFigures {
    bool up = false;
    std::uint64_t rows_written = 0, rows_lost = 0;
    std::size_t waiting_bytes = 0;
};

/// All shards of the process, and what belongs to no worker.
class Registry {
  public:
    struct BuildInfo {
        std::string version, commit;
    };
    /// `reasons`: the labels of AttemptSeries::attempts, index by index; static storage.
    Registry(std::size_t workers, std::span<const std::string_view> reasons, BuildInfo build);
    Shard& shard(std::size_t worker) { return *shards_[worker]; }
    /// OpenTelemetry's name of the provider behind an upstream ("anthropic", "azure.ai.openai",
    /// "gcp.gemini"), for the gen_ai_* metrics; "openai" unless told. Any thread, at start and
    /// reload.
    void set_provider(std::string_view upstream, std::string_view provider);
    /// What is read of it at each scrape is as it is then. Any thread, at start and reload.
    void set_states(std::shared_ptr<const StateSource> states);
    /// There is a ledger, and this tells how it is; before the first scrape.
    void set_ledger(std::function<LedgerFigures()> look) { ledger_ = std::move(look); }
    /// Any thread.
    void count_reload(bool ok) noexcept;
    /// Text exposition of everything (docs/metrics.md). Any thread; reads while others write.
    std::string render(Format format) const;
    /// The content type that belongs to a format.
    static std::string_view content_type(Format format) noexcept;

    struct Totals;  // the sums of one scrape; metrics/totals.hpp
    /// Any thread, as render().
    Totals collect() const;

  private:
    std::uint64_t start_of_registry() const noexcept;  // ms since the epoch
    void add_shard(Totals& totals, const Shard& shard) const;

    std::vector<std::unique_ptr<Shard>> shards_;
    std::span<const std::string_view> reasons_;
    BuildInfo build_;
    std::atomic<std::uint64_t> reloads_ok_{0}, reloads_failed_{0};
    std::chrono::system_clock::time_point started_;
    std::function<LedgerFigures()> ledger_;  // empty: none
    mutable std::mutex mutex_;
    std::map<std::string, std::string, std::less<>> providers_;  // guarded by mutex_
    std::shared_ptr<const StateSource> states_;                  // guarded by mutex_
};

}  // namespace understudy::metrics
