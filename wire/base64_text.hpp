// Whether a text is base64, told by its beginning. Pure; any thread.
#pragma once

#include <string_view>

namespace understudy::wire {

/// At least 512 characters of which the first 512 are of base64, in either alphabet or with the
/// escapes of JSON, and small letters, capitals and digits are among them: nobody writes that many
/// in a row without a space.
bool is_base64(std::string_view content) noexcept;

namespace detail {
/// The same on any machine; is_base64() takes what this one does best.
bool is_base64_anywhere(std::string_view content) noexcept;
}  // namespace detail

}  // namespace understudy::wire
