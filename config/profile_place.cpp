#include "config/profile_place.hpp"

#include "config/address.hpp"
#include "config/bedrock.hpp"
#include "config/preset_upstream.hpp"
#include "config/profile_secret.hpp"
#include "config/text.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace understudy::config {
namespace {

// Providers that the SDK itself knows: it writes `openhands/x` as `litellm_proxy/x` at this
// address, and so on (openhands/sdk/llm/utils/openhands_provider.py).
struct RoutedProvider {
    std::string_view prefix;
    std::string_view preset;
    std::string_view url;
};
constexpr std::array kRouted{
    RoutedProvider{"openhands/", "litellm", "https://llm-proxy.app.all-hands.dev"},
    RoutedProvider{"digitalocean/", "openai", "https://inference.do-ai.run/v1"},
};
// What the SDK adds to a profile for `azure/...` without one.
constexpr std::string_view kAzureVersion = "2024-12-01-preview";

// The service itself answers at this address, so that a key of the environment may go there.
bool is_own_address(const Upstream& upstream) {
    const Preset* preset = upstream.preset;
    if (preset == nullptr || preset->kind != PresetKind::service || !upstream.base_url.tls) {
        return false;
    }
    const std::string provider = provider_of_host(upstream.base_url.host);
    return !provider.empty() && provider.starts_with(preset->price_provider);
}

void read_key(ProfileReader& reader, const Environment& env, bool at_preset, Upstream& upstream) {
    if (auto stored = reader.text("api_key")) {
        auto secret = clear_secret(reader, "api_key", std::move(*stored), env);
        if (!secret) return;
        if (const auto why = key_problem(*secret)) {
            reader.problem("api_key", *why);
        } else {
            upstream.api_key.emplace(std::move(*secret));
        }
        return;
    }
    // As LiteLLM does, but only to the service that the variable is for.
    if (upstream.preset == nullptr || !(at_preset || is_own_address(upstream))) return;
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
    const auto* routed = std::find_if(kRouted.begin(), kRouted.end(), [&](const auto& provider) {
        return name->starts_with(provider.prefix);
    });
    if (routed != kRouted.end()) {
        named = {find_preset(routed->preset), name->substr(routed->prefix.size()), routed->url};
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

// LiteLLM speaks to these in their own dialects, so that a base URL of a profile is that API's.
constexpr Words kSpokenNatively{"anthropic", "gemini", "cohere"};

// The path of the OpenAI-compatible API where the profile names a host alone, which LiteLLM
// completes, or another API of the same service.
void complete_path(Upstream& upstream) {
    BaseUrl& url = upstream.base_url;
    const std::string_view own = api_path_of_host(url.host);
    if (upstream.preset != nullptr && kSpokenNatively.contains(upstream.preset->name)) {
        if (!own.empty()) url.path = own;
    }
    if (!url.path.empty()) return;
    if (upstream.preset != nullptr && upstream.preset->name != "openai") {
        if (const auto preset = parse_base_url(upstream.preset->base_url)) {
            url.path = preset.value->path;
        }
    }
    if (url.path.empty()) url.path = own;
}

void place_at_azure(ProfileReader& reader, Upstream& upstream) {
    upstream.api_version = reader.text("api_version").value_or(std::string(kAzureVersion));
    // As LiteLLM: whatever stands in front of it, the API begins with /openai.
    std::string& path = upstream.base_url.path;
    if (path.find("/openai") == std::string::npos && !path.empty()) {
        path += is_dated_version(upstream.api_version) ? "/openai/deployments" : "/openai/v1";
    }
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

// "bedrock/converse/MODEL" and "bedrock/REGION/MODEL", as LiteLLM has them. The way that a model is
// asked is one here, whichever is named.
void take_model_apart(Upstream& upstream) {
    std::string& model = *upstream.model;
    for (const std::string_view way : {"converse/", "converse_like/", "invoke/"}) {
        if (!model.starts_with(way)) continue;
        model.erase(0, way.size());
        break;
    }
    const auto slash = model.find('/');
    const auto digit = slash == std::string::npos ? slash : slash - 1;
    const bool region = slash != std::string::npos && slash > 1 && model[digit] >= '0' &&
                        model[digit] <= '9' && is_region(model.substr(0, slash));
    if (!region) return;
    upstream.region = model.substr(0, slash);
    model.erase(0, slash + 1);
}

void read_aws_key(ProfileReader& reader, const Environment& env, Upstream& upstream) {
    const auto secret = [&](const char* member) {
        auto stored = reader.text(member);
        return stored ? clear_secret(reader, member, std::move(*stored), env) : std::nullopt;
    };
    auto id = secret("aws_access_key_id");
    auto key = secret("aws_secret_access_key");
    auto token = secret("aws_session_token");
    if (!id && !key) return;
    for (const auto& [member, value] :
         {std::pair("aws_access_key_id", &id), std::pair("aws_secret_access_key", &key),
          std::pair("aws_session_token", &token)}) {
        if (!*value) continue;
        if (const auto why = key_problem(**value)) reader.problem(member, *why);
    }
    if (!id || !key) {
        reader.problem(id ? "aws_secret_access_key" : "aws_access_key_id",
                       "is missing; the two belong together");
        return;
    }
    upstream.aws.emplace(AwsCredentials{std::move(*id), Secret(std::move(*key)),
                                        Secret(token ? std::move(*token) : std::string()),
                                        "aws_access_key_id"});
}

void place_at_bedrock(ProfileReader& reader, const Environment& env,
                      const std::optional<std::string>& base_url, Upstream& upstream) {
    if (reader.text("aws_role_name")) {
        reader.problem("aws_role_name",
                       "would have to be asked for at AWS, which this build does not; give the "
                       "profile keys of its own, or aws_profile_name");
    }
    upstream.dialect = upstream.preset->usual_dialect();
    take_model_apart(upstream);
    if (const auto region = reader.text("aws_region_name"); region && upstream.region.empty()) {
        upstream.region = *region;
    }
    const auto endpoint = reader.text("aws_bedrock_runtime_endpoint");
    if (endpoint || base_url) {
        const char* const member = endpoint ? "aws_bedrock_runtime_endpoint" : "base_url";
        set_address(reader, member, endpoint ? *endpoint : *base_url, upstream);
        if (upstream.base_url.host.empty()) return;
    }
    const auto own_profile = reader.text("aws_profile_name");
    const bool own = own_profile || reader.text("aws_access_key_id");
    if (reader.text("api_key") || !own) read_key(reader, env, !endpoint && !base_url, upstream);
    if (!upstream.api_key) read_aws_key(reader, env, upstream);
    if (!reader.problems().empty()) return;
    const auto problem = settle_bedrock(upstream, env, own_profile);
    if (!problem) return;
    const auto& what = problem->setting;
    reader.problem(what == "region"     ? "aws_region_name"
                   : what == "provider" ? "aws_access_key_id"
                                        : what,
                   problem->what);
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
    if (is_bedrock(upstream)) {
        place_at_bedrock(reader, env, url, upstream);
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
