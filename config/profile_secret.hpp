// The secret of one profile in the clear, whichever way the store wrote it.
#pragma once

#include "config/load.hpp"
#include "config/profile_reader.hpp"

#include <optional>
#include <string>

namespace understudy::config {

/// What `member` (api_key, say) holds, which is `stored`: plain text as it is, a token decrypted
/// with OH_SECRET_KEY or, after a rotation, with one of OH_PREVIOUS_SECRET_KEYS. Null, and a
/// problem of the profile, where the secret is masked or no key opens it.
std::optional<std::string> clear_secret(ProfileReader& reader, const char* member,
                                        std::string stored, const Environment& env);

}  // namespace understudy::config
