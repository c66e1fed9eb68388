#include "proxy/auth.hpp"

#include <openssl/crypto.h>
#include <openssl/sha.h>

#include <algorithm>

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

}  // namespace

std::optional<LocalError> authenticate(const config::Config& config, Inbound& request) {
    if (config.keys.empty()) return std::nullopt;
    const auto& fields = request.head.fields;
    bool offered = false;
    for (const auto credential : {bearer(fields.find(FieldId::authorization)),
                                  fields.find(FieldId::x_api_key), fields.find(FieldId::api_key)}) {
        if (credential.empty()) continue;
        offered = true;
        request.key = find_key(config, credential);
        if (request.key != nullptr) return std::nullopt;
    }
    return LocalError(401, "invalid_api_key",
                      offered ? "The key is not one of this proxy's keys."
                              : "This proxy needs a key: send it as Authorization: Bearer KEY, "
                                "x-api-key or api-key.");
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
