#include "config/address.hpp"
#include "config/files.hpp"
#include "config/outbound_proxy.hpp"
#include "config/preset_upstream.hpp"
#include "config/read.hpp"
#include "wire/field_id.hpp"

#include <array>
#include <cmath>

namespace understudy::config {
namespace {

constexpr std::size_t kMaxCaBytes = 4U << 20U;  // the system's own bundle is about 200 KiB

void read_upstream_name(const Section& section, const Config& config, Upstream& upstream) {
    const auto value = read_name(section, "a name for chains, metrics and logs", upstream.name);
    if (!value) return;
    for (const Upstream& other : config.upstreams) {
        if (other.name == upstream.name) {
            value->problem("another upstream is already named " + value->shown());
        }
    }
}

void read_provider(const Section& section, Upstream& upstream) {
    const auto value = section.get("provider");
    if (!value) return;
    std::vector<std::string_view> names;
    names.reserve(presets().size());
    for (const Preset& preset : presets()) names.push_back(preset.name);
    const std::string* text = value->text("a provider's name");
    if (text == nullptr) return;
    upstream.preset = find_preset(*text);
    if (upstream.preset != nullptr) return;
    std::string hint;
    if (const auto other = preset_of_model(*text + "/model"); other) {
        hint = "; it is called `" + std::string(other->preset->name) + "` here";
    } else if (!value->node().referenced) {
        hint = suggestion(*text, names);
    }
    value->problem(value->shown() + " is not one of " + one_of(names) + hint);
}

void read_dialect(const Section& section, Upstream& upstream) {
    using Entry = std::pair<std::string_view, Dialect>;
    constexpr std::array kWords{
        Entry{"chat", Dialect::chat}, Entry{"responses", Dialect::responses},
        Entry{"messages", Dialect::messages}, Entry{"gemini", Dialect::gemini},
        Entry{"converse", Dialect::converse}};
    read_word<Dialect>(section, "dialect", upstream.dialect, kWords);
}

// The address of the preset where the file gives none.
bool take_base_url_of_preset(const Section& section, Upstream& upstream) {
    if (upstream.preset == nullptr) return false;
    if (upstream.preset->base_url.empty() && upstream.preset->refused.empty()) return false;
    if (section.get("base_url")) return false;
    if (!upstream.preset->base_url.empty()) {
        upstream.base_url = *parse_base_url(upstream.preset->base_url).value;
    }
    upstream.price_provider = upstream.preset->price_provider;
    return true;
}

bool is_azure(const Upstream& upstream) {
    return upstream.preset != nullptr && upstream.preset->name == "azure";
}

void doubt_path(const Value& value, const BaseUrl& url) {
    const auto usual = likelier_path(url.host, url.path);
    if (usual.empty()) return;
    BaseUrl better = url;
    better.path = usual;
    value.warn((url.path.empty() ? "has no path" : "has the path " + in_quotes(url.path)) +
               "; the API of " + url.host + " is usually at " + better.text());
}

void read_base_url(const Section& section, Upstream& upstream) {
    if (take_base_url_of_preset(section, upstream)) return;
    const std::string_view expected = is_azure(upstream)
                                          ? "your resource's URL, such as "
                                            "https://NAME.openai.azure.com"
                                          : "a URL such as https://api.openai.com/v1";
    // A provider that does not exist has been told of; it may have had an address.
    const bool unknown_provider = upstream.preset == nullptr && section.get("provider");
    const auto value =
        unknown_provider ? section.get("base_url") : section.require("base_url", expected);
    if (!value) return;
    const std::string* text = value->text("a URL such as https://api.openai.com/v1");
    if (text == nullptr) return;
    auto url = parse_base_url(*text);
    if (!url) {
        value->problem(std::move(url.error));
        return;
    }
    upstream.base_url = std::move(*url.value);
    upstream.price_provider = provider_of_host(upstream.base_url.host);
    const bool compatible = upstream.preset == nullptr || upstream.preset->name == "openai";
    if (upstream.price_provider.empty() && !compatible) {
        upstream.price_provider = upstream.preset->price_provider;
    }
    doubt_path(*value, upstream.base_url);
}

void read_api_version(const Section& section, Upstream& upstream) {
    const auto value = section.get("api_version");
    if (!value) return;
    const std::string* text = value->text("a version such as 2024-10-21");
    if (text == nullptr) return;
    if (!is_azure(upstream)) {
        value->problem("is of `provider: azure` only; remove it, or name that provider");
    } else if (!is_plain_name(*text)) {
        value->problem(value->shown() + " is not a version such as 2024-10-21");
    } else {
        upstream.api_version = *text;
    }
}

void read_region(const Section& section, const Upstream& upstream) {
    const auto value = section.get("region");
    if (!value || value->text("a region such as us-east-1") == nullptr) return;
    if (upstream.preset != nullptr && upstream.preset->name == "bedrock") return;
    value->problem("is of `provider: bedrock` only; remove it");
}

void read_azure(const Section& section, Upstream& upstream) {
    if (!is_azure(upstream) || upstream.base_url.host.empty()) return;
    const auto value = section.get("base_url");
    if (!value) return;
    if (auto why = place_azure(upstream)) value->problem(std::move(*why));
}

void read_api_key(const Section& section, Upstream& upstream) {
    const auto value = section.get("api_key");
    if (!value) return;
    const std::string* text = read_credential(
        *value, "is empty; set it, or remove the key to pass the client's own credentials through");
    if (text != nullptr) upstream.api_key.emplace(*text);
}

// The environment's key goes to the service it is for and nowhere else: to the preset's own
// address, or, where every customer has another, to a host of that service.
bool is_at_preset(const Section& section, const Upstream& upstream) {
    if (!section.get("base_url")) return true;
    return upstream.preset->base_url.empty() &&
           provider_of_host(upstream.base_url.host).starts_with(upstream.preset->name);
}

void read_key_of_environment(const Section& section, Upstream& upstream) {
    if (upstream.preset == nullptr || !upstream.preset->refused.empty()) return;
    if (upstream.api_key || section.get("api_key") || !is_at_preset(section, upstream)) return;
    for (const HeaderSetting& header : upstream.headers) {
        if (wire::kCredentials.contains(wire::identify(header.name)) ||
            lower(header.name) == upstream.preset->key_header) {
            return;  // the file gives credentials of another form
        }
    }
    const Context& context = section.value().context();
    const auto found = key_in_environment(*upstream.preset, context.env);
    if (!found) return;
    if (const auto why = key_problem(found->value)) {
        section.value().problem("the variable " + found->variable + ", the key of `provider: " +
                                std::string(upstream.preset->name) + "`, " + *why);
        return;
    }
    upstream.key_variable = found->variable;
    upstream.api_key.emplace(found->value);
}

void read_model(const Section& section, Upstream& upstream) {
    const auto value = section.get("model");
    if (!value) return;
    const std::string* text = value->text("a model name");
    if (text == nullptr) return;
    if (!is_model_name(*text)) {
        value->problem(value->shown() +
                       " is not a model name: use printable ASCII without comma and semicolon");
        return;
    }
    upstream.model = *text;
}

void read_timeouts(const Section& section, Timeouts& timeouts) {
    const auto value = section.get("timeouts");
    if (!value) return;
    const Section keys(*value, timeout_keys(), "a map of timeouts");
    read(keys, "connect", timeouts.connect);
    read(keys, "first_token", timeouts.first_token);
    read(keys, "response", timeouts.response);
    read(keys, "idle", timeouts.idle);
    read(keys, "total", timeouts.total);
}

void read_ca(const Section& keys, TlsOptions& tls) {
    const auto value = keys.get("ca");
    if (!value) return;
    const std::string* text = value->text("the path of a PEM file");
    if (text == nullptr) return;
    const Context& context = value->context();
    tls.ca = resolve_path(*text, context.directory, context.env);
    const FileText file = read_file(tls.ca, kMaxCaBytes);
    if (!file.text) {
        value->problem("the file " + value->shown() + " " + file.error);
    } else if (const auto why = certificate_problem(*file.text)) {
        value->problem("the file " + value->shown() + " " + *why);
    }
}

void read_tls(const Section& section, Upstream& upstream) {
    const auto value = section.get("tls");
    if (!value) return;
    const Section keys(*value, tls_keys(), "a map with ca, verify and sni");
    read_ca(keys, upstream.tls);
    read(keys, "verify", upstream.tls.verify);
    if (const auto sni = keys.get("sni")) {
        const std::string* text = sni->text("a host name");
        if (text != nullptr && !is_host_name(*text)) {
            sni->problem(sni->shown() + " is not a host name");
        } else if (text != nullptr) {
            upstream.tls.sni = lower(*text);
        }
    }
    if (!upstream.tls.verify && upstream.base_url.tls) {
        keys.get("verify")->warn(
            "is false: anyone between here and " + upstream.base_url.host +
            " can read and change this traffic; use tls.ca for a private authority");
    }
    if (!upstream.base_url.tls) value->warn("has no effect, because base_url is http://");
}

void read_proxy(const Section& section, Upstream& upstream) {
    const auto value = section.get("proxy");
    if (!value) return;
    const std::string* text = value->text("a proxy such as http://proxy:3128, or none");
    if (text == nullptr) return;
    upstream.proxy_configured = true;
    if (*text == "none") return;
    auto proxy = parse_proxy(*text);
    if (proxy) {
        upstream.proxy = std::move(proxy.value);
    } else {
        value->problem(std::move(proxy.error));
    }
}

void read_continuation(const Section& section, Upstream& upstream) {
    using Entry = std::pair<std::string_view, Continuation>;
    constexpr std::array kWords{
        Entry{"auto", Continuation::automatic}, Entry{"prefill", Continuation::prefill},
        Entry{"instruct", Continuation::instruct}, Entry{"restart", Continuation::restart},
        Entry{"none", Continuation::none}};
    read_word<Continuation>(section, "continuation", upstream.continuation, kWords);
}

void read_upstream(const Value& value, Config& config) {
    Upstream upstream;
    const Section section(value, upstream_keys(), "a map with name and base_url");
    read_upstream_name(section, config, upstream);
    read_provider(section, upstream);
    read_dialect(section, upstream);
    read_base_url(section, upstream);
    read_api_version(section, upstream);
    read_region(section, upstream);
    read_azure(section, upstream);
    read_api_key(section, upstream);
    read_model(section, upstream);
    read_timeouts(section, upstream.timeouts);
    const bool has_key = upstream.api_key.has_value();
    if (const auto headers = section.get("headers")) read_headers(*headers, has_key, upstream);
    read_key_of_environment(section, upstream);
    if (const auto body = section.get("body")) read_body(*body, upstream.body);
    if (upstream.preset != nullptr) add_quirks(upstream.preset->quirks, upstream.body);
    read_tls(section, upstream);
    read_proxy(section, upstream);
    if (const auto n = read_integer(section, "max_connections", {1, 100'000})) {
        upstream.max_connections = static_cast<std::uint32_t>(*n);
    }
    read_price(section, upstream);
    read_continuation(section, upstream);
    upstream.breaker = config.breaker;
    if (const auto own = section.get("breaker")) {
        upstream.breaker = read_breaker(*own, config.breaker.value_or(Breaker{}));
    }
    config.upstreams.push_back(std::move(upstream));
}

}  // namespace

void read_upstreams(const Section& top, Config& config) {
    // Chains may name providers instead, and profiles are upstreams.
    const auto value = top.get("routes") || config.profiles
                           ? top.get("upstreams")
                           : top.require("upstreams", "a list of at least one upstream");
    if (!value) return;
    const auto items = value->items("upstreams");
    if (value->node().kind == Element::Kind::list && items.empty()) {
        value->problem("is an empty list; name at least one upstream");
    }
    for (const Value& item : items) read_upstream(item, config);
}

}  // namespace understudy::config
