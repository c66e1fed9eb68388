#include "config/profile_place.hpp"

#include "config/address.hpp"
#include "config/fernet.hpp"
#include "config/preset_upstream.hpp"
#include "config/text.hpp"

#include <algorithm>

namespace understudy::config {
namespace {

// LLM providers of OpenHands themselves: the SDK writes `openhands/x` as `litellm_proxy/x` there.
constexpr std::string_view kOpenHandsPrefix = "openhands/";
constexpr std::string_view kOpenHandsUrl = "https://llm-proxy.app.all-hands.dev";
// What the SDK adds to a profile for `azure/...` without one.
constexpr std::string_view kAzureVersion = "2024-12-01-preview";
constexpr const char* kSecretKeyVariable = "OH_SECRET_KEY";

bool is_masked(std::string_view secret) {
    return std::all_of(secret.begin(), secret.end(), [](char c) { return c == '*'; });
}

// The secret in the clear; a problem where the profile does not hold it.
std::optional<std::string> clear_secret(ProfileReader& reader, std::string stored,
                                        const Environment& env) {
    if (is_masked(stored)) {
        reader.problem("api_key",
                       "is masked: the profile was saved without its secret; save it again with "
                       "include_secrets=True, or write the key into the file");
        return std::nullopt;
    }
    if (!looks_encrypted(stored)) return stored;
    const auto key = env(kSecretKeyVariable);
    if (!key || key->empty()) {
        reader.problem("api_key",
                       "is encrypted; set OH_SECRET_KEY to the value that the profile was saved "
                       "with");
        return std::nullopt;
    }
    auto clear = decrypt_fernet(stored, *key);
    if (!clear) {
        reader.problem("api_key",
                       "cannot be decrypted: it is damaged, or was saved with another "
                       "OH_SECRET_KEY than the one that is set");
    }
    return clear;
}

void read_key(ProfileReader& reader, const Environment& env, bool at_preset, Upstream& upstream) {
    if (auto stored = reader.text("api_key")) {
        auto secret = clear_secret(reader, std::move(*stored), env);
        if (!secret) return;
        if (const auto why = key_problem(*secret)) {
            reader.problem("api_key", *why);
        } else {
            upstream.api_key.emplace(std::move(*secret));
        }
        return;
    }
    // As LiteLLM does, but only to the service that the variable is for.
    if (!at_preset || upstream.preset == nullptr) return;
    const auto found = key_in_environment(*upstream.preset, env);
    if (!found) return;
    if (const auto why = key_problem(found->value)) {
        reader.problem("api_key", "is not there, and the variable " + found->variable + " " + *why);
        return;
    }
    upstream.api_key.emplace(found->value);
    upstream.key_variable = found->variable;
}

struct Named {
    const Preset* preset = nullptr;  // null: any compatible server
    std::string model;
    std::string_view url;  // of the service where it is not the preset's own
};

std::optional<Named> read_model(ProfileReader& reader, bool has_url) {
    const auto name = reader.text("model");
    if (!name) {
        reader.problem("model", "is missing; every profile names a model");
        return std::nullopt;
    }
    Named named;
    if (name->starts_with(kOpenHandsPrefix)) {
        named = {find_preset("litellm"), name->substr(kOpenHandsPrefix.size()), kOpenHandsUrl};
    } else if (auto there = preset_of_model(*name)) {
        named = {there->preset, std::move(there->model), {}};
    } else if (has_url) {
        named.model = *name;
    } else {
        reader.problem("model", in_quotes(*name) +
                                    " begins with no provider known to this build; write "
                                    "provider/model, or add a base_url");
        return std::nullopt;
    }
    // A bare family name at an address of one's own is that server's name for it.
    if (has_url && name->find('/') == std::string::npos) named.preset = nullptr;
    if (!is_model_name(named.model)) {
        reader.problem("model", in_quotes(*name) + " is not a model name");
        return std::nullopt;
    }
    return named;
}

// The API's path where the profile names a host alone, which LiteLLM completes.
void complete_path(Upstream& upstream) {
    if (!upstream.base_url.path.empty()) return;
    if (upstream.preset != nullptr && upstream.preset->name != "openai") {
        if (const auto own = parse_base_url(upstream.preset->base_url)) {
            upstream.base_url.path = own.value->path;
        }
    }
    if (upstream.base_url.path.empty()) {
        upstream.base_url.path = api_path_of_host(upstream.base_url.host);
    }
}

void place_at_azure(ProfileReader& reader, Upstream& upstream) {
    upstream.api_version = reader.text("api_version").value_or(std::string(kAzureVersion));
    if (!is_plain_name(upstream.api_version)) {
        reader.problem("api_version", "is not a version such as 2024-10-21");
    } else if (const auto why = place_azure(upstream)) {
        reader.problem("base_url", *why);
    }
}

void set_address(ProfileReader& reader, const std::string& member, const std::string& url,
                 Upstream& upstream) {
    auto parsed = parse_base_url(url);
    if (!parsed) {
        reader.problem(member, parsed.error);
        return;
    }
    upstream.base_url = std::move(*parsed.value);
    upstream.price_provider = provider_of_host(upstream.base_url.host);
    const bool of_service = upstream.preset != nullptr && upstream.preset->name != "openai";
    if (upstream.price_provider.empty() && of_service) {
        upstream.price_provider = upstream.preset->price_provider;
    }
    if (of_service && upstream.preset->name == "azure") {
        place_at_azure(reader, upstream);
    } else {
        complete_path(upstream);
    }
}

}  // namespace

void place_profile(ProfileReader& reader, const Environment& env, Upstream& upstream) {
    std::string member = "base_url";
    auto url = reader.text("base_url");
    const auto ollama = reader.text("ollama_base_url");
    auto named = read_model(reader, url.has_value());
    if (!named) return;
    upstream.preset = named->preset;
    upstream.model = std::move(named->model);
    if (upstream.preset != nullptr && !upstream.preset->refused.empty()) {
        reader.problem("model", "is of `" + std::string(upstream.preset->name) +
                                    "`, which is not available in this build: " +
                                    std::string(upstream.preset->refused));
        return;
    }
    if (!url && ollama && upstream.preset != nullptr && upstream.preset->name == "ollama") {
        member = "ollama_base_url";
        url = ollama;
    }
    if (!url && !named->url.empty()) url = named->url;
    const bool at_preset = !url;
    if (!url && upstream.preset->base_url.empty()) {
        reader.problem("base_url", "is missing; the address of `" +
                                       std::string(upstream.preset->name) +
                                       "` differs from customer to customer");
        return;
    }
    set_address(reader, member, url ? *url : std::string(upstream.preset->base_url), upstream);
    if (at_preset) upstream.price_provider = upstream.preset->price_provider;
    read_key(reader, env, at_preset, upstream);
}

}  // namespace understudy::config
