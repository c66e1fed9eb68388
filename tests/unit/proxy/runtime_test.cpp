#include "proxy/runtime.hpp"

#include "proxy/record.hpp"
#include "tests/unit/proxy/support.hpp"

#include <catch2/catch.hpp>

#include <algorithm>

using namespace understudy::proxy;
using namespace understudy::proxy::test;
using understudy::metrics::Operation;
using understudy::metrics::Outcome;

namespace {

constexpr auto kTwo = R"(
upstreams:
  - { name: one, base_url: 'http://127.0.0.1:1/v1', model: own }
  - { name: two, base_url: 'http://127.0.0.1:2/v1' }
routes:
  - { model: exact, chain: [one, two/openai/named] }
  - { model: "gpt-*", chain: [two] }
)";

std::size_t lines_with(const std::string& text, std::string_view what) {
    std::size_t n = 0;
    for (auto at = text.find(what); at != std::string::npos; at = text.find(what, at + 1)) ++n;
    return n;
}

}  // namespace

TEST_CASE("Routes are tried in order, and no match is none") {
    Bench bench;
    const auto runtime = bench.load(kTwo);
    REQUIRE(runtime->route_for("exact") != nullptr);
    const auto& entries = runtime->route_for("exact")->entries;
    REQUIRE(entries.size() == 2);
    CHECK(entries[0].model == "own");
    CHECK(entries[1].model == "openai/named");
    CHECK_FALSE(runtime->route_for("gpt-4o")->entries[0].model);
    CHECK(runtime->route_for("") == nullptr);
    CHECK(runtime->route_for("other") == nullptr);
    CHECK(runtime->route_for("EXACT") == nullptr);
}

TEST_CASE("A model that clients merely ask for is its own label only when configured") {
    Bench bench;
    const auto runtime = bench.load(kTwo);
    const auto& two = runtime->config().upstreams[1];
    auto& shard = bench.registry.shard(0);
    for (const char* known : {"own", "openai/named", "exact"})
        CHECK(&runtime->series(two, known, Operation::chat) == &shard.attempt("two", known));
    for (const char* unknown : {"", "gpt-*", "gpt-4o", "Own", "own ", "*", "two", "named"}) {
        INFO(unknown);
        CHECK(&runtime->series(two, unknown, Operation::chat) == &shard.attempt("two", "other"));
    }
}

TEST_CASE("A model is a label from its first answer on, at that upstream, for all workers") {
    Bench bench;
    auto runtime = bench.load(kTwo);
    auto& shard = bench.registry.shard(0);
    const auto series = [&](std::size_t upstream, const char* model, bool answered) {
        return &runtime->series(runtime->config().upstreams[upstream], model, Operation::chat,
                                answered);
    };
    CHECK(series(1, "gpt-x", false) == &shard.attempt("two", "other"));
    CHECK(series(1, "gpt-x", true) == &shard.attempt("two", "gpt-x"));
    CHECK(series(1, "gpt-x", false) == &shard.attempt("two", "gpt-x"));
    CHECK(series(0, "gpt-x", false) == &shard.attempt("one", "other"));
    // What another worker learns holds here too, whatever was remembered.
    CHECK(series(1, "gpt-y", false) == &shard.attempt("two", "other"));
    shard.learned_models().is_label("two", "gpt-y", true);
    CHECK(series(1, "gpt-y", false) == &shard.attempt("two", "gpt-y"));
    runtime = bench.load(kTwo);
    CHECK(series(1, "gpt-y", false) == &shard.attempt("two", "gpt-y"));
    // There is an end to it, and names that cannot be models are none.
    const std::string endless(300, 'm');
    CHECK(series(1, endless.c_str(), true) == &shard.attempt("two", "other"));
    CHECK(series(1, "", true) == &shard.attempt("two", "other"));
    for (int i = 0; i < 98; ++i) series(1, ("m-" + std::to_string(i)).c_str(), true);
    CHECK(series(1, "m-97", false) == &shard.attempt("two", "m-97"));
    CHECK(series(1, "one-too-many", true) == &shard.attempt("two", "other"));
    CHECK(series(1, "one-too-many", true) == &shard.attempt("two", "other"));
    CHECK(series(0, "one-too-many", true) == &shard.attempt("one", "one-too-many"));
}

TEST_CASE("A refused key is told of once a minute, upstream by upstream") {
    using namespace std::chrono_literals;
    KeyRefusals refusals;
    const understudy::net::TimePoint start{1h};
    CHECK(refusals.due("a", start));
    CHECK_FALSE(refusals.due("a", start));
    CHECK(refusals.due("b", start + 1s));
    CHECK_FALSE(refusals.due("a", start + 59s));
    CHECK(refusals.due("a", start + 60s));
    CHECK_FALSE(refusals.due("a", start + 119s));
}

TEST_CASE("Whatever models clients ask for, the number of series stays the same") {
    Bench bench;
    const auto runtime = bench.load(kTwo);
    const auto& two = runtime->config().upstreams[1];
    runtime->series(two, "first", Operation::chat).attempts[0].add();
    const auto size = lines_with(bench.metrics(), "\nunderstudy_attempts_total{");
    for (int i = 0; i < 5000; ++i) {
        const auto model = "gpt-" + std::to_string(i);
        auto& series = runtime->series(two, model, Operation::chat);
        series.attempts[0].add();
        runtime->price(two, model, model);
    }
    const auto text = bench.metrics();
    CHECK(lines_with(text, "\nunderstudy_attempts_total{") == size);
    CHECK(text.find("gpt-4999") == std::string::npos);
    CHECK(runtime->series(two, "other", Operation::chat).attempts[0].value() == 5001);
}

