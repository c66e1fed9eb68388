// Globs over model names: `*` any run, `?` one character, everything else itself.
#pragma once

#include <string_view>

namespace understudy::config {

/// Whether everything that `narrow` matches is surely matched by `wide` too. May miss exotic cases,
/// is never wrong when it says yes.
bool glob_covers(std::string_view wide, std::string_view narrow);

/// Whether some name is matched by both.
bool globs_meet(std::string_view one, std::string_view other);

}  // namespace understudy::config
