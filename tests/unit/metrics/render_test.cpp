// The scrape page as a whole: golden files, what is shown when, and hostile names.
#include "cpu_time.hpp"
#include "metrics/series.hpp"
#include "source_path.hpp"
#include "tests/unit/metrics/sample.hpp"

#include <catch2/catch.hpp>

#include <chrono>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <set>
#include <sstream>
#include <string>

using namespace understudy::metrics;

namespace {

/// UPDATE_GOLDEN=1 writes the file anew; the difference is then reviewed like any other.
std::string golden(const std::string& name, const std::string& now) {
    const std::string path = understudy::test::source_path("tests/unit/metrics/golden/") + name;
    if (std::getenv("UPDATE_GOLDEN") != nullptr) std::ofstream(path) << now;
    std::ifstream in(path);
    return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

bool contains(const std::string& page, const std::string& text) {
    return page.find(text) != std::string::npos;
}

/// What Prometheus insists on: no series twice, no family in two places, no empty line.
void check_well_formed(const std::string& page) {
    std::set<std::string> series, families;
    std::string line;
    for (std::istringstream in(page); std::getline(in, line);) {
        REQUIRE_FALSE(line.empty());
        if (line.starts_with("# TYPE ")) CHECK(families.insert(line).second);
        if (line.starts_with("#")) continue;
        const auto name = line.substr(0, line.rfind(' '));
        INFO(line);
        CHECK(series.insert(name).second);
    }
    CHECK(page.ends_with('\n'));
}

}  // namespace

TEST_CASE("the page is the golden one, in both formats") {
    const auto registry = test::sample_registry();
    const auto text = test::without_process(registry->render(Format::prometheus));
    CHECK(text == golden("page.prometheus.txt", text));
    const auto open = test::without_process(registry->render(Format::openmetrics));
    CHECK(open == golden("page.openmetrics.txt", open));
    CHECK(open.ends_with("# EOF\n"));
    CHECK_FALSE(contains(text, "# EOF"));
    check_well_formed(text);
}

TEST_CASE("a registry nobody has used yet already has what an alert starts from") {
    Registry registry(1, test::kReasons, {"0.1.0", "abc"});
    registry.shard(0).route("*");
    auto& series = registry.shard(0).attempt("u", "m");
    SECTION("everything, where the configuration names it") {
        series.declared = true;
        registry.shard(0).failover("u", "v", test::kRateLimit);
        const auto all = registry.render(Format::prometheus);
        for (const auto reason : test::kReasons) {
            CHECK(contains(all, "understudy_attempts_total{upstream=\"u\",model=\"m\",reason=\"" +
                                    std::string(reason) + "\"} 0\n"));
        }
        CHECK_FALSE(contains(all, "unknown"));
        CHECK(contains(all, "type=\"reasoning\",source=\"estimated\"} 0\n"));
        CHECK(contains(all, "{from=\"u\",to=\"v\",reason=\"rate_limit\"} 0\n"));
        CHECK(contains(all, "outcome=\"rejected\"} 0\n"));
        CHECK_FALSE(contains(all, "understudy_cost_usd_total"));
        CHECK(contains(all, "understudy_unpriced_total{upstream=\"u\",model=\"m\"} 0\n"));
        series.priced = true;
        CHECK(contains(registry.render(Format::prometheus), "source=\"estimated\"} 0\n"));
        CHECK(contains(registry.render(Format::prometheus), "understudy_cost_usd_total{"));
    }
    const auto page = registry.render(Format::prometheus);
    CHECK(contains(page, "understudy_requests_total{route=\"*\",outcome=\"primary\"} 0\n"));
    CHECK(contains(page, "understudy_requests_total{route=\"*\",outcome=\"fallback\"} 0\n"));
    CHECK(contains(page, "understudy_requests_total{route=\"*\",outcome=\"exhausted\"} 0\n"));
    CHECK(contains(page, "reason=\"ok\"} 0\n"));
    CHECK(contains(page, "type=\"output\",source=\"reported\"} 0\n"));
    CHECK(contains(page, "understudy_usage_missing_total{upstream=\"u\",model=\"m\"} 0\n"));
    CHECK(contains(page, "understudy_config_reloads_total{result=\"failure\"} 0\n"));
    CHECK(contains(page, "understudy_inflight_requests 0\n"));
    SECTION("and of a model that was learned nothing that never happened") {
        CHECK_FALSE(contains(page, "rate_limit"));
        CHECK_FALSE(contains(page, "understudy_failovers_total"));
        CHECK_FALSE(contains(page, "_bucket"));
        CHECK_FALSE(contains(page, "understudy_cost_usd_total"));
        CHECK_FALSE(contains(page, "understudy_unpriced_total"));
        CHECK_FALSE(contains(page, "breaker"));
    }
}

TEST_CASE("what two workers counted is summed") {
    Registry registry(2, test::kReasons, {"0.1.0", "abc"});
    for (std::size_t worker = 0; worker < 2; ++worker) {
        auto& shard = registry.shard(worker);
        shard.attempt("u", "m").attempts[test::kOk].add(worker + 1);
        shard.attempt("u", "m", Operation::embeddings).attempts[test::kOk].add(10);
        shard.failover("a", "b", test::kRateLimit).add(2);
        shard.worker().connections.add(4);
        shard.worker().connections_refused.add(3);
    }
    const auto page = registry.render(Format::prometheus);
    CHECK(
        contains(page, "understudy_attempts_total{upstream=\"u\",model=\"m\",reason=\"ok\"} 23\n"));
    CHECK(contains(page,
                   "understudy_failovers_total{from=\"a\",to=\"b\",reason=\"rate_limit\"} 4\n"));
    CHECK(contains(page, "understudy_connections 8\n"));
    CHECK(contains(page, "understudy_connections_refused_total 6\n"));
}

TEST_CASE("hostile names neither break the page nor split it") {
    Registry registry(1, test::kReasons, {std::string(test::kHostile), "\"\n"});
    const std::string hostile(test::kHostile);
    registry.set_provider(hostile, hostile);
    auto& series = registry.shard(0).attempt(hostile, hostile);
    series.attempts[test::kOk].add();
    series.add_usage({1, 1, 1, 1, 1}, Source::reported);
    series.duration.observe(1);
    series.first_token.observe(1);
    registry.shard(0).route(hostile).duration.observe(1);
    registry.shard(0).failover(hostile, hostile, 99).add();
    for (const auto format : {Format::prometheus, Format::openmetrics}) {
        const auto page = registry.render(format);
        check_well_formed(page);
        CHECK(contains(page, "route=\"a\\\"b\\\\c\\nd\re{}=,#\t\xC3\xA9 \xEF\xBF\xBD"));
        CHECK(contains(page, "reason=\"unknown\"} 1\n"));
        CHECK_FALSE(contains(page, "\xFF"));
    }
}

TEST_CASE("a gauge read between two workers' changes never shows less than none") {
    Registry registry(2, test::kReasons, {"0.1.0", "abc"});
    registry.shard(0).worker().inflight_requests.add(-1);
    CHECK(contains(registry.render(Format::prometheus), "understudy_inflight_requests 0\n"));
}

TEST_CASE("sums of very long times do not wrap") {
    Registry registry(2, test::kReasons, {"0.1.0", "abc"});
    for (std::size_t worker = 0; worker < 2; ++worker) {
        registry.shard(worker).route("*").duration.observe(18'000'000'000'000'000'000U);
    }
    CHECK(contains(registry.render(Format::prometheus),
                   "understudy_request_duration_seconds_sum{route=\"*\"} 36000000000\n"));
}

TEST_CASE("content types name the version of their format") {
    CHECK(Registry::content_type(Format::prometheus) == "text/plain; version=0.0.4; charset=utf-8");
    CHECK(Registry::content_type(Format::openmetrics) ==
          "application/openmetrics-text; version=1.0.0; charset=utf-8");
}

TEST_CASE("scraping 8 workers with 50 busy models each is a matter of milliseconds") {
    Registry registry(8, test::kReasons, {"0.1.0", "abc"});
    for (std::size_t worker = 0; worker < 8; ++worker) {
        for (int model = 0; model < 50; ++model) {
            auto& series = registry.shard(worker).attempt("upstream", std::to_string(model));
            series.attempts[test::kOk].add();
            series.add_usage({1, 1, 1, 1, 1}, Source::reported);
            series.duration.observe(1'000'000);
            series.first_token.observe(1'000'000);
        }
    }
    std::chrono::nanoseconds best = std::chrono::hours(1);
    std::size_t size = 0;
    for (int i = 0; i < 10; ++i) {
        const auto begin = understudy::test::cpu_time();
        size = registry.render(Format::openmetrics).size();
        best = std::min(best, understudy::test::cpu_time() - begin);
    }
    const auto microseconds = std::chrono::duration_cast<std::chrono::microseconds>(best).count();
    INFO("one scrape: " << microseconds << " us, " << size / 1024 << " KiB");
    // Far above what it takes (a few ms optimised), so that only a change of kind fails: debug
    // builds, sanitizers and busy machines all pass.
    CHECK(microseconds < 500'000);
}
