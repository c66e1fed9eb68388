// What models put before the text that they were asked for: line breaks, an ellipsis, quotes, a
// code fence, the marks of the instruction. Pure.
#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

namespace understudy::proxy::rescue {

struct LeadIn {
    std::size_t bytes = 0;  // at the front of the continuation
    bool quoted = false;    // a quote or a mark is among them: another one closes it
};

/// Every place where the text proper may begin, the front first.
std::vector<LeadIn> lead_ins(std::string_view sent, std::string_view head);

/// What closes a quotation at the front of `rest`: its bytes, or 0.
std::size_t closing_mark(std::string_view rest) noexcept;

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
