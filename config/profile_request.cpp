#include "config/profile_request.hpp"

#include "config/preset_upstream.hpp"
#include "config/presets.hpp"
#include "config/read.hpp"
#include "config/text.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>

namespace understudy::config {
namespace {

constexpr std::string_view kNewTokens = "max_completion_tokens";
constexpr std::string_view kOldTokens = "max_tokens";

// Models that take `reasoning_effort`, by how their names begin: what openhands-sdk 1.58.2 finds in
// LiteLLM's table of models (github.com/BerriAI/litellm, model_prices_and_context_window.json,
// supports_reasoning). Mistral's own are missing: they take two values of it only.
constexpr std::array<std::string_view, 35> kTakesEffort{
    "o1",
    "o3",
    "o4-mini",
    "gpt-5",
    "gpt-6",
    "gpt-oss",
    "codex-mini",
    "gemini-2.5",
    "gemini-3",
    "gemini-4",
    "gemini-flash",
    "gemini-pro",
    "grok-3-mini",
    "grok-4.",
    "claude-haiku-4-5",
    "claude-haiku-5",
    "claude-sonnet-4-5",
    "claude-sonnet-4-6",
    "claude-sonnet-4.5",
    "claude-sonnet-4.6",
    "claude-sonnet-5",
    "claude-opus-4-5",
    "claude-opus-4-6",
    "claude-opus-4-7",
    "claude-opus-4-8",
    "claude-opus-4.",
    "claude-opus-5",
    "claude-fable",
    "claude-mythos",
    "nova-2-lite",
    "kimi-k2.",
    "kimi-k3",
    "glm-4.6",
    "glm-4.7",
    "glm-5",
};
constexpr std::array<std::string_view, 3> kTakesNoEffort{"-non-reasoning", "-search-api", "-tts"};

// Whose APIs have another member for it, or take only some of its values:
// docs.z.ai/api-reference/llm/ chat-completion, docs.mistral.ai/capabilities/reasoning.
constexpr Words kSpellEffortOtherwise{"zai", "mistral"};
constexpr std::string_view kDefaultEffort = "high";
constexpr const char* kOfClients = "is left out: at Bedrock the client's own request decides";
constexpr std::string_view kOpenAiHost = "api.openai.com";

// As the SDK names the model where it asks what it can do.
std::string capability_name(ProfileReader& reader, const Upstream& upstream) {
    return lower(reader.text("model_canonical_name").value_or(*upstream.model));
}

bool reasons(std::string_view name) {
    const std::string_view model = name.substr(name.rfind('/') + 1);
    const auto begins = [&](std::string_view word) { return model.starts_with(word); };
    const auto holds = [&](std::string_view word) {
        return model.find(word) != std::string_view::npos;
    };
    return std::any_of(kTakesEffort.begin(), kTakesEffort.end(), begins) &&
           std::none_of(kTakesNoEffort.begin(), kTakesNoEffort.end(), holds);
}

bool is_preset(const Upstream& upstream, std::string_view name) {
    return upstream.preset != nullptr && upstream.preset->name == name;
}

void set(Upstream& upstream, std::string_view member, const nlohmann::json& value) {
    auto& all = upstream.body.set;
    std::erase_if(all, [&](const auto& pair) { return pair.first == member; });
    all.emplace_back(member, value.dump());
}

// Where the SDK asks every model for an effort: any server that speaks the protocol, whose models
// nobody knows, and services that leave out what a model cannot use.
bool is_any_server(const Upstream& upstream) {
    return upstream.preset == nullptr || is_preset(upstream, "vllm") ||
           is_preset(upstream, "openrouter") || is_preset(upstream, "dashscope") ||
           (is_preset(upstream, "openai") && upstream.base_url.host != kOpenAiHost);
}

// Whether this service refuses the member, and leaving it out is what `drop_params` asks for.
bool is_refused(const Upstream& upstream, std::string_view member, bool drop_params) {
    if (!drop_params || upstream.preset == nullptr) return false;
    if (upstream.preset->quirks.drop.contains(member)) return true;
    return member == "top_k" &&
           (is_preset(upstream, "azure") || upstream.base_url.host == kOpenAiHost);
}

// A number within what the service takes, where `drop_params` lets it be changed.
double within_bound(ProfileReader& reader, const char* member, double value, bool drop_params,
                    const Upstream& upstream) {
    if (!drop_params || upstream.preset == nullptr) return value;
    const auto& bound = upstream.preset->quirks.bound;
    if (!bound || bound->member != member || value <= bound->most) return value;
    reader.note(member, "is lowered to " + nlohmann::json(bound->most).dump() +
                            ", the most that `" + std::string(upstream.preset->name) + "` takes");
    return bound->most;
}

void set_seed(ProfileReader& reader, bool drop_params, Upstream& upstream) {
    const auto seed = reader.whole("seed");
    if (!seed) return;
    if (is_refused(upstream, "seed", drop_params)) {
        reader.note("seed", "is left out: " + *upstream.model + " does not take it");
        return;
    }
    const auto* rename = upstream.preset != nullptr && upstream.preset->quirks.rename
                             ? &*upstream.preset->quirks.rename
                             : nullptr;
    if (rename == nullptr || rename->from != "seed") {
        set(upstream, "seed", *seed);
        return;
    }
    set(upstream, rename->to, *seed);
    upstream.body.drop.emplace_back("seed");  // the client's
}

void set_sampling(ProfileReader& reader, bool drop_params, Upstream& upstream) {
    // Models that reason take no sampling members, but for Gemini's.
    const std::string name = capability_name(reader, upstream);
    const bool fixed = drop_params && reasons(name) && name.find("gemini") == std::string::npos;
    for (const char* member : {"temperature", "top_p", "top_k"}) {
        const auto value = reader.number(member);
        if (!value) continue;
        if (fixed || is_refused(upstream, member, drop_params)) {
            reader.note(member, "is left out: " + *upstream.model + " does not take it");
            continue;
        }
        const bool whole = std::string_view(member) == "top_k" && *value < 1e9;
        if (whole) {
            set(upstream, member, static_cast<std::uint64_t>(*value));  // written as 40.0 there
        } else {
            set(upstream, member, within_bound(reader, member, *value, drop_params, upstream));
        }
    }
}

// One bound under the name that the service knows; the client's, under whichever name, goes.
void set_max_tokens(ProfileReader& reader, Upstream& upstream) {
    const auto most = reader.whole("max_output_tokens");
    if (!most) return;
    if (*most == 0) {
        reader.problem("max_output_tokens", "must be at least 1");
        return;
    }
    const bool old =
        upstream.preset != nullptr && upstream.preset->quirks.max_tokens_from.contains(kNewTokens);
    set(upstream, old ? kOldTokens : kNewTokens, *most);
    upstream.body.drop.emplace_back(old ? kNewTokens : kOldTokens);
}

void set_effort(ProfileReader& reader, bool drop_params, Upstream& upstream) {
    const auto effort = reader.text("reasoning_effort");
    const bool spelled = upstream.preset == nullptr ||
                         !kSpellEffortOtherwise.contains(upstream.preset->name) || !drop_params;
    if (spelled && (reasons(capability_name(reader, upstream)) || is_any_server(upstream))) {
        if (effort) set(upstream, "reasoning_effort", *effort);
        return;
    }
    // Others answer 400 to it, whoever asks.
    if (drop_params) upstream.body.drop.emplace_back("reasoning_effort");
    if (effort && *effort != kDefaultEffort) {
        reader.note("reasoning_effort", "is left out: " + *upstream.model +
                                            " is not known to take it; put it into "
                                            "litellm_extra_body to send it anyway, or name the "
                                            "model that it is in model_canonical_name");
    }
}

void set_extra_body(ProfileReader& reader, Upstream& upstream) {
    const auto* extra = reader.map("litellm_extra_body");
    if (extra == nullptr) return;
    for (const auto& [member, value] : extra->items()) {
        const std::string path = "litellm_extra_body." + member;
        if (const auto why = reserved_member(member); !why.empty() || member.empty()) {
            reader.problem(path, member.empty() ? "names no member of the body"
                                                : "cannot be changed here: " + std::string(why));
            continue;
        }
        std::erase(upstream.body.drop, member);
        set(upstream, member, value);
    }
}

void add_header(ProfileReader& reader, const std::string& path, const std::string& name,
                const std::string& value, Upstream& upstream) {
    const std::string key = lower(name);
    const auto same = [&](const HeaderSetting& other) { return lower(other.name) == key; };
    if (!is_token(name)) {
        reader.problem(path, "is not a header name");
    } else if (is_refused_header(key)) {
        reader.problem(path,
                       "cannot be set: Understudy decides this header for every request itself");
    } else if (key == "authorization" && upstream.api_key) {
        reader.problem(path, "api_key already sets this header; remove one of the two");
    } else if (std::any_of(upstream.headers.begin(), upstream.headers.end(), same)) {
        reader.problem(path, "this header is given twice (names differ only in case)");
    } else if (const auto why = header_value_problem(value); !why.empty()) {
        reader.problem(path, std::string(why));
    } else {
        upstream.headers.push_back({name, Secret(value)});
    }
}

// The SDK tells every service who asks; only OpenRouter, or a gateway to it, makes use of it. So
// its own defaults, which stand in every profile, go there alone.
void set_attribution(ProfileReader& reader, Upstream& upstream) {
    const auto add = [&](const char* member, const char* header, std::string_view by_default) {
        const auto value = reader.text(member);
        if (!value || (*value == by_default && !is_preset(upstream, "openrouter"))) return;
        const auto same = [&](const HeaderSetting& other) {
            return lower(other.name) == lower(header);
        };
        const auto& given = upstream.headers;
        if (std::any_of(given.begin(), given.end(), same)) return;
        add_header(reader, member, header, *value, upstream);
    };
    add("openrouter_site_url", "HTTP-Referer", "https://docs.all-hands.dev/");
    add("openrouter_app_name", "X-Title", "OpenHands");
}

void set_headers(ProfileReader& reader, Upstream& upstream) {
    if (const auto* headers = reader.map("extra_headers")) {
        for (const auto& [name, value] : headers->items()) {
            const std::string path = "extra_headers." + name;
            if (value.is_string()) {
                add_header(reader, path, name, value.get<std::string>(), upstream);
            } else {
                reader.problem(path, "is not a text");
            }
        }
    }
    set_attribution(reader, upstream);
}

// These are members of OpenAI's requests; the clients' own are translated.
void note_left_out(ProfileReader& reader) {
    for (const char* member : {"temperature", "top_p", "top_k"}) {
        if (reader.number(member)) reader.note(member, kOfClients);
    }
    for (const char* member : {"seed", "max_output_tokens"}) {
        if (reader.whole(member)) reader.note(member, kOfClients);
    }
    const auto effort = reader.text("reasoning_effort");
    if (effort && *effort != kDefaultEffort) reader.note("reasoning_effort", kOfClients);
    if (reader.map("litellm_extra_body") != nullptr) reader.note("litellm_extra_body", kOfClients);
}

}  // namespace

void read_request_members(ProfileReader& reader, Upstream& upstream) {
    const bool drop_params = reader.boolean("drop_params").value_or(true);
    if (!upstream.model) return;  // its place is unknown, and said to be
    if (upstream.dialect == Dialect::converse) {
        note_left_out(reader);
        set_headers(reader, upstream);
        return;
    }
    set_sampling(reader, drop_params, upstream);
    set_seed(reader, drop_params, upstream);
    set_max_tokens(reader, upstream);
    set_effort(reader, drop_params, upstream);
    set_extra_body(reader, upstream);
    set_headers(reader, upstream);
    if (upstream.preset == nullptr) return;
    Quirks quirks = upstream.preset->quirks;
    if (!drop_params) quirks.drop = {};
    add_quirks(quirks, upstream.body);
}

}  // namespace understudy::config
