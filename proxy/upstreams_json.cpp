#include "proxy/upstreams_json.hpp"

#include "proxy/json_object.hpp"
#include "wire/dialect.hpp"
#include "wire/failure.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <utility>
#include <vector>

namespace understudy::proxy {

namespace {

using json::Object;
using metrics::AttemptTotals;
using metrics::HistogramTotals;
using metrics::Registry;

// In the order of the numbers that the metrics show.
constexpr std::array<std::string_view, 4> kBreakerNames{"closed", "half_open", "open", "down"};
constexpr std::array<std::string_view, 3> kKeyNames{"in_use", "resting", "retired"};

template <std::size_t N>
std::string_view name_in(const std::array<std::string_view, N>& names, std::uint8_t state) {
    return names[std::min<std::size_t>(state, N - 1)];
}

std::string milliseconds(double nanoseconds) {
    std::array<char, 32> text{};
    std::snprintf(text.data(), text.size(), "%.1f", nanoseconds / 1e6);
    return text.data();
}

std::string times_json(const HistogramTotals& histogram) {
    Object o;
    o.add("count", histogram.count);
    for (const auto& [name, share] : {std::pair{"p50", 0.5}, std::pair{"p90", 0.9},
                                      std::pair{"p95", 0.95}, std::pair{"p99", 0.99}}) {
        const auto value = quantile(histogram, share);
        o.raw(name, value ? milliseconds(*value) : "null");
    }
    return o.done();
}

std::string attempts_json(const AttemptTotals& sums) {
    Object o;
    for (std::size_t i = 0; i < wire::kFailureClassCount; ++i) {
        if (i > 0 && sums.attempts[i] == 0) continue;
        o.add(wire::name_of(static_cast<wire::FailureClass>(i)), sums.attempts[i]);
    }
    return o.done();
}

/// What is known of one upstream.
struct Known {
    std::string_view name;
    std::vector<std::uint8_t> breakers, keys;

    // Something can be asked of it; if not, when that may change.
    std::string_view state() const {
        const auto all = [](const auto& states, std::uint8_t least) {
            return !states.empty() && std::all_of(states.begin(), states.end(),
                                                  [least](auto state) { return state >= least; });
        };
        if (all(breakers, 3) || all(keys, 2)) return "down";
        return all(breakers, 2) || all(keys, 1) ? "resting" : "ready";
    }
};

std::string model_json(const std::string& model, const AttemptTotals& sums,
                       const Registry::Totals& totals, std::string_view upstream) {
    Object o;
    o.add("model", model);
    const auto breaker = totals.breaker_states.find({std::string(upstream), model});
    const bool watched = breaker != totals.breaker_states.end();
    o.maybe("breaker", watched ? name_in(kBreakerNames, breaker->second) : std::string_view());
    o.raw("attempts", attempts_json(sums));
    o.raw("duration_ms", times_json(sums.duration));
    o.raw("first_token_ms", times_json(sums.first_token));
    return o.done();
}

std::string models_json(const Registry::Totals& totals, std::string_view upstream) {
    std::vector<std::string> models;
    const auto first = totals.attempts.lower_bound({std::string(upstream), std::string()});
    for (auto it = first; it != totals.attempts.end() && it->first.first == upstream; ++it) {
        models.push_back(model_json(it->first.second, it->second, totals, upstream));
    }
    return json::list(models, [](const std::string& text) { return text; });
}

std::string keys_json(const config::Upstream& upstream, const Known& known) {
    std::vector<std::string_view> states;
    for (const auto state : known.keys) states.push_back(name_in(kKeyNames, state));
    // Of a key alone nothing is kept but that the provider refuses it.
    if (states.empty() && upstream.has_key()) {
        states.push_back(known.state() == "down" ? kKeyNames.back() : kKeyNames.front());
    }
    std::uint64_t position = 0;
    return json::list(states, [&](std::string_view state) {
        return Object().add("position", ++position).add("state", state).done();
    });
}

std::string upstream_json(const config::Upstream& upstream, const Registry::Totals& totals) {
    Known known;
    known.name = upstream.name;
    for (const auto& [key, state] : totals.breaker_states) {
        if (key.first == known.name) known.breakers.push_back(state);
    }
    for (const auto& [key, state] : totals.key_states) {
        if (key.first == known.name) known.keys.push_back(state);
    }
    Object o;
    o.add("name", upstream.name).add("base_url", upstream.base_url.text());
    o.add("dialect", wire::name_of(upstream.dialect)).add("state", known.state());
    const auto inflight = totals.inflight.find(upstream.name);
    const auto under_way = inflight == totals.inflight.end() ? 0 : inflight->second;
    // Summed up while workers go on counting: never less than none.
    o.add("in_flight", static_cast<std::uint64_t>(std::max<std::int64_t>(under_way, 0)));
    o.raw("keys", keys_json(upstream, known));
    o.raw("models", models_json(totals, upstream.name));
    return o.done();
}

}  // namespace

std::optional<double> quantile(const HistogramTotals& histogram, double share) {
    if (histogram.count == 0 || histogram.bounds.empty()) return std::nullopt;
    const double rank = share * static_cast<double>(histogram.count);
    double below = 0;
    for (std::size_t i = 0; i < histogram.bounds.size(); ++i) {
        const auto here = static_cast<double>(histogram.buckets[i]);
        if (here > 0 && below + here >= rank) {
            const double from = i == 0 ? 0 : static_cast<double>(histogram.bounds[i - 1]);
            const auto to = static_cast<double>(histogram.bounds[i]);
            return from + (to - from) * (rank - below) / here;
        }
        below += here;
    }
    return static_cast<double>(histogram.bounds.back());  // beyond it, nobody knows how far
}

std::string upstreams_json(const config::Config& config, const Registry::Totals& totals) {
    return Object()
               .raw("upstreams", json::list(config.upstreams,
                                            [&](const config::Upstream& upstream) {
                                                return upstream_json(upstream, totals);
                                            }))
               .done() +
           "\n";
}

}  // namespace understudy::proxy
