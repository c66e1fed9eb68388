// The text of JSON strings, decoded and encoded without losing anything: what was cut in the middle
// of a character must come out again exactly as it went in. decode_string() makes such halves
// readable instead, which is right for logs and wrong for text that is continued.
//
// Text is UTF-8. Half of a surrogate pair stands in it as the three bytes that UTF-8 would have for
// it (ED A0..BF xx, "WTF-8"); bytes that are no UTF-8 stay as they are.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace understudy::wire {

/// Appends what stands between the quotes of a string that has been validated. A low half joins a
/// high half at the end of `text`, also one from an earlier call.
void append_exactly(std::string& text, std::string_view content);

/// Appends `text` as the inside of a JSON string, without quotes. Halves become \udXXX.
void append_encoded(std::string& out, std::string_view text);

/// The half of a surrogate pair at the end of `text`, 0xD800 to 0xDBFF; 0: none.
std::uint32_t high_half_at_end(std::string_view text) noexcept;
/// Bytes of such a half.
inline constexpr std::size_t kHalfBytes = 3;

/// Bytes at the end of `text` that begin a character and do not finish it: an unfinished UTF-8
/// sequence, or a high half.
std::size_t unfinished_bytes(std::string_view text) noexcept;

}  // namespace understudy::wire
