#include "config/address.hpp"
#include "config/files.hpp"
#include "config/read.hpp"

#include <array>
#include <cmath>

namespace understudy::config {
namespace {

constexpr std::size_t kMaxCaBytes = 4U << 20U;  // the system's own bundle is about 200 KiB
constexpr double kMaxUsdPerMillion = 1000;  // dearer than any model; a per-token price slipped in

void read_upstream_name(const Section& section, const Config& config, Upstream& upstream) {
    const auto value = read_name(section, "a name for chains, metrics and logs", upstream.name);
    if (!value) return;
    for (const Upstream& other : config.upstreams) {
        if (other.name == upstream.name) {
            value->problem("another upstream is already named " + value->shown());
        }
    }
}

void read_base_url(const Section& section, Upstream& upstream) {
    const auto value = section.require("base_url", "a URL such as https://api.openai.com/v1");
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
    const std::string_view usual = api_path_of_host(upstream.base_url.host);
    if (upstream.base_url.path.empty() && !usual.empty()) {
        value->warn("has no path; the API of " + upstream.base_url.host + " is usually at " +
                    upstream.base_url.text() + std::string(usual));
    }
}

void read_api_key(const Section& section, Upstream& upstream) {
    const auto value = section.get("api_key");
    if (!value) return;
    const std::string* text = read_credential(
        *value, "is empty; set it, or remove the key to pass the client's own credentials through");
    if (text != nullptr) upstream.api_key.emplace(*text);
}

void read_provider(const Section& section, Upstream& upstream) {
    using Entry = std::pair<std::string_view, Provider>;
    constexpr std::array kProviders{
        Entry{"openai", Provider::openai}, Entry{"azure", Provider::azure},
        Entry{"anthropic", Provider::anthropic}, Entry{"gemini", Provider::gemini}};
    read_word<Provider>(section, "provider", upstream.provider, kProviders);
    if (upstream.price_provider.empty() && upstream.provider != Provider::openai) {
        upstream.price_provider = kProviders[static_cast<std::size_t>(upstream.provider)].first;
    }
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

void read_price(const Section& section, Upstream& upstream) {
    const auto value = section.get("price");
    if (!value) return;
    const Section keys(*value, price_keys(), "a map of prices in USD per million tokens");
    metrics::ModelPrice price;
    const auto rate = [&](std::string_view key, std::optional<std::int64_t>& out) {
        const auto usd = read_number(keys, key, {0, kMaxUsdPerMillion});
        if (usd) out = std::llround(*usd * 1e6);  // USD per million tokens -> pico-USD per token
    };
    keys.require("input", "USD per million prompt tokens");
    keys.require("output", "USD per million completion tokens");
    rate("input", price.standard.input);
    rate("output", price.standard.output);
    rate("cache_read", price.standard.cache_read);
    rate("cache_write", price.standard.cache_write);
    upstream.price = std::move(price);
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
    read_base_url(section, upstream);
    read_api_key(section, upstream);
    read_provider(section, upstream);
    read_model(section, upstream);
    read_timeouts(section, upstream.timeouts);
    const bool has_key = upstream.api_key.has_value();
    if (const auto headers = section.get("headers")) read_headers(*headers, has_key, upstream);
    if (const auto body = section.get("body")) read_body(*body, upstream.body);
    read_tls(section, upstream);
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
    const auto value = top.require("upstreams", "a list of at least one upstream");
    if (!value) return;
    const auto items = value->items("upstreams");
    if (value->node().kind == Element::Kind::list && items.empty()) {
        value->problem("is an empty list; name at least one upstream");
    }
    for (const Value& item : items) read_upstream(item, config);
}

}  // namespace understudy::config
