#include "proxy/auth.hpp"

#include "config/scalars.hpp"
#include "wire/percent.hpp"

#include <openssl/crypto.h>
#include <openssl/sha.h>

#include <algorithm>
#include <array>
#include <chrono>

namespace understudy::proxy {

using wire::FieldId;

namespace {

std::string_view bearer(std::string_view authorization) {
    constexpr std::string_view kScheme = "bearer ";
    if (!wire::istarts_with(authorization, kScheme)) return {};
    authorization.remove_prefix(kScheme.size());
    while (authorization.starts_with(' ')) authorization.remove_prefix(1);
    return authorization;
}

// Google's libraries send keys in a header; its examples write `?key=...`.
std::string key_in_query(std::string_view target) {
    constexpr std::string_view kName = "key=";
    auto query = target.substr(std::min(target.find('?'), target.size()));
    while (!query.empty()) {
        query.remove_prefix(1);  // the mark or the glue
        const auto end = std::min(query.find('&'), query.size());
        const auto pair = query.substr(0, end);
        if (pair.starts_with(kName)) return wire::percent_decoded(pair.substr(kName.size()));
        query.remove_prefix(end);
    }
    return {};
}

// All that may be a key, in the order of looking; `in_query` is kept there.
std::array<std::string_view, 5> offers(const Inbound& request, std::string& in_query) {
    const auto& fields = request.head.fields;
    if (request.endpoint.dialect == wire::Dialect::gemini) {
        in_query = key_in_query(request.head.target);
    }
    return {bearer(fields.find(FieldId::authorization)), fields.find(FieldId::x_api_key),
            fields.find(FieldId::api_key), fields.find(FieldId::x_goog_api_key), in_query};
}

// Looks at every key, so that the time taken does not tell which one was close.
const config::Key* find_key(const config::Config& config, std::string_view credential) {
    unsigned char digest[SHA256_DIGEST_LENGTH];
    SHA256(reinterpret_cast<const unsigned char*>(credential.data()), credential.size(), digest);
    const config::Key* found = nullptr;
    for (const auto& key : config.keys) {
        if (CRYPTO_memcmp(digest, key.sha256.data(), sizeof digest) == 0) found = &key;
    }
    return found;
}

bool expired(const config::Key& key) {
    return key.expires && std::chrono::system_clock::now() >= *key.expires;
}

LocalError too_late(const config::Key& key) {
    return {401, "api_key_expired",
            "The key \"" + key.name + "\" was good until " + config::format_time(*key.expires) +
                ". Ask whoever runs this proxy for another one."};
}

}  // namespace

std::optional<LocalError> authenticate(const config::Config& config, Inbound& request) {
    if (config.keys.empty()) return std::nullopt;
    bool offered = false;
    std::string in_query;
    for (const auto credential : offers(request, in_query)) {
        if (credential.empty()) continue;
        offered = true;
        const auto* const key = find_key(config, credential);
        if (key == nullptr) continue;
        if (expired(*key)) return too_late(*key);
        request.key = key;
        return std::nullopt;
    }
    return LocalError(401, "invalid_api_key",
                      offered ? "The key is not one of this proxy's keys."
                              : "This proxy needs a key: send it as Authorization: Bearer KEY, "
                                "x-api-key, x-goog-api-key or api-key.");
}

std::string offered_key(const Inbound& request) {
    std::string in_query;
    for (const auto key : offers(request, in_query)) {
        const bool fit = std::all_of(key.begin(), key.end(), [](char c) {
            return static_cast<unsigned char>(c) > ' ' && c != '\x7f';
        });
        if (!key.empty() && fit) return std::string(key);
    }
    return {};
}

std::optional<LocalError> authorize(const Inbound& request, std::string_view model) {
    if (request.key == nullptr || request.key->routes.empty()) return std::nullopt;
    const auto& routes = request.key->routes;
    const bool allowed = std::any_of(routes.begin(), routes.end(), [&](const auto& pattern) {
        return config::glob_match(pattern, model);
    });
    if (allowed) return std::nullopt;
    LocalError error(403, "model_not_allowed",
                     "The key \"" + request.key->name + "\" may not use this model.");
    error.param = "model";
    return error;
}

}  // namespace understudy::proxy
