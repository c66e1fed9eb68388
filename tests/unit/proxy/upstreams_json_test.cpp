// How upstreams are, as JSON, from sums that are made up here.
#include "proxy/upstreams_json.hpp"

#include "metrics/buckets.hpp"
#include "wire/failure.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

using namespace understudy;
using metrics::HistogramTotals;
using metrics::Registry;
using nlohmann::json;

namespace {

HistogramTotals histogram(const std::vector<std::uint64_t>& milliseconds) {
    metrics::Histogram counted(metrics::kAttemptBounds);
    for (const auto ms : milliseconds) counted.observe(ms * metrics::kMillisecond);
    HistogramTotals totals;
    totals.add(counted);
    return totals;
}

config::Upstream upstream(const char* name, std::size_t keys = 0) {
    config::Upstream u;
    u.name = name;
    u.base_url.host = "api.example";
    for (std::size_t i = 0; i < keys; ++i) {
        config::Secret secret("sk-never-shown");
        if (i == 0) {
            u.api_key = secret;
        } else {
            u.more_keys.push_back(secret);
        }
    }
    return u;
}

json first(const Registry::Totals& totals, const config::Upstream& u) {
    config::Config config;
    config.upstreams.push_back(u);
    const auto text = proxy::upstreams_json(config, totals);
    CHECK(text.find("sk-never") == std::string::npos);
    return json::parse(text)["upstreams"][0];
}

}  // namespace

TEST_CASE("A quantile lies within its bucket, and beyond the last one nobody knows where") {
    CHECK_FALSE(proxy::quantile(HistogramTotals(), 0.5));
    CHECK_FALSE(proxy::quantile(histogram({}), 0.5));
    const auto near = [](std::optional<double> value, double ms) {
        return value && std::abs(*value / 1e6 - ms) < 0.001;
    };
    CHECK(near(proxy::quantile(histogram({15, 15}), 0.5), 15));  // half of 10 to 20
    CHECK(near(proxy::quantile(histogram({15, 15}), 1), 20));
    CHECK(near(proxy::quantile(histogram({5, 15, 30, 30}), 0.5), 20));
    CHECK(near(proxy::quantile(histogram({5, 15, 30, 30}), 0.75), 30));
    CHECK(near(proxy::quantile(histogram({1'000'000}), 0.5), 655'360));
}

TEST_CASE("An upstream's attempts, times, breakers and keys are told, and no key") {
    Registry::Totals totals;
    auto& sums = totals.attempts[{"one", "m"}];
    sums.attempts[0] = 7;
    sums.attempts[static_cast<std::size_t>(wire::FailureClass::rate_limit)] = 2;
    sums.duration = histogram({15, 15});
    totals.attempts[{"one", "other"}];
    totals.attempts[{"oneself", "m"}];
    totals.inflight["one"] = 3;
    totals.breaker_states[{"one", "m"}] = 1;
    totals.key_states[{"one", 1}] = 0;
    totals.key_states[{"one", 2}] = 2;
    const auto one = first(totals, upstream("one", 2));
    CHECK(one["name"] == "one");
    CHECK(one["dialect"] == "chat");
    CHECK(one["state"] == "ready");
    CHECK(one["in_flight"] == 3);
    CHECK(one["keys"] == json::parse(R"([{"position":1,"state":"in_use"},
                                         {"position":2,"state":"retired"}])"));
    REQUIRE(one["models"].size() == 2);
    const auto& m = one["models"][0];
    CHECK(m["model"] == "m");
    CHECK(m["breaker"] == "half_open");
    CHECK(m["attempts"] == json::parse(R"({"ok":7,"rate_limit":2})"));
    CHECK(m["duration_ms"]["p50"] == 15.0);
    CHECK(m["duration_ms"]["count"] == 2);
    CHECK(m["first_token_ms"]["p99"].is_null());
    CHECK(one["models"][1]["breaker"].is_null());
}

TEST_CASE("An upstream is ready while something can be asked of it") {
    struct Row {
        std::vector<std::uint8_t> breakers, keys;
        const char* state;
    };
    for (const Row& row : std::vector<Row>{{{}, {}, "ready"},
                                           {{0, 2}, {0, 1}, "ready"},
                                           {{2, 2}, {}, "resting"},
                                           {{2, 3}, {}, "resting"},
                                           {{3, 3}, {}, "down"},
                                           {{}, {1, 2}, "resting"},
                                           {{0}, {2, 2}, "down"},
                                           {{2}, {2, 2}, "down"}}) {
        Registry::Totals totals;
        for (std::size_t i = 0; i < row.breakers.size(); ++i) {
            totals.breaker_states[{"one", std::to_string(i)}] = row.breakers[i];
        }
        for (std::size_t i = 0; i < row.keys.size(); ++i) {
            totals.key_states[{"one", i + 1}] = row.keys[i];
        }
        CHECK(first(totals, upstream("one", 1))["state"] == row.state);
    }
    Registry::Totals down;
    down.breaker_states[{"one", "m"}] = 3;
    CHECK(first(down, upstream("one", 1))["keys"][0]["state"] == "retired");
    CHECK(first({}, upstream("one", 1))["keys"][0]["state"] == "in_use");
    CHECK(first({}, upstream("one"))["keys"].empty());
}
