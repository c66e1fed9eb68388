#include "proxy/other_models.hpp"

#include "proxy/auth.hpp"
#include "wire/json_cursor.hpp"
#include "wire/json_scan.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace understudy::proxy {

namespace {

/// How a member brings in another model.
enum class How : std::uint8_t {
    list,   // it is a list of models
    one,    // it names one, or an adapter that answers in a model's place
    tools,  // a list of tools, which may name one each
    other,  // by other means, which cannot be read here
};

struct Chooser {
    std::string_view name;  // in lower case: names count in any
    How how = How::other;
};

// Every member that is known to choose a model, or whoever serves it, beside `model`; by the server
// that reads it. Whoever has another needs a row here.
constexpr std::array kChoosers{
    // OpenRouter: https://openrouter.ai/docs/features/model-routing, .../presets, .../plugins
    Chooser{"models", How::list},
    Chooser{"preset"},
    Chooser{"plugins"},
    Chooser{"route"},
    // LiteLLM's proxy, and the parameters of its completion() that clients may send:
    // https://docs.litellm.ai/docs/proxy/reliability,
    // https://docs.litellm.ai/docs/completion/input,
    // https://docs.litellm.ai/docs/providers/bedrock (model_id), .../proxy/clientside_auth
    Chooser{"fallbacks", How::list},
    Chooser{"context_window_fallbacks"},
    Chooser{"context_window_fallback_dict"},
    Chooser{"content_policy_fallbacks"},
    Chooser{"user_config"},
    Chooser{"model_list"},
    Chooser{"router_settings_override"},
    Chooser{"custom_llm_provider"},
    Chooser{"model_id", How::one},
    Chooser{"target_model_names"},
    Chooser{"api_base"},
    Chooser{"base_url"},
    // OpenAI's library before 1.0, whose names servers have kept for Azure's deployments
    Chooser{"engine", How::one},
    Chooser{"deployment_id", How::one},
    Chooser{"model_name", How::one},
    // Vercel's gateway: https://vercel.com/docs/ai-gateway; members that libraries unpack
    Chooser{"provideroptions"},
    Chooser{"extra_body"},
    // Adapters: SGLang (lora_path: https://docs.sglang.ai/advanced_features/lora.html), LoRAX and
    // TGI (adapter_id, adapter_source, merged_adapters), llama-server (lora)
    Chooser{"lora_path", How::one},
    Chooser{"adapter_id", How::one},
    Chooser{"adapter_source"},
    Chooser{"merged_adapters"},
    Chooser{"lora"},
    // OpenAI's image_generation and Anthropic's advisor tools have a model of their own
    Chooser{"tools", How::tools},
};

std::string lower_name(std::string_view token) {
    auto name = wire::decode_string(token).value_or(std::string());
    for (char& c : name) {
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c | 0x20);
    }
    return name;
}

LocalError not_readable(const Inbound& request, std::string_view member) {
    LocalError error(403, "model_not_allowed",
                     "The key \"" + request.key->name + "\" may use certain models only, and \"" +
                         std::string(member) + "\" may choose others; leave it out.");
    error.param = member;
    return error;
}

std::optional<LocalError> check_one(const Inbound& request, std::string_view member,
                                    std::string_view value) {
    const auto model = wire::decode_string(value);
    if (!model) return not_readable(request, member);
    auto error = authorize(request, *model);
    if (error) error->param = member;
    return error;
}

// What stands beside a tool's name; its schema may well have a property that is called so.
std::optional<LocalError> check_tool(const Inbound& request, std::string_view tool) {
    std::optional<LocalError> error;
    wire::JsonCursor in(tool);
    in.object_members([&](std::string_view) {
        const auto name = lower_name(in.key_token().of(tool));
        wire::JsonValue value;
        if (!in.take(value)) return false;
        const bool names = name == "model" && value.kind != wire::JsonKind::null;
        if (names && !error) error = check_one(request, "tools", value.raw);
        return true;
    });
    return error;
}

std::optional<LocalError> check_tools(const Inbound& request, std::string_view list) {
    std::optional<LocalError> error;
    if (!list.starts_with('[')) return error;  // no list of tools to anybody
    wire::JsonCursor in(list);
    in.each_element([&] {
        wire::JsonValue tool;
        if (!in.take(tool)) return false;
        if (!error) error = check_tool(request, tool.raw);
        return true;
    });
    return error;
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

std::optional<LocalError> check_list(const Inbound& request, std::string_view member,
                                     std::string_view list) {
    if (!list.starts_with('[')) return not_readable(request, member);
    std::vector<wire::JsonValue> entries;
    wire::JsonCursor in(list);
    in.each_element([&] { return in.take(entries.emplace_back()); });
    for (const auto& entry : entries) {
        const auto model = model_in(entry);
        if (!model) return not_readable(request, member);
        if (auto error = authorize(request, *model)) {
            error->param = member;
            return error;
        }
    }
    return std::nullopt;
}

std::optional<LocalError> check(const Inbound& request, const Chooser& chooser,
                                std::string_view value) {
    switch (chooser.how) {
        case How::list:
            return check_list(request, chooser.name, value);
        case How::one:
            return check_one(request, chooser.name, value);
        case How::tools:
            return check_tools(request, value);
        case How::other:
            break;
    }
    return not_readable(request, chooser.name);
}

}  // namespace

std::optional<LocalError> authorize_other_models(const Inbound& request) {
    if (request.key == nullptr || !request.facts.json) return std::nullopt;
    const auto& routes = request.key->routes;
    if (routes.empty()) return std::nullopt;
    if (std::find(routes.begin(), routes.end(), "*") != routes.end()) return std::nullopt;
    for (const auto& member : request.facts.members) {
        if (member.kind == wire::JsonKind::null) continue;
        const auto name = lower_name(member.key.of(request.body));
        const auto* const chooser =
            std::find_if(kChoosers.begin(), kChoosers.end(),
                         [&](const Chooser& known) { return known.name == name; });
        if (chooser == kChoosers.end()) continue;
        if (auto error = check(request, *chooser, member.value.of(request.body))) return error;
    }
    return std::nullopt;
}

}  // namespace understudy::proxy
