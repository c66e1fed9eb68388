#include "wire/json_text.hpp"

#include "wire/json_escape.hpp"

#include <algorithm>
#include <array>

namespace understudy::wire {
namespace {

unsigned char byte(std::string_view text, std::size_t at) noexcept {
    return static_cast<unsigned char>(text[at]);
}

void append_unit(std::string& text, std::uint32_t unit) {
    const std::uint32_t high = high_half_at_end(text);
    if (high != 0 && unit >= 0xDC00 && unit <= 0xDFFF) {
        text.resize(text.size() - kHalfBytes);
        unit = 0x10000 + ((high - 0xD800) << 10) + (unit - 0xDC00);
    }
    append_code_point(text, unit);
}

void append_hex(std::string& out, std::uint32_t unit) {
    constexpr std::string_view digits = "0123456789abcdef";
    out += "\\u";
    for (int shift = 12; shift >= 0; shift -= 4) out += digits[(unit >> shift) & 0xFU];
}

/// How many bytes a sequence has that begins with `lead`.
std::size_t sequence_bytes(unsigned char lead) noexcept {
    return lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : lead >= 0xC2 ? 2 : 1;
}

/// What cannot stand in a string as it is, or may be a half.
constexpr bool is_plain(char c) noexcept {
    const auto value = static_cast<unsigned char>(c);
    return value >= 0x20 && value != '"' && value != '\\' && value != 0xED;
}

constexpr auto kPlain = [] {
    std::array<bool, 256> plain{};
    for (std::size_t i = 0; i < plain.size(); ++i) plain[i] = is_plain(static_cast<char>(i));
    return plain;
}();

/// One that is not plain.
void append_escape(std::string& out, char c) {
    constexpr std::string_view named = "\n\r\t\"\\";
    constexpr std::string_view letters = "nrt\"\\";
    const auto known = named.find(c);
    if (known != std::string_view::npos) {
        out += '\\';
        out += letters[known];
    } else if (static_cast<unsigned char>(c) < 0x20) {
        append_hex(out, static_cast<std::uint32_t>(c));
    } else {
        out += c;
    }
}

/// The half that begins at `at`, or 0.
std::uint32_t half_at(std::string_view text, std::size_t at) noexcept {
    if (text.size() - at < kHalfBytes || byte(text, at) != 0xED || byte(text, at + 1) < 0xA0)
        return 0;
    return 0xD000U | (byte(text, at + 1) & 0x3FU) << 6 | (byte(text, at + 2) & 0x3FU);
}

}  // namespace

void append_exactly(std::string& text, std::string_view content) {
    for (;;) {
        const auto escape = std::min(content.find('\\'), content.size());
        text.append(content, 0, escape);
        content.remove_prefix(escape);
        if (content.empty()) return;
        if (content[1] == 'u') {
            append_unit(text, code_unit(content.data() + 2));
            content.remove_prefix(6);
        } else {
            text += escaped(content[1]);
            content.remove_prefix(2);
        }
    }
}

void append_encoded(std::string& out, std::string_view text) {
    for (std::size_t i = 0; i < text.size(); ++i) {
        const std::size_t from = i;
        while (i < text.size() && kPlain[byte(text, i)]) ++i;
        out.append(text, from, i - from);
        if (i == text.size()) return;
        const std::uint32_t half = half_at(text, i);
        if (half != 0) {
            append_hex(out, half);
            i += kHalfBytes - 1;
        } else {
            append_escape(out, text[i]);
        }
    }
}

std::uint32_t high_half_at_end(std::string_view text) noexcept {
    if (text.size() < kHalfBytes) return 0;
    const std::uint32_t half = half_at(text, text.size() - kHalfBytes);
    return half >= 0xD800 && half <= 0xDBFF ? half : 0;
}

std::size_t unfinished_bytes(std::string_view text) noexcept {
    if (high_half_at_end(text) != 0) return kHalfBytes;
    for (std::size_t back = 1; back <= std::min<std::size_t>(3, text.size()); ++back) {
        const auto lead = byte(text, text.size() - back);
        if ((lead & 0xC0U) == 0x80U) continue;
        return sequence_bytes(lead) > back ? back : 0;
    }
    return 0;
}

}  // namespace understudy::wire
