// The end of a text, as another server is told of it. Pure.
#pragma once

#include <string_view>

namespace understudy::proxy::rescue {

/// What of a text can be sent as the beginning of an answer: whole characters, no white space at
/// the end.
std::string_view sendable(std::string_view text) noexcept;

/// The last words that an instruction quotes: at most 60 characters, from the beginning of a word
/// on, on one line where that is possible.
std::string_view anchor_of(std::string_view text) noexcept;

}  // namespace understudy::proxy::rescue
