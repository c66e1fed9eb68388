// A registry in which everything that can be counted has been, with figures one can check by hand.
#pragma once

#include "metrics/series.hpp"
#include "metrics/states.hpp"

#include <array>
#include <memory>
#include <string_view>
#include <utility>

namespace understudy::metrics::test {

inline constexpr std::array<std::string_view, 14> kReasons{
    "ok",        "connection",   "timeout",   "rate_limit",     "quota",          "server_error",
    "malformed", "auth",         "not_found", "context_length", "content_filter", "bad_request",
    "budget",    "client_closed"};
inline constexpr std::size_t kOk = 0, kRateLimit = 3;

/// A label value with everything that has ever broken a scrape.
inline constexpr std::string_view kHostile = "a\"b\\c\nd\re{}=,#\t\xC3\xA9 \xFF\xC0\x80";

inline void count_primary(Shard& shard) {
    auto& series = shard.attempt("openai", "gpt-4o");
    series.attempts[kOk].add(2);
    series.attempts[kRateLimit].add();
    series.add_usage({100, 20, 0, 30, 12}, Source::reported);
    series.add_usage({8, 0, 0, 5, 0}, Source::estimated);
    series.cost_pico_usd[0].add(695'000'000);
    series.cost_pico_usd[1].add(70'000'000);
    series.usage_missing.add();
    series.unpriced.add();
    series.duration.observe(834'000'000);
    series.duration.observe(200'000'000'000);
    series.duration.observe(112'345'678);
    series.first_token.observe(250'000'000);
    series.first_token.observe(250'000'001);
}

inline void count_backup(Shard& shard) {
    auto& series = shard.attempt("backup", "claude-sonnet-5");
    series.attempts[kOk].add();
    series.add_usage({120, 4096, 2048, 310, 0}, Source::reported);
    series.cost_pico_usd[0].add(9'279'200'000);
    series.duration.observe(1'500'000'000);
    shard.failover("openai", "backup", kRateLimit).add();
    shard.stale_replays("backup").add(2);
}

/// States as somebody else knows them.
class SampleStates : public StateSource {
  public:
    void collect(States& out) const override {
        States::Allowance key;
        key.key = "team-a";
        key.denied = {{"requests_per_minute", 3}, {"budget_usd_per_day", 0}};
        key.budgets = {{"day", 50'000'000'000, 12'500'000'001}};
        out.allowances.push_back(std::move(key));
        out.sessions_denied = 2;
    }
};

inline std::unique_ptr<Registry> sample_registry() {
    auto registry = std::make_unique<Registry>(2, kReasons, Registry::BuildInfo{"0.1.0", "abc"});
    registry->set_provider("backup", "anthropic");
    count_primary(registry->shard(0));
    count_backup(registry->shard(1));
    auto& embeddings =
        registry->shard(1).attempt("openai", "text-embedding-3-small", Operation::embeddings);
    embeddings.attempts[kOk].add();
    embeddings.add_usage({7, 0, 0, 0, 0}, Source::reported);
    embeddings.duration.observe(20'000'000);
    for (std::size_t worker = 0; worker < 2; ++worker) {
        auto& route = registry->shard(worker).route("gpt-4o*");
        route.requests[static_cast<std::size_t>(worker == 0 ? Outcome::primary : Outcome::fallback)]
            .add();
        route.duration.observe(834'030'000 + worker);
        route.overhead.observe(30'000);
        registry->shard(worker).worker().inflight_requests.add(1);
        registry->shard(worker).worker().connections.add(3);
        registry->shard(worker).worker().upstream_idle.add(2);
        registry->shard(worker).worker().upstream_active.add(1);
    }
    for (std::size_t worker = 0; worker < 2; ++worker) {
        for (const auto* name : {"openai", "backup"}) registry->shard(worker).stale_replays(name);
    }
    registry->shard(0).route("never asked");
    registry->shard(0).attempt("openai", "never-used");
    registry->count_reload(true);
    registry->set_states(std::make_shared<SampleStates>());
    return registry;
}

/// The page without the figures of the process, which no test can know.
inline std::string without_process(std::string page) {
    const auto begin = page.find("# HELP process_");
    const auto end = page.find("# EOF");
    if (begin == std::string::npos) return page;
    page.erase(begin, (end == std::string::npos ? page.size() : end) - begin);
    return page;
}

}  // namespace understudy::metrics::test
