#include "proxy/other_models.hpp"

#include "proxy/auth.hpp"
#include "wire/json_cursor.hpp"
#include "wire/json_scan.hpp"

#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <vector>

namespace understudy::proxy {

namespace {

// Lists of models: https://openrouter.ai/docs/features/model-routing (models), Perplexity's Agent
// API (models), https://docs.litellm.ai/docs/proxy/reliability (fallbacks).
constexpr std::array<std::string_view, 2> kNaming{"models", "fallbacks"};
// What chooses a model, or whoever serves it, by other means: OpenRouter's presets, plugins and
// `route`; LiteLLM's parameters that clients may send; Vercel's providerOptions.
constexpr std::array<std::string_view, 10> kChoosing{"preset",          "plugins",
                                                     "route",           "user_config",
                                                     "model_list",      "context_window_fallbacks",
                                                     "api_base",        "base_url",
                                                     "provideroptions", "extra_body"};

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

// The model that one entry of a list names: a string, or an object that holds nothing but that.
// What else an object has, or has twice, another reader may understand otherwise.
std::optional<std::string> model_in(const wire::JsonValue& entry) {
    if (entry.kind == wire::JsonKind::string) return wire::decode_string(entry.raw);
    if (entry.kind != wire::JsonKind::object) return std::nullopt;
    std::vector<wire::JsonMember> members;
    wire::Span object;
    if (wire::scan_object(entry.raw, members, object) || members.size() != 1) return std::nullopt;
    const auto& only = members.front();
    if (!wire::key_equals(only.key.of(entry.raw), "model")) return std::nullopt;
    return wire::decode_string(only.value.of(entry.raw));
}

std::optional<LocalError> check_list(const Inbound& request, const std::string& member,
                                     std::string_view list) {
    if (!list.starts_with('[')) return not_readable(request, member);
    std::vector<wire::JsonValue> entries;
    wire::JsonCursor in(list);
    in.each_element([&] { return in.take(entries.emplace_back()); });
    for (const auto& entry : entries) {
        const auto model = model_in(entry);
        if (!model) return not_readable(request, member);
        if (auto error = authorize(request, *model)) return error;
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
        if (auto error = check_list(request, name, member.value.of(request.body))) return error;
    }
    return std::nullopt;
}

}  // namespace understudy::proxy
