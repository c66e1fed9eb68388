// Fernet tokens (github.com/fernet/spec), as OpenHands' store writes secrets. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace understudy::config {

/// Whether a stored value is such a token rather than a secret in the clear.
bool looks_encrypted(std::string_view value);

/// The text in `token`, or null when it is damaged or was written with another key. The key is the
/// SHA-256 of `secret_key` (the value of OH_SECRET_KEY): its first half signs, its second encrypts.
/// A token's age is not judged: stored secrets do not expire.
std::optional<std::string> decrypt_fernet(std::string_view token, std::string_view secret_key);

}  // namespace understudy::config
