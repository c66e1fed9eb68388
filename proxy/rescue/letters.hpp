// Characters of a text, as far as a seam between two texts has to know them: which make up words,
// and which scripts put spaces between those. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace understudy::proxy::rescue {

enum class Letter : std::uint8_t {
    space,
    word,   // letters and digits of scripts that put spaces between words
    dense,  // letters of scripts that do not: Han, kana, Thai, Lao, Khmer, Burmese
    other,  // punctuation, symbols, emoji; also the end of the text
};

/// One character: its code point (0 at the end of the text, the byte itself where there is no
/// UTF-8) and its bytes.
struct Character {
    std::uint32_t code = 0;
    std::size_t bytes = 0;
};

Character character_at(std::string_view text, std::size_t at) noexcept;
/// The one that ends at `end`.
Character character_before(std::string_view text, std::size_t end) noexcept;

Letter letter_of(std::uint32_t code) noexcept;

inline bool is_space(char c) noexcept {
    return c == ' ' || c == '\n' || c == '\t' || c == '\r';
}
/// How many bytes at the front, or at the end, are white space.
std::size_t leading_space(std::string_view text) noexcept;
std::size_t trailing_space(std::string_view text) noexcept;

/// Whether a word may begin at `at`: not in the middle of a character, nor of a word.
bool begins_word(std::string_view text, std::size_t at) noexcept;

/// The run of word characters at the front.
std::string_view first_word(std::string_view text) noexcept;

/// How many words there are; a dense letter counts as one.
std::size_t count_words(std::string_view text) noexcept;

/// Whether `word` stands in `text` as a whole word.
bool has_word(std::string_view text, std::string_view word) noexcept;

}  // namespace understudy::proxy::rescue
