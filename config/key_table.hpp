// Every key a configuration may have: the one list that the reader checks unknown keys against, and
// that config/understudy.schema.json and docs/configuration.md must agree with (a test proves it).
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace understudy::config {

struct KeySpec {
    std::string_view name;
    std::string_view type;      // as docs/configuration.md words it
    std::string_view fallback;  // the default as one would write it; "none", "required"
    std::span<const KeySpec> children = {};
    bool each = false;  // `children` are those of every element of a list
};

std::span<const KeySpec> top_keys();
std::span<const KeySpec> upstream_keys();
std::span<const KeySpec> timeout_keys();
std::span<const KeySpec> body_keys();
std::span<const KeySpec> tls_keys();
std::span<const KeySpec> price_keys();
std::span<const KeySpec> breaker_keys();
std::span<const KeySpec> health_keys();
std::span<const KeySpec> retry_budget_keys();
std::span<const KeySpec> route_keys();
std::span<const KeySpec> retry_keys();
std::span<const KeySpec> on_keys();
std::span<const KeySpec> hedge_keys();
std::span<const KeySpec> when_keys();
/// Of an element of `routes[].chain` that is a map.
std::span<const KeySpec> group_keys();
std::span<const KeySpec> key_keys();
std::span<const KeySpec> key_limit_keys();
std::span<const KeySpec> cors_keys();
std::span<const KeySpec> limit_keys();
std::span<const KeySpec> log_keys();
std::span<const KeySpec> ledger_keys();

/// The whole table flattened: "upstreams[].timeouts.connect" and its spec, in order.
struct KeyPath {
    std::string path;
    const KeySpec* spec = nullptr;
};
std::vector<KeyPath> all_keys();

}  // namespace understudy::config
