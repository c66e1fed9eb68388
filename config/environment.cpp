// Zero-configuration start: one upstream for each API key that is set, in a fixed order.
#include "config/address.hpp"
#include "config/finish.hpp"
#include "config/text.hpp"

#include <array>
#include <cstdlib>

namespace understudy::config {
namespace {

struct KnownKey {
    std::string_view variable;
    std::string_view name;
    std::string_view base_url;             // empty: its protocol is not spoken by this build
    std::string_view compatible_url = {};  // ... but there is a compatible endpoint to configure
};

constexpr std::array kKnownKeys{
    KnownKey{"OPENAI_API_KEY", "openai", "https://api.openai.com/v1"},
    KnownKey{"ANTHROPIC_API_KEY", "anthropic", "", "https://api.anthropic.com/v1"},
    KnownKey{"GEMINI_API_KEY", "gemini", "",
             "https://generativelanguage.googleapis.com/v1beta/openai"},
    KnownKey{"OPENROUTER_API_KEY", "openrouter", "https://openrouter.ai/api/v1"},
    KnownKey{"GROQ_API_KEY", "groq", "https://api.groq.com/openai/v1"},
    KnownKey{"MISTRAL_API_KEY", "mistral", "https://api.mistral.ai/v1"},
    KnownKey{"DEEPSEEK_API_KEY", "deepseek", "https://api.deepseek.com"},
};

std::string left_out(const KnownKey& known) {
    return "is set but left out: the provider `" + std::string(known.name) +
           "` is not available in this build; to use its OpenAI-compatible endpoint, write a "
           "configuration file with base_url " +
           std::string(known.compatible_url);
}

void add_upstream(const KnownKey& known, const std::string& key, Config& config,
                  std::vector<Problem>& problems) {
    if (!is_visible_ascii(key)) {
        problems.push_back({"environment", 0, 0, std::string(known.variable),
                            "has a space, a line break or another character that a key cannot "
                            "have"});
        return;
    }
    Upstream upstream;
    upstream.name = known.name;
    upstream.base_url = *parse_base_url(known.base_url).value;
    upstream.api_key.emplace(key);
    upstream.price_provider = provider_of_host(upstream.base_url.host);
    config.upstreams.push_back(std::move(upstream));
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
    for (const KnownKey& known : kKnownKeys) {
        const auto key = env(known.variable);
        if (!key || key->empty()) continue;
        if (known.base_url.empty()) {
            context.warnings.push_back(
                {"environment", 0, 0, std::string(known.variable), left_out(known)});
        } else {
            add_upstream(known, *key, config, context.problems);
        }
    }
    if (config.upstreams.empty()) {
        // Only keys that this build cannot use: say so instead of "nothing found".
        if (!context.warnings.empty()) {
            context.warnings.push_back(
                {"environment", 0, 0, "",
                 "no other API key is set, so there is no upstream; set one of OPENAI_API_KEY, "
                 "OPENROUTER_API_KEY, GROQ_API_KEY, MISTRAL_API_KEY or DEEPSEEK_API_KEY, or write "
                 "understudy.yaml"});
        }
        for (Problem& warning : context.warnings) context.problems.push_back(std::move(warning));
        return {nullptr, std::move(context.problems)};
    }
    if (config.upstreams.size() > 1) {
        context.warnings.push_back(
            {"environment", 0, 0, "",
             "every upstream is asked for the model that the client names, and most will not have "
             "the other's models; a configuration file can name one for each (`model:`)"});
    }
    return finish(context, std::move(config), nullptr, overrides);
}

}  // namespace understudy::config
