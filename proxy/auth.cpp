#include "proxy/auth.hpp"

#include "config/scalars.hpp"
#include "wire/percent.hpp"
#include "wire/sha256.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <cstring>

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

// Shows all that may be a key, in the order of looking, until `look` has seen enough.
template <class Look>
void each_offer(const Inbound& request, Look&& look) {
    const auto& fields = request.head.fields;
    if (look(bearer(fields.find(FieldId::authorization)))) return;
    for (const auto id : {FieldId::x_api_key, FieldId::api_key, FieldId::x_goog_api_key}) {
        if (fields.contains(id) && look(fields.find(id))) return;
    }
    if (request.endpoint.dialect != wire::Dialect::gemini) return;
    look(std::string_view(key_in_query(request.head.target)));
}

// Without a branch on what is compared.
bool same(const wire::Sha256Digest& a, const wire::Sha256Digest& b) {
    std::array<std::uint64_t, sizeof a / sizeof(std::uint64_t)> left, right;
    std::memcpy(left.data(), a.data(), sizeof a);
    std::memcpy(right.data(), b.data(), sizeof b);
    std::uint64_t difference = 0;
    for (std::size_t i = 0; i < left.size(); ++i) difference |= left[i] ^ right[i];
    return difference == 0;
}

// Looks at every key, so that the time taken does not tell which one was close.
const config::Key* find_key(const config::Config& config, std::string_view credential) {
    const auto digest = wire::sha256(credential);
    const config::Key* found = nullptr;
    for (const auto& key : config.keys) {
        if (same(digest, key.sha256)) found = &key;
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
    const config::Key* known = nullptr;
    each_offer(request, [&](std::string_view credential) {
        if (credential.empty()) return false;
        offered = true;
        known = find_key(config, credential);
        return known != nullptr;
    });
    if (known != nullptr) {
        if (expired(*known)) return too_late(*known);
        request.key = known;
        return std::nullopt;
    }
    return LocalError(401, "invalid_api_key",
                      offered ? "The key is not one of this proxy's keys."
                              : "This proxy needs a key: send it as Authorization: Bearer KEY, "
                                "x-api-key, x-goog-api-key or api-key.");
}

std::string offered_key(const Inbound& request) {
    std::string found;
    each_offer(request, [&](std::string_view key) {
        const bool fit = std::all_of(key.begin(), key.end(), [](char c) {
            return static_cast<unsigned char>(c) > ' ' && c != '\x7f';
        });
        if (!key.empty() && fit) found = key;
        return !found.empty();
    });
    return found;
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
