// What models put before the text that they were asked for: line breaks, an ellipsis, quotes, a
// code fence, the marks of the instruction. Pure.
#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

namespace understudy::proxy::rescue {

/// Every place where the text proper may begin, in bytes, the front first.
std::vector<std::size_t> lead_ins(std::string_view sent, std::string_view head);

/// An ellipsis at the front, "..." or its one character, or more dots: its bytes, or 0.
std::size_t ellipsis(std::string_view text) noexcept;

/// The line that opens a code block at the front ("```python\n"): its bytes, or 0.
std::size_t fence_line(std::string_view text) noexcept;

/// Whether a text ends inside a code block.
bool ends_in_block(std::string_view text) noexcept;

/// Whether a word stands by itself somewhere in `text`, or in nearly every English one: then it is
/// not likely to be the beginning of another.
bool is_known_word(std::string_view text, std::string_view word) noexcept;

}  // namespace understudy::proxy::rescue
