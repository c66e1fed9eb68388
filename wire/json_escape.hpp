// The smallest parts of decoding a JSON string, for everybody who decodes one: what an escape
// stands for, and a code point as UTF-8. What becomes of halves of surrogate pairs and of bytes
// that are no UTF-8 is the caller's: readable text replaces them (json_string), text that goes on
// keeps them (json_text). Pure.
#pragma once

#include "wire/octets.hpp"

#include <cstdint>
#include <string>

namespace understudy::wire {

/// The four digits of a \u escape that has been checked.
constexpr std::uint32_t code_unit(const char* digits) noexcept {
    return hex_value(digits[0]) << 12 | hex_value(digits[1]) << 8 | hex_value(digits[2]) << 4 |
           hex_value(digits[3]);
}

/// What the letter behind a backslash stands for, other than `u`: itself, for most.
constexpr char escaped(char letter) noexcept {
    switch (letter) {
        case 'b':
            return '\b';
        case 'f':
            return '\f';
        case 'n':
            return '\n';
        case 'r':
            return '\r';
        case 't':
            return '\t';
        default:
            return letter;
    }
}

/// As UTF-8; a half of a surrogate pair as the three bytes that it would have.
void append_code_point(std::string& out, std::uint32_t code_point);

}  // namespace understudy::wire
