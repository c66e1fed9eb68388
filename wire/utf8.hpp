// Whether a text is UTF-8, and what can be made of one that is not. Strict parsers refuse a whole
// text for one such byte. Pure; any thread.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace understudy::wire {

/// Length of the valid sequence at the front of `text`, which begins with a byte of 0x80 or more; 0
/// where there is none (overlong forms, surrogates and what lies beyond Unicode are none).
std::size_t utf8_sequence(std::string_view text) noexcept;

bool is_utf8(std::string_view text) noexcept;

/// The text with U+FFFD in the place of each byte that is none of a valid sequence.
std::string repaired_utf8(std::string_view text);

}  // namespace understudy::wire
