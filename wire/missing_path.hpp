// Whether a server says that it does not have the path that it was asked at. Pure; any thread.
#pragma once

#include <string_view>

namespace understudy::wire {

/// Of an answer with this status and error body. A 404 may as well be about the model: then it
/// names it, or speaks of models.
bool says_path_is_missing(unsigned status, std::string_view body, std::string_view model);

}  // namespace understudy::wire
