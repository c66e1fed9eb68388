// What is probably wrong with a text that is not YAML. The parser's own messages name the place
// where it gave up, which is often far below the mistake. Pure.
#pragma once

#include <string>
#include <string_view>

namespace understudy::config {

/// "; inside { } and [ ] a reference needs quotes ...", "; line 3 opens a quote that is not closed
/// there", "; line 5 ...": the likeliest mistake in `text` at or above `line` (1-based; 0:
/// unknown), or nothing. Never repeats a value.
std::string yaml_hint(std::string_view text, int line);

}  // namespace understudy::config
