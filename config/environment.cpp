// Zero-configuration start: one upstream for each API key that is set, in a fixed order.
#include "config/finish.hpp"
#include "config/preset_upstream.hpp"
#include "config/text.hpp"

#include <algorithm>
#include <cstdlib>
#include <vector>

namespace understudy::config {
namespace {

// Somebody else's service, at an address that is the same for everybody. A key for a server of
// one's own does not say that one is running.
bool starts_by_key(const Preset& preset) {
    return preset.kind == PresetKind::service && !preset.base_url.empty();
}

void add_upstream(const Preset& preset, const FoundKey& key, Config& config,
                  std::vector<Problem>& problems) {
    if (auto why = key_problem(key.value)) {
        problems.push_back({"environment", 0, 0, key.variable, std::move(*why)});
        return;
    }
    Upstream upstream = upstream_of(preset);
    upstream.api_key.emplace(key.value);
    upstream.key_variable = key.variable;
    upstream.known_names = true;
    config.upstreams.push_back(std::move(upstream));
}

// The services whose keys alone do not say where they are.
void warn_of_keys_left_out(const Environment& env, std::vector<Problem>& warnings) {
    for (const Preset& preset : presets()) {
        if (preset.kind != PresetKind::service || starts_by_key(preset)) continue;
        const auto key = key_in_environment(preset, env);
        if (!key) continue;
        warnings.push_back({"environment", 0, 0, key->variable,
                            "is set but left out: `provider: " + std::string(preset.name) +
                                "` needs a " + (preset.name == "bedrock" ? "region" : "base_url") +
                                "; name it in a configuration file"});
    }
}

std::string model_names_differ() {
    return "every upstream is asked for the model that the client names, under the name it has "
           "there where that is well known (gpt-4o is openai/gpt-4o at openrouter), and most will "
           "not have the others' models; a configuration file can name one for each (`model:`)";
}

}  // namespace

Environment process_environment() {
    return [](std::string_view name) -> std::optional<std::string> {
        const char* value = std::getenv(std::string(name).c_str());
        if (value == nullptr) return std::nullopt;
        return std::string(value);
    };
}

Loaded load_environment(const Environment& env, const Overrides& overrides) {
    Context context{"environment", "", env, {}, {}};
    Config config;
    for (const Preset& preset : presets()) {
        if (!starts_by_key(preset)) continue;
        if (const auto key = key_in_environment(preset, env)) {
            add_upstream(preset, *key, config, context.problems);
        }
    }
    warn_of_keys_left_out(env, context.warnings);
    if (config.upstreams.empty()) {
        // Only keys that cannot be used as they are: say so instead of "nothing found".
        for (Problem& warning : context.warnings) context.problems.push_back(std::move(warning));
        return {nullptr, std::move(context.problems)};
    }
    if (config.upstreams.size() > 1) {
        context.warnings.push_back({"environment", 0, 0, "", model_names_differ()});
    }
    return finish(context, std::move(config), nullptr, overrides);
}

}  // namespace understudy::config
