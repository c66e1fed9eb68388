#include "config/profile_secret.hpp"

#include "config/fernet.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <string_view>
#include <vector>

namespace understudy::config {
namespace {

constexpr const char* kSecretKeyVariable = "OH_SECRET_KEY";
constexpr const char* kPreviousKeysVariable = "OH_PREVIOUS_SECRET_KEYS";
constexpr std::size_t kMostPreviousKeys = 100;

bool is_masked(std::string_view secret) {
    return std::all_of(secret.begin(), secret.end(), [](char c) { return c == '*'; });
}

// OpenHands' servers take a list from the environment as JSON in the variable itself, or as one
// variable for each item: NAME_0, NAME_1 ... Null: the variable holds something else.
std::optional<std::vector<std::string>> previous_keys(const Environment& env) {
    std::vector<std::string> keys;
    const auto list = env(kPreviousKeysVariable);
    if (list && !list->empty()) {
        const auto json = nlohmann::json::parse(*list, nullptr, false);
        if (!json.is_array()) return std::nullopt;
        for (const auto& key : json) {
            if (!key.is_string()) return std::nullopt;
            keys.push_back(key.get<std::string>());
        }
        return keys;
    }
    while (keys.size() < kMostPreviousKeys) {
        auto key = env(std::string(kPreviousKeysVariable) + "_" + std::to_string(keys.size()));
        if (!key) break;
        keys.push_back(std::move(*key));
    }
    return keys;
}

}  // namespace

std::optional<std::string> clear_secret(ProfileReader& reader, const char* member,
                                        std::string stored, const Environment& env) {
    if (is_masked(stored)) {
        reader.problem(member,
                       "is masked: the profile was saved without its secret; save it again with "
                       "include_secrets=True, or write the key into the file");
        return std::nullopt;
    }
    if (!looks_encrypted(stored)) return stored;
    const auto current = env(kSecretKeyVariable);
    auto keys = previous_keys(env);
    if (!keys) {
        reader.problem(member,
                       "is encrypted, and OH_PREVIOUS_SECRET_KEYS is not a JSON list of texts, "
                       "such as [\"the key before\"]");
        return std::nullopt;
    }
    if (current) keys->insert(keys->begin(), *current);
    std::erase_if(*keys, [](const std::string& key) { return key.empty(); });
    for (const std::string& key : *keys) {
        if (auto clear = decrypt_fernet(stored, key)) return clear;
    }
    reader.problem(member,
                   keys->empty()
                       ? "is encrypted; set OH_SECRET_KEY to the value that the profile was saved "
                         "with"
                       : "cannot be decrypted: it is damaged, or was saved under a key that is "
                         "neither OH_SECRET_KEY nor among OH_PREVIOUS_SECRET_KEYS");
    return std::nullopt;
}

}  // namespace understudy::config
