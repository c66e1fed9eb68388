// Classes of octets in HTTP/1 heads (RFC 9110 section 5.6.2, RFC 3986 section 3), one table lookup
// each. Internal to this room.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace understudy::wire {

enum Octet : std::uint8_t {
    kToken = 1,   // tchar: methods and field names
    kTarget = 2,  // what a request target may hold: visible ASCII without '#'
    kValue = 4,   // field values and reason phrases: visible, SP, HTAB and obs-text
    kHost = 8,    // reg-name without ',', so that two joined Host fields never pass for one
    kDigit = 16,
    kHex = 32,
};

inline constexpr std::array<std::uint8_t, 256> kOctets = [] {
    std::array<std::uint8_t, 256> table{};
    const auto mark = [&table](std::string_view set, std::uint8_t bits) {
        for (const char c : set) table[static_cast<unsigned char>(c)] |= bits;
    };
    for (unsigned c = 0x21; c < 0x7f; ++c) table[c] |= kTarget;
    table['#'] &= static_cast<std::uint8_t>(~kTarget);
    for (unsigned c = 0x20; c < 0x100; ++c) table[c] |= kValue;
    table[0x7f] &= static_cast<std::uint8_t>(~kValue);
    table['\t'] |= kValue;
    mark("0123456789", kToken | kHost | kDigit | kHex);
    mark("abcdefABCDEF", kToken | kHost | kHex);
    mark("ghijklmnopqrstuvwxyzGHIJKLMNOPQRSTUVWXYZ", kToken | kHost);
    mark("!#$%&'*+-.^_`|~", kToken);
    mark("-._~%!$&'()*+;=", kHost);
    return table;
}();

constexpr bool is(char c, Octet kind) noexcept {
    return (kOctets[static_cast<unsigned char>(c)] & kind) != 0;
}

constexpr std::string_view trim(std::string_view text) noexcept {
    const auto blank = [](char c) { return c == ' ' || c == '\t'; };
    // A header's value as nearly everybody writes it: one space in front, none behind.
    if (text.size() > 1 && text.front() == ' ' && !blank(text[1]) && !blank(text.back())) {
        return {text.data() + 1, text.size() - 1};
    }
    while (!text.empty() && blank(text.front())) text.remove_prefix(1);
    while (!text.empty() && blank(text.back())) text.remove_suffix(1);
    return text;
}

/// Calls `visit` with each element of a comma-separated list (RFC 9110 5.6.1), trimmed, empty ones
/// left out, until it returns false. Not for lists with quoted strings.
template <class Visit>
constexpr void for_each_element(std::string_view list, Visit visit) {
    while (!list.empty()) {
        const auto comma = list.find(',');
        const auto element = trim(list.substr(0, comma));
        if (!element.empty() && !visit(element)) return;
        if (comma == std::string_view::npos) return;
        list.remove_prefix(comma + 1);
    }
}

/// The value of a hexadecimal digit, which has been checked to be one.
constexpr unsigned hex_value(char c) noexcept {
    return c <= '9' ? static_cast<unsigned>(c - '0') : static_cast<unsigned>((c | 0x20) - 'a' + 10);
}

}  // namespace understudy::wire
