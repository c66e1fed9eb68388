#include "proxy/other_models.hpp"

#include "proxy/auth.hpp"
#include "wire/json_scan.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <string>
#include <string_view>

namespace understudy::proxy {

namespace {

using nlohmann::json;

// Lists of models: https://openrouter.ai/docs/features/model-routing (models), Perplexity's Agent
// API (models), https://docs.litellm.ai/docs/proxy/reliability (fallbacks).
constexpr std::array<std::string_view, 2> kNaming{"models", "fallbacks"};
// What chooses a model, or whoever serves it, by other means: OpenRouter's presets, plugins and
// `route`; LiteLLM's parameters that clients may send; Vercel's providerOptions.
constexpr std::array<std::string_view, 9> kChoosing{
    "preset",      "plugins",    "route",
    "user_config", "model_list", "context_window_fallbacks",
    "api_base",    "base_url",   "provideroptions"};

template <class List>
bool is_one_of(std::string_view name, const List& list) {
    return std::find(list.begin(), list.end(), name) != list.end();
}

std::string lower_name(std::string_view token) {
    auto name = wire::decode_string(token).value_or(std::string());
    for (char& c : name) {
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c | 0x20);
    }
    return name;
}

LocalError not_readable(const Inbound& request, const std::string& member) {
    return {403, "model_not_allowed",
            "The key \"" + request.key->name + "\" may use certain models only, and \"" + member +
                "\" may choose others; leave it out."};
}

std::optional<LocalError> check_list(const Inbound& request, const std::string& member,
                                     const json& list) {
    if (!list.is_array()) return not_readable(request, member);
    for (const auto& entry : list) {
        const auto* name = &entry;
        if (entry.is_object() && entry.contains("model")) name = &entry["model"];
        if (!name->is_string()) return not_readable(request, member);
        if (auto error = authorize(request, name->get_ref<const std::string&>())) return error;
    }
    return std::nullopt;
}

}  // namespace

std::optional<LocalError> authorize_other_models(const Inbound& request) {
    if (request.key == nullptr || !request.facts.json) return std::nullopt;
    const auto& routes = request.key->routes;
    if (routes.empty() || is_one_of("*", routes)) return std::nullopt;
    for (const auto& member : request.facts.members) {
        if (member.kind == wire::JsonKind::null) continue;
        const auto name = lower_name(member.key.of(request.body));
        if (is_one_of(name, kChoosing)) return not_readable(request, name);
        if (!is_one_of(name, kNaming)) continue;
        const auto list = json::parse(member.value.of(request.body), nullptr, false);
        if (auto error = check_list(request, name, list)) return error;
    }
    return std::nullopt;
}

}  // namespace understudy::proxy
