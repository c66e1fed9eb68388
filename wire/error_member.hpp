// Whether an `error` member says that something went wrong. Servers send one beside every answer.
#pragma once

#include "wire/json_cursor.hpp"

#include <string_view>

namespace understudy::wire {

/// Steps over the value of such a member. `something` becomes true when it holds any word or number
/// but those that say nothing (null, false, 0, "", and lists and objects of nothing else) and those
/// that say that all is well (a 2xx, "0", "OK", "success").
bool walk_error(JsonCursor& in, bool& something);
/// The same for a value that stands alone. What cannot be read says something.
bool tells_error(std::string_view value);

}  // namespace understudy::wire
