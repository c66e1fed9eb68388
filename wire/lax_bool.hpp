// What a value that should be true or false is taken for by servers that are not strict about it.
#pragma once

#include <optional>
#include <string_view>

namespace understudy::wire {

/// `value`: a JSON value as written, or the text of a form's field. As pydantic reads it, which
/// most servers in Python are made with: true, 1, "1", "true", "t", "yes", "y", "on" and their
/// opposites, in any case. Null, and an empty field, are false. nullopt: no server reads it.
/// https://docs.pydantic.dev/latest/api/standard_library_types/#booleans
std::optional<bool> lax_bool(std::string_view value) noexcept;

}  // namespace understudy::wire
