#include "config/address.hpp"
#include "config/bedrock.hpp"
#include "config/credential.hpp"
#include "config/files.hpp"
#include "config/outbound_proxy.hpp"
#include "config/preset_upstream.hpp"
#include "config/read.hpp"
#include "wire/field_id.hpp"

#include <algorithm>
#include <array>
#include <cmath>

namespace understudy::config {
namespace {

constexpr std::size_t kMaxPoolKeys = 64;        // each is looked for in what the upstream says
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
    // What else stands at an address of one's own, nobody knows.
    if (upstream.preset != nullptr && (!section.get("base_url") || is_bedrock(upstream)))
        upstream.dialect = upstream.preset->usual_dialect();
    read_word<Dialect>(section, "dialect", upstream.dialect, kWords);
}

bool is_openais(Dialect dialect) {
    return dialect == Dialect::chat || dialect == Dialect::responses;
}

// The address of the preset where the file gives none.
bool take_base_url_of_preset(const Section& section, Upstream& upstream) {
    if (upstream.preset == nullptr) return false;
    const auto url = upstream.preset->base_url_of(upstream.dialect);
    if (section.get("base_url")) return false;
    if (is_bedrock(upstream)) return true;  // follows from its region
    if (url.empty()) return false;
    upstream.base_url = *parse_base_url(url).value;
    upstream.price_provider = upstream.preset->price_provider;
    return true;
}

bool is_azure(const Upstream& upstream) {
    return upstream.preset != nullptr && upstream.preset->name == "azure";
}

// A server of one's own is told by its port alone, where nobody else has that one.
std::string_view usual_path_of_local_server(const BaseUrl& url) {
    if (!is_loopback(url.host) || (!url.path.empty() && url.path != "/api")) return {};
    constexpr std::uint16_t kOllama = 11434;
    constexpr std::uint16_t kLmStudio = 1234;
    return url.port == kOllama || url.port == kLmStudio ? "/v1" : std::string_view{};
}

void doubt_path(const Value& value, const Upstream& upstream) {
    const BaseUrl& url = upstream.base_url;
    if (!is_azure(upstream) && provider_of_host(url.host) == "azure" && url.path.empty()) {
        value.warn(
            "is an address of Azure's, whose paths and header for the key only `provider: azure` "
            "knows; add it");
        return;
    }
    auto usual = likelier_path(url.host, url.path);
    if (usual.empty()) usual = usual_path_of_local_server(url);
    if (usual.empty()) return;
    BaseUrl better = url;
    better.path = usual;
    value.warn((url.path.empty() ? "has no path" : "has the path " + in_quotes(url.path)) +
               "; the API of " + url.host + " is usually at " + better.text());
}

void read_base_url(const Section& section, Upstream& upstream) {
    if (take_base_url_of_preset(section, upstream)) return;
    const std::string_view expected =
        is_azure(upstream) ? "your resource's URL, such as https://NAME.openai.azure.com"
        : is_openais(upstream.dialect)
            ? "a URL such as https://api.openai.com/v1"
            : "the URL of its API of this dialect, such as https://api.anthropic.com/v1 for "
              "messages";
    // A provider that does not exist has been told of; it may have had an address.
    const bool unknown_provider = upstream.preset == nullptr && section.get("provider");
    const auto value =
        unknown_provider ? section.get("base_url") : section.require("base_url", expected);
    if (!value) return;
    const std::string* text = value->text("a URL such as https://api.openai.com/v1");
    if (text == nullptr) return;
    auto url = parse_base_url(*text);
    auto unfilled = template_problem(*text);
    if (!url || unfilled) {
        value->problem(unfilled ? std::move(*unfilled) : std::move(url.error));
        return;
    }
    upstream.base_url = std::move(*url.value);
    upstream.price_provider = provider_of_host(upstream.base_url.host);
    const bool compatible = upstream.preset == nullptr || upstream.preset->name == "openai";
    if (upstream.price_provider.empty() && !compatible) {
        upstream.price_provider = upstream.preset->price_provider;
    }
    if (is_openais(upstream.dialect)) doubt_path(*value, upstream);
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

void read_azure(const Section& section, Upstream& upstream) {
    if (!is_azure(upstream) || upstream.base_url.host.empty()) return;
    const auto value = section.get("base_url");
    if (!value) return;
    if (auto why = place_azure(upstream)) value->problem(std::move(*why));
}

// Several keys of one service, used in turn.
void read_key_pool(const Value& value, Upstream& upstream) {
    const auto items = value.items("keys");
    if (items.empty()) {
        value.problem(
            "is an empty list; name at least one key, or remove it to pass the client's own "
            "credentials through");
    }
    if (items.size() > kMaxPoolKeys) {
        value.problem("has " + std::to_string(items.size()) + " keys; at most " +
                      std::to_string(kMaxPoolKeys) + " make a pool");
        return;
    }
    for (const Value& item : items) {
        const std::string* text = read_credential(item, "is empty; set it, or remove it");
        if (text == nullptr) continue;
        bool twice = false;
        for (std::size_t i = 0; i < upstream.key_count(); ++i) {
            twice = twice || upstream.key(i).reveal() == *text;
        }
        if (twice) {
            item.problem("is in this pool already");
        } else if (!upstream.api_key) {
            upstream.api_key.emplace(*text);
        } else {
            upstream.more_keys.emplace_back(*text);
        }
    }
}

void read_api_key(const Section& section, Upstream& upstream) {
    const auto value = section.get("api_key");
    if (!value) return;
    if (value->node().kind == Element::Kind::list) {
        read_key_pool(*value, upstream);
        return;
    }
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
    if (upstream.preset == nullptr) return;
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

void read_health(const Section& section, Upstream& upstream) {
    const auto value = section.get("health");
    if (!value) return;
    const Section keys(*value, health_keys(), "a map with path and interval");
    HealthCheck check;
    read(keys, "interval", check.interval, {Duration{100}, Duration{86'400'000}});
    const auto path = keys.require("path", "the path to ask for, such as /health");
    if (!path) return;
    const std::string* text = path->text("a path such as /health");
    if (text == nullptr) return;
    const auto unfit = [](char c) { return c <= ' ' || c >= 0x7f || c == '#'; };
    if (text->empty() || text->front() != '/' || std::any_of(text->begin(), text->end(), unfit)) {
        path->problem(path->shown() + " is not a path of the server such as /health or /v1/models");
        return;
    }
    check.path = *text;
    upstream.health = std::move(check);
}

void read_continuation(const Section& section, Upstream& upstream) {
    using Entry = std::pair<std::string_view, Continuation>;
    constexpr std::array kWords{
        Entry{"auto", Continuation::automatic}, Entry{"prefill", Continuation::prefill},
        Entry{"instruct", Continuation::instruct}, Entry{"restart", Continuation::restart},
        Entry{"none", Continuation::none}};
    read_word<Continuation>(section, "continuation", upstream.continuation, kWords);
}

// `5/10s`: five events in ten seconds.
void read_min_rate(const Section& section, Upstream& upstream) {
    constexpr auto kExpected = "a number of events in a time, such as 5/10s";
    const auto value = section.get("min_rate");
    const std::string* text = value ? value->text(kExpected) : nullptr;
    if (text == nullptr) return;
    const auto slash = text->find('/');
    const auto events = parse_integer(std::string_view(*text).substr(0, slash));
    const auto window = slash == std::string::npos
                            ? Parsed<Duration>{}
                            : parse_duration(std::string_view(*text).substr(slash + 1));
    const bool good = slash != std::string::npos && events && window && *events.value >= 1 &&
                      *events.value <= 10'000 && *window.value >= Duration{1'000} &&
                      *window.value <= Duration{3'600'000};
    if (!good) {
        value->problem(value->shown() + " is not " + kExpected +
                       "; from 1 to 10000 events in 1s to 1h");
        return;
    }
    upstream.min_rate = MinRate{static_cast<std::uint32_t>(*events.value), *window.value};
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
    upstream.context_window = read_integer(section, "context_window", {1, 1'000'000'000});
    read_timeouts(section, upstream.timeouts);
    const bool has_key = upstream.api_key.has_value();
    if (const auto headers = section.get("headers")) read_headers(*headers, has_key, upstream);
    read_key_of_environment(section, upstream);
    read_bedrock(section, upstream);
    if (const auto body = section.get("body")) read_body(*body, upstream.body);
    if (upstream.preset != nullptr && upstream.dialect == Dialect::chat) {
        add_quirks(upstream.preset->quirks, upstream.body);  // they are of its OpenAI form
    }
    read_tls(section, upstream);
    read_proxy(section, upstream);
    if (const auto n = read_integer(section, "max_connections", {1, 100'000})) {
        upstream.max_connections = static_cast<std::uint32_t>(*n);
    }
    read_price(section, upstream);
    read_continuation(section, upstream);
    read_min_rate(section, upstream);
    upstream.breaker = config.breaker;
    if (const auto own = section.get("breaker")) {
        upstream.breaker = read_breaker(*own, config.breaker.value_or(Breaker{}));
    }
    read_health(section, upstream);
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
