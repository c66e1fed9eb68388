// One letter of a secret as a server may write it that echoes it: the escapes of JSON (also of JSON
// in a JSON string), of URLs and of HTML, each of them once more escaped by the next. Internal to
// this room; pure.
#pragma once

#include <cstddef>
#include <string_view>

namespace understudy::upstreams {

/// Letters and digits, which no common writer escapes.
constexpr bool is_plain_letter(char c) noexcept {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/// Bytes of the longest form of any letter.
inline constexpr std::size_t kLongestLetter = 12;

/// Bytes of the longest form of `letter` with which `text` begins; 0: it begins with none.
std::size_t letter_at(std::string_view text, char letter) noexcept;
/// The same for the end of `text`.
std::size_t letter_before(std::string_view text, char letter) noexcept;

}  // namespace understudy::upstreams
