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

/// The line (from 1) that opens a quote which nothing closes up to the end: the parser takes all
/// that follows for its value and does not complain. 0: there is none.
int unclosed_quote(std::string_view text);

}  // namespace understudy::config
