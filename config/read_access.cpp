// Inbound keys. The key itself is hashed here and goes no further.
#include "config/read.hpp"
#include "config/stored_key.hpp"
#include "wire/head.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <string_view>

namespace understudy::config {
namespace {

void read_key_name(const Section& section, const Config& config, Key& key) {
    const auto value = read_name(section, "a name for logs and metrics", key.name);
    if (!value) return;
    for (const Key& other : config.keys) {
        if (other.name == key.name) {
            value->problem("another key is already named " + value->shown());
        }
    }
}

/// A hash of another kind, or spelled otherwise: as a key it would let nobody in.
bool looks_hashed(std::string_view text) {
    constexpr std::array<std::string_view, 10> kNames{"md5",    "sha1",    "sha-1",  "sha224",
                                                      "sha256", "sha-256", "sha384", "sha-384",
                                                      "sha512", "sha-512"};
    const auto name = text.substr(0, std::min(text.find_first_of(":="), text.size()));
    if (name.size() == text.size()) return false;
    return std::any_of(kNames.begin(), kNames.end(),
                       [&](std::string_view known) { return wire::iequals(known, name); });
}

void read_secret(const Section& section, const Config& config, Key& key) {
    const auto value = section.require("key", "what the client sends, best written as ${NAME}");
    if (!value) return;
    const std::string* text =
        read_credential(*value, "is empty; anyone could use it. Set it, or remove this entry");
    if (text == nullptr) return;
    if (is_stored_form(*text)) {
        const auto digest = parse_stored_form(*text);
        if (!digest) {
            value->problem(
                "begins with sha256: and has no 64 hexadecimal digits behind it; `understudy key "
                "hash` prints what stands for a key");
            return;
        }
        key.sha256 = *digest;
    } else if (looks_hashed(*text)) {
        value->problem(
            "is a hash in another form than `sha256:` and 64 hexadecimal digits; `understudy key "
            "hash` prints what stands for a key");
        return;
    } else {
        if (text->size() < kShortKey) {
            value->warn("is shorter than " + std::to_string(kShortKey) +
                        " characters and could be guessed; `understudy key new` makes a good one");
        }
        key.sha256 = digest_of(*text);
    }
    for (const Key& other : config.keys) {
        if (other.sha256 == key.sha256) {
            value->problem("is the same as that of " + in_quotes(other.name) +
                           "; every key must be different");
        }
    }
}

void read_allowed(const Section& section, Key& key) {
    const auto value = section.get("routes");
    if (!value) return;
    const auto items = value->items("globs over model names");
    if (value->node().kind == Element::Kind::list && items.empty()) {
        value->problem("is an empty list; remove it to allow every model");
    }
    for (const Value& item : items) {
        const std::string* text = item.text("a glob over model names");
        if (text == nullptr) continue;
        if (!is_model_name(*text)) {
            item.problem(item.shown() + " is not a glob over model names");
        } else if (std::find(key.routes.begin(), key.routes.end(), *text) != key.routes.end()) {
            item.problem(item.shown() + " is listed twice");
        } else {
            key.routes.push_back(*text);
        }
    }
}

void read_key_limits(const Section& section, KeyLimits& limits) {
    const auto value = section.get("limits");
    if (!value) return;
    constexpr std::uint64_t kMost = 1'000'000'000'000;
    const Section keys(*value, key_limit_keys(), "a map of limits");
    limits.requests_per_minute = read_integer(keys, "requests_per_minute", {1, kMost});
    limits.tokens_per_minute = read_integer(keys, "tokens_per_minute", {1, kMost});
    limits.requests_in_flight = read_integer(keys, "requests_in_flight", {1, kMost});
    limits.budget_usd_per_day = read_number(keys, "budget_usd_per_day", {0.01, 1e6});
    limits.budget_usd_per_month = read_number(keys, "budget_usd_per_month", {0.01, 1e6});
    if (value->node().kind == Element::Kind::map && value->node().members.empty()) {
        value->problem("is empty; name a limit or remove the key");
    }
}

void read_expiry(const Section& section, Key& key) {
    const auto value = section.get("expires");
    if (!value) return;
    key.expires = parse(*value, "a date such as 2026-12-31", &parse_time);
    if (key.expires && *key.expires <= std::chrono::system_clock::now()) {
        value->warn("has passed: the key opens nothing");
    }
}

// An origin as browsers write it: scheme, host, port if it is not the scheme's own, nothing else.
bool is_origin(std::string_view text) {
    if (text == "null") return true;
    const auto scheme = text.find("://");
    if (scheme == 0 || scheme == std::string_view::npos) return false;
    const auto host = text.substr(scheme + 3);
    return !host.empty() && std::all_of(host.begin(), host.end(), [](char c) {
        return c > ' ' && c < 0x7f &&
               std::string_view("/?#@*,\\\"").find(c) == std::string_view::npos;
    });
}

bool is_host_glob(std::string_view text) {
    return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               std::string_view("-._*?[]").find(c) != std::string_view::npos;
    });
}

void read_texts(const Value& list, std::string_view expected, bool (*good)(std::string_view),
                std::vector<std::string>& out) {
    for (const Value& item : list.items(expected)) {
        const std::string* text = item.text(expected);
        if (text == nullptr) continue;
        if (!good(*text)) {
            item.problem(item.shown() + " is none of " + std::string(expected));
        } else if (std::find(out.begin(), out.end(), *text) != out.end()) {
            item.problem(item.shown() + " is listed twice");
        } else {
            out.push_back(*text);
        }
    }
}

}  // namespace

void read_doors(const Section& top, Config& config) {
    if (const auto value = top.get("cors")) {
        const Section section(*value, cors_keys(), "a map with origins");
        if (const auto origins = section.get("origins")) {
            read_texts(*origins, "origins such as https://chat.example.com", &is_origin,
                       config.cors_origins);
        }
    }
    if (const auto hosts = top.get("hosts")) {
        read_texts(*hosts, "host names without a port, such as gateway.lan or *.example.com",
                   &is_host_glob, config.hosts);
    }
}

void read_keys(const Section& top, Config& config) {
    const auto value = top.get("keys");
    if (!value) return;
    const auto items = value->items("keys");
    if (value->node().kind == Element::Kind::list && items.empty()) {
        value->problem("is an empty list; name at least one key, or remove it to need none");
    }
    for (const Value& item : items) {
        Key key;
        const Section section(item, key_keys(), "a map with name and key");
        read_key_name(section, config, key);
        read_secret(section, config, key);
        read_allowed(section, key);
        read_key_limits(section, key.limits);
        read_expiry(section, key);
        config.keys.push_back(std::move(key));
    }
}

}  // namespace understudy::config
