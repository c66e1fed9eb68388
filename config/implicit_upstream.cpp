#include "config/implicit_upstream.hpp"

#include "config/bedrock.hpp"
#include "config/preset_upstream.hpp"

#include <algorithm>
#include <string>
#include <utility>

namespace understudy::config {
namespace {

// Why a chain cannot name this provider without an upstream of its own.
std::string why_not_implicit(const Preset& preset, const std::optional<FoundKey>& key) {
    const std::string name(preset.name);
    if (preset.base_url.empty()) {
        return "names `" + name + "`, whose address differs from customer to customer; add an " +
               "upstream with `provider: " + name + "` and a base_url";
    }
    if (key) return key_problem(key->value) ? key->variable + " " + *key_problem(key->value) : "";
    if (preset.kind == PresetKind::local) return {};
    return "names `" + name + "`, for which there is no upstream and no key: set " +
           variables_text(preset) + ", or add an upstream with `provider: " + name + "`";
}

std::size_t add_implicit(Upstream upstream, std::string_view prefix, Config& config) {
    const bool taken =
        std::any_of(config.upstreams.begin(), config.upstreams.end(),
                    [&](const Upstream& other) { return other.name == upstream.name; });
    if (taken) upstream.name = prefix;
    upstream.implicit = true;
    upstream.breaker = config.breaker;
    config.upstreams.push_back(std::move(upstream));
    return config.upstreams.size() - 1;
}

// Its address is that of a region, and its key may be one that signs.
std::optional<std::size_t> implicit_bedrock(const Value& item, std::string_view prefix,
                                            const Preset& preset, Config& config) {
    Upstream upstream;
    upstream.name = preset.name;
    upstream.preset = &preset;
    upstream.dialect = preset.usual_dialect();
    const auto& env = item.context().env;
    if (auto key = key_in_environment(preset, env)) {
        if (const auto why = key_problem(key->value)) {
            item.problem(item.shown() + " " + key->variable + " " + *why);
            return std::nullopt;
        }
        upstream.api_key.emplace(std::move(key->value));
        upstream.key_variable = std::move(key->variable);
    }
    if (const auto problem = settle_bedrock(upstream, env)) {
        item.problem(item.shown() + " names `bedrock`: " +
                     (problem->setting == "region" ? "its region " : "") + problem->what);
        return std::nullopt;
    }
    return add_implicit(std::move(upstream), prefix, config);
}

}  // namespace

std::optional<std::size_t> implicit_upstream(const Value& item, std::string_view prefix,
                                             const Preset& preset, Config& config) {
    for (std::size_t i = 0; i < config.upstreams.size(); ++i) {
        if (config.upstreams[i].implicit && config.upstreams[i].preset == &preset) return i;
    }
    if (preset.name == "bedrock") return implicit_bedrock(item, prefix, preset, config);
    const auto key = key_in_environment(preset, item.context().env);
    if (std::string why = why_not_implicit(preset, key); !why.empty()) {
        item.problem(item.shown() + " " + why);
        return std::nullopt;
    }
    Upstream upstream = upstream_of(preset);
    if (key) {
        upstream.api_key.emplace(key->value);
        upstream.key_variable = key->variable;
    }
    return add_implicit(std::move(upstream), prefix, config);
}

}  // namespace understudy::config