TEST_CASE("A request counts under its route, one without a route under none") {
    Bench bench;
    const auto runtime = bench.load(kTwo);
    Inbound request;
    bool client_gone = false;
    const bool cut_off = false;
    const auto count = [&](const RuntimeRoute* route, Outcome outcome, bool gone) {
        client_gone = gone;
        RequestRecord record(*runtime, request, route, client_gone, cut_off);
        record.outcome = outcome;
    };
    const auto value = [&](const RuntimeRoute* route, Outcome outcome) {
        auto& series = route != nullptr ? *route->series : runtime->unrouted();
        return series.requests[static_cast<std::size_t>(outcome)].value();
    };
    const auto* route = runtime->route_for("gpt-4o");
    count(route, Outcome::primary, false);
    count(nullptr, Outcome::rejected, false);
    CHECK(value(route, Outcome::primary) == 1);
    CHECK(value(nullptr, Outcome::rejected) == 1);
    // A client that left counts as such, whatever the upstream made of it; a refusal stays one.
    count(route, Outcome::exhausted, true);
    count(route, Outcome::rejected, true);
    CHECK(value(route, Outcome::exhausted) == 0);
    CHECK(value(route, Outcome::client_closed) == 1);
    CHECK(value(route, Outcome::rejected) == 1);
    CHECK(bench.registry.shard(0).worker().inflight_requests.value() == 0);
}

TEST_CASE("A reload keeps the pool of an upstream that stays and drops the one that goes") {
    Bench bench;
    auto first = bench.load(kTwo);
    const auto* kept = first->route_for("exact")->entries[0].peer.get();
    CHECK(bench.peers.size() == 2);
    const auto second = bench.load(
        "upstreams:\n  - { name: renamed, base_url: 'http://127.0.0.1:1/other' }\n"
        "  - { name: third, base_url: 'http://127.0.0.1:3/v1' }\n");
    CHECK(second->route_for("x")->entries[0].peer.get() == kept);
    CHECK(second->route_for("x")->entries[1].peer.get() != kept);
    first.reset();
    const auto third = bench.load("upstreams:\n  - { name: u, base_url: 'http://127.0.0.1:1/' }\n");
    CHECK(bench.peers.size() == 2);  // 1 and 3; 2 went with the first
    CHECK(third->route_for("x")->entries[0].peer.get() == kept);
}

TEST_CASE("Two upstreams at one address share a pool, and the larger limit holds") {
    Bench bench;
    const auto runtime = bench.load(
        "upstreams:\n"
        "  - { name: a, base_url: 'http://127.0.0.1:1/v1', max_connections: 3 }\n"
        "  - { name: b, base_url: 'http://127.0.0.1:1/v2', max_connections: 10 }\n"
        "  - { name: c, base_url: 'http://127.0.0.1:2/v2', max_connections: 1 }\n");
    const auto& entries = runtime->route_for("x")->entries;
    CHECK(entries[0].peer == entries[1].peer);
    CHECK(entries[0].peer != entries[2].peer);
    CHECK(entries[0].peer->places()->limit() == 10);
    CHECK(entries[2].peer->places()->limit() == 1);
}

TEST_CASE("A reload that lowers max_connections lowers it") {
    Bench bench;
    const auto yaml = [](int n) {
        return "upstreams:\n  - { name: a, base_url: 'http://127.0.0.1:1/v1', max_connections: " +
               std::to_string(n) + " }\n";
    };
    const auto first = bench.load(yaml(10));
    const auto second = bench.load(yaml(2));
    CHECK(second->route_for("x")->entries[0].peer->places()->limit() == 2);
    CHECK(first->route_for("x")->entries[0].peer == second->route_for("x")->entries[0].peer);
}

TEST_CASE("A price override goes before the table, and an unknown model has no price") {
    Bench bench;
    const auto runtime = bench.load(
        "upstreams:\n"
        "  - { name: a, base_url: 'http://127.0.0.1:1/v1', price: { input: 1, output: 2 } }\n"
        "  - { name: b, base_url: 'https://api.openai.com/v1', tls: { verify: false } }\n");
    const auto& a = runtime->config().upstreams[0];
    const auto& b = runtime->config().upstreams[1];
    CHECK(runtime->price(a, "gpt-4o", "") == &*a.price);
    REQUIRE(runtime->price(b, "gpt-4o", "") != nullptr);
    CHECK(runtime->price(b, "gpt-4o", "") == runtime->price(b, "gpt-4o", ""));
    CHECK(runtime->price(b, "no-such-model", "gpt-4o") == runtime->price(b, "gpt-4o", ""));
    CHECK(runtime->price(b, "no-such-model", "nor-this") == nullptr);
}

TEST_CASE("A CA file that cannot be read is an error that names it") {
    CHECK_THROWS_WITH(LoadedConfig([] {
                          auto config = std::make_shared<understudy::config::Config>();
                          understudy::config::Upstream upstream;
                          upstream.tls.ca = "/nonexistent/ca.pem";
                          config->upstreams.push_back(upstream);
                          return config;
                      }()),
                      Catch::Contains("/nonexistent/ca.pem"));
}
