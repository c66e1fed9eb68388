// What is text elsewhere and an object here: what came of a call. Pure.
#pragma once

#include "dialects/value.hpp"

#include <string>
#include <string_view>

namespace understudy::dialects::gemini {

/// A result, of which `content` is the inside of a string, as an object. One that is JSON goes as
/// it is, unless that would change its numbers (they are doubles there) or its meaning; anything
/// else stands in `output`, or in `error`.
/// https://ai.google.dev/api/caching#FunctionResponse
std::string result_object(std::string_view content, bool is_error);

}  // namespace understudy::dialects::gemini
