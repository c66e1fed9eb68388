#include "proxy/rescue/letters.hpp"

#include <algorithm>
#include <array>

namespace understudy::proxy::rescue {
namespace {

struct Range {
    std::uint32_t first, last;
};

// Blocks of the Unicode standard whose scripts are written without spaces between words.
constexpr std::array kDense{
    Range{0x0E00, 0x0EFF},    // Thai, Lao
    Range{0x1000, 0x109F},    // Burmese
    Range{0x1780, 0x17FF},    // Khmer
    Range{0x2E80, 0x2FDF},    // radicals
    Range{0x3005, 0x3007},    // iteration marks
    Range{0x3040, 0x31FF},    // kana, bopomofo
    Range{0x3400, 0x4DBF},    // Han
    Range{0x4E00, 0x9FFF},    // Han
    Range{0xF900, 0xFAFF},    // Han
    Range{0xFF66, 0xFF9F},    // kana of half width
    Range{0x20000, 0x3FFFF},  // Han
};
// What is no letter above ASCII: signs of Latin-1, punctuation, symbols, emoji.
constexpr std::array kSigns{
    Range{0x0080, 0x00A9},   Range{0x00AB, 0x00B4},    Range{0x00B6, 0x00B9}, Range{0x00BB, 0x00BF},
    Range{0x00D7, 0x00D7},   Range{0x00F7, 0x00F7},    Range{0x2000, 0x206F}, Range{0x20A0, 0x2BFF},
    Range{0x3000, 0x303F},   Range{0xFE00, 0xFE0F},    Range{0xFE30, 0xFE6F}, Range{0xFF00, 0xFF0F},
    Range{0xFF1A, 0xFF20},   Range{0xFF3B, 0xFF40},    Range{0xFF5B, 0xFF65}, Range{0xFFF0, 0xFFFF},
    Range{0x1F000, 0x1FAFF}, Range{0xE0000, 0x10FFFF},
};

bool is_in(const auto& ranges, std::uint32_t code) noexcept {
    return std::any_of(ranges.begin(), ranges.end(), [code](const Range& range) {
        return code >= range.first && code <= range.last;
    });
}

bool is_tail(std::string_view text, std::size_t at) noexcept {
    return (static_cast<unsigned char>(text[at]) & 0xC0U) == 0x80U;
}

bool is_word_at(std::string_view text, std::size_t at) noexcept {
    return letter_of(character_at(text, at).code) == Letter::word;
}

}  // namespace

Character character_at(std::string_view text, std::size_t at) noexcept {
    if (at >= text.size()) return {};
    const auto lead = static_cast<unsigned char>(text[at]);
    if (lead < 0x80) return {lead, 1};
    const std::size_t bytes = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : lead >= 0xC2 ? 2 : 1;
    if (bytes == 1 || text.size() - at < bytes) return {lead, 1};
    std::uint32_t code = lead & (0x7FU >> bytes);
    for (std::size_t i = 1; i < bytes; ++i) {
        if (!is_tail(text, at + i)) return {lead, 1};
        code = code << 6 | (static_cast<unsigned char>(text[at + i]) & 0x3FU);
    }
    return {code, bytes};
}

Character character_before(std::string_view text, std::size_t end) noexcept {
    if (end == 0 || end > text.size()) return {};
    std::size_t at = end - 1;
    while (at > 0 && end - at < 4 && is_tail(text, at)) --at;
    const Character found = character_at(text, at);
    if (at + found.bytes == end) return found;
    return {static_cast<unsigned char>(text[end - 1]), 1};
}

Letter letter_of(std::uint32_t code) noexcept {
    if (code < 0x80) {
        const auto c = static_cast<char>(code);
        if (is_space(c)) return Letter::space;
        const bool word =
            (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
        return word ? Letter::word : Letter::other;
    }
    if (code == 0xA0 || code == 0x3000) return Letter::space;
    if (is_in(kDense, code)) return Letter::dense;
    return is_in(kSigns, code) ? Letter::other : Letter::word;
}

std::size_t leading_space(std::string_view text) noexcept {
    std::size_t count = 0;
    while (count < text.size() && is_space(text[count])) ++count;
    return count;
}

std::size_t trailing_space(std::string_view text) noexcept {
    std::size_t count = 0;
    while (count < text.size() && is_space(text[text.size() - 1 - count])) ++count;
    return count;
}

bool begins_word(std::string_view text, std::size_t at) noexcept {
    if (at >= text.size() || is_tail(text, at) || is_space(text[at])) return false;
    if (letter_of(character_at(text, at).code) != Letter::word) return true;
    return letter_of(character_before(text, at).code) != Letter::word;
}

std::string_view first_word(std::string_view text) noexcept {
    std::size_t end = 0;
    while (end < text.size() && is_word_at(text, end)) end += character_at(text, end).bytes;
    return text.substr(0, end);
}

std::size_t count_words(std::string_view text) noexcept {
    std::size_t words = 0;
    for (std::size_t at = 0; at < text.size(); at += character_at(text, at).bytes) {
        const Letter letter = letter_of(character_at(text, at).code);
        if (letter == Letter::dense || (letter == Letter::word && begins_word(text, at))) ++words;
    }
    return words;
}

bool has_word(std::string_view text, std::string_view word) noexcept {
    if (word.empty()) return false;
    for (auto at = text.find(word); at != std::string_view::npos; at = text.find(word, at + 1)) {
        if (begins_word(text, at) && !is_word_at(text, at + word.size())) return true;
    }
    return false;
}

}  // namespace understudy::proxy::rescue
