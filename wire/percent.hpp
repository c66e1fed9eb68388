// Percent-encoding of request targets (RFC 3986 2.1). Pure.
#pragma once

#include <string>
#include <string_view>

namespace understudy::wire {

/// What %XX stands for put in its place; a % that begins none stays as it is.
std::string percent_decoded(std::string_view text);

/// Appends a name as part of a path: what is not a plain character is encoded, so that no name
/// reaches another path. With `keep_slashes` a slash stays, between parts of the name. A part that
/// is "." or ".." would be taken for a step through the path even when encoded: it gets a "_" in
/// front.
void append_name_in_path(std::string& out, std::string_view name, bool keep_slashes = false);

}  // namespace understudy::wire
