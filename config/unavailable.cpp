// Settings whose work is still to come: valid, but refused rather than ignored.
#include "config/load.hpp"
#include "config/presets.hpp"

namespace understudy::config {
namespace {

Problem refuse(const Config& config, std::string path, const std::string& what_to_do) {
    return {config.source, 0, 0, std::move(path), "not available in this build; " + what_to_do};
}

std::string element(const char* list, std::size_t index, const char* key) {
    return std::string(list) + "[" + std::to_string(index) + "]." + key;
}

void refuse_upstream(const Config& config, std::size_t i, std::vector<Problem>& out) {
    const Upstream& upstream = config.upstreams[i];
    if (upstream.preset != nullptr && !upstream.preset->refused.empty()) {
        out.push_back(refuse(config, element("upstreams", i, "provider"),
                             std::string(upstream.preset->refused)));
    }
    if (upstream.dialect != Dialect::chat) {
        out.push_back(refuse(config, element("upstreams", i, "dialect"),
                             "every provider is spoken to in `chat`, at its OpenAI-compatible "
                             "endpoint; write `dialect: chat` or remove the key"));
    }
    if (upstream.continuation != Continuation::automatic &&
        upstream.continuation != Continuation::none) {
        out.push_back(refuse(config, element("upstreams", i, "continuation"),
                             "write `continuation: auto` or remove the key"));
    }
    // One that is inherited is refused at the top, once.
    if (upstream.breaker && upstream.breaker != config.breaker) {
        out.push_back(refuse(config, element("upstreams", i, "breaker"), "remove the key"));
    }
}

}  // namespace

std::vector<Problem> unavailable(const Config& config) {
    std::vector<Problem> out;
    for (std::size_t i = 0; i < config.upstreams.size(); ++i) refuse_upstream(config, i, out);
    for (std::size_t i = 0; i < config.routes.size(); ++i) {
        if (config.routes[i].midstream != Midstream::error) {
            out.push_back(refuse(config, element("routes", i, "midstream"),
                                 "write `midstream: error` or remove the key"));
        }
        if (config.routes[i].hedge) {
            out.push_back(refuse(config, element("routes", i, "hedge"), "remove the key"));
        }
    }
    if (config.breaker) out.push_back(refuse(config, "breaker", "remove the key"));
    for (std::size_t i = 0; i < config.keys.size(); ++i) {
        const KeyLimits& limits = config.keys[i].limits;
        if (limits.requests_per_minute || limits.tokens_per_minute || limits.budget_usd_per_day) {
            out.push_back(refuse(config, element("keys", i, "limits"),
                                 "remove the key and limit at the provider meanwhile"));
        }
    }
    if (config.ledger) {
        out.push_back(refuse(config, "ledger", "write `ledger: off` or remove the key"));
    }
    if (config.prices_file) {
        out.push_back(refuse(config, "prices",
                             "remove the key and set `price` at the upstreams it is about"));
    }
    return out;
}

}  // namespace understudy::config
