// How an inbound key is kept in a file without being in it: as its SHA-256. A key that was made at
// random has more bits than anybody can try, so that nothing slower or salted would add anything;
// one that people thought up is worth neither. Pure.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace understudy::config {

using KeyDigest = std::array<std::uint8_t, 32>;

KeyDigest digest_of(std::string_view key);

/// "sha256:" and 64 hexadecimal digits.
std::string stored_form(std::string_view key);
/// Whether this is meant as such a form, right or wrong.
bool is_stored_form(std::string_view text);
std::optional<KeyDigest> parse_stored_form(std::string_view text);

/// Below this many characters, guessing is worth trying.
inline constexpr std::size_t kShortKey = 16;

/// A new key from so much randomness: "sk-us-" and 43 characters that need no quotes anywhere.
std::string key_from(const std::array<std::uint8_t, 32>& random);

}  // namespace understudy::config
