// Writers that never wait and a scraper that never stops them; meant for ThreadSanitizer.
#include "metrics/series.hpp"
#include "tests/unit/metrics/sample.hpp"

#include <catch2/catch.hpp>

#include <atomic>
#include <string>
#include <thread>

using namespace understudy::metrics;

namespace {

constexpr std::uint64_t kRounds = 20'000;

void write(Registry& registry, std::size_t worker) {
    auto& shard = registry.shard(worker);
    auto& series = shard.attempt("u", "m");
    auto& route = shard.route("*");
    for (std::uint64_t i = 0; i < kRounds; ++i) {
        shard.worker().inflight_requests.add(1);
        series.attempts[test::kOk].add();
        series.add_usage({10, 0, 0, 5, 0}, Source::reported);
        series.cost_pico_usd[0].add(7);
        series.duration.observe(i * 1'000);
        route.requests[static_cast<std::size_t>(Outcome::primary)].add();
        route.duration.observe(i * 1'000);
        // A reload makes new series while a scrape is under way.
        if (i % 1'000 == 0) shard.attempt("u", "m" + std::to_string(i)).attempts[0].add();
        shard.worker().inflight_requests.add(-1);
    }
}

/// The number behind `series` on the page; 0 when it is not there.
std::uint64_t value_of(const std::string& page, const std::string& series) {
    const auto at = page.find("\n" + series + " ");
    if (at == std::string::npos) return 0;
    return std::stoull(page.substr(at + series.size() + 2));
}

}  // namespace

TEST_CASE("two writers and a scraper: nothing is lost and no counter goes back") {
    Registry registry(2, test::kReasons, {"0.1.0", "abc"});
    std::atomic<int> running{2};
    const auto work = [&](std::size_t worker) {
        write(registry, worker);
        running.fetch_sub(1);
    };
    std::thread first(work, 0), second(work, 1);

    const std::string attempts =
        "understudy_attempts_total{upstream=\"u\",model=\"m\",reason=\"ok\"}";
    const std::string count = "understudy_request_duration_seconds_count{route=\"*\"}";
    const std::string infinite =
        "understudy_request_duration_seconds_bucket{route=\"*\",le=\"+Inf\"}";
    std::uint64_t last = 0;
    bool monotonic = true, consistent = true;
    while (running.load() > 0) {
        const auto page = registry.render(Format::openmetrics);
        const auto now = value_of(page, attempts);
        monotonic = monotonic && now >= last;
        consistent = consistent && value_of(page, count) == value_of(page, infinite);
        last = now;
        registry.count_reload(true);
        registry.set_provider("u", "openai");
    }
    first.join();
    second.join();
    CHECK(monotonic);
    CHECK(consistent);
    const auto page = registry.render(Format::prometheus);
    CHECK(value_of(page, attempts) == 2 * kRounds);
    CHECK(value_of(page, count) == 2 * kRounds);
    CHECK(value_of(page, "understudy_inflight_requests") == 0);
    CHECK(value_of(page,
                   "understudy_tokens_total{upstream=\"u\",model=\"m\",type=\"input\",source="
                   "\"reported\"}") == 2 * kRounds * 10);
}
