// How much of a text is base64, told by its beginning and by samples. Pure; any thread.
#pragma once

#include <cstddef>
#include <string_view>

namespace understudy::wire {

/// At least 512 characters of which the first 512 are of base64, in either alphabet or with the
/// escapes of JSON, and small letters, capitals and digits are among them: nobody writes that many
/// in a row without a space. What is written as \uXXXX, Chinese say, is text.
bool is_base64(std::string_view content) noexcept;

/// How much at the front is base64, of a text that begins as is_base64() has it: nothing, all, or
/// up to where it ends. A long one is looked at in some places only.
std::size_t base64_at_front(std::string_view content) noexcept;

/// So many characters of base64 are found wherever they stand.
inline constexpr std::size_t kFoundBase64 = 1024;

/// Where base64 begins in the middle of a text that does not begin with it, for base64_at_front();
/// npos: nowhere. Of runs below kFoundBase64 not all are found: a long text is looked at in some
/// places only.
std::size_t find_base64(std::string_view text) noexcept;

/// The characters of base64 at the front, however few, with the escapes of its line breaks.
std::size_t base64_run(std::string_view text) noexcept;

namespace detail {
/// As is_base64(), on any machine; that takes what this one does best.
bool is_base64_anywhere(std::string_view content) noexcept;
/// As base64_at_front(), of a text that begins so: likewise.
std::size_t base64_at_front_anywhere(std::string_view content) noexcept;
}  // namespace detail

}  // namespace understudy::wire
