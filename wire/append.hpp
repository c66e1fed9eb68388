// Text of heads that is being built: numbers and header lines, without strings of their own.
#pragma once

#include <array>
#include <charconv>
#include <cstdint>
#include <string>
#include <string_view>

namespace understudy::wire {

/// Appends `number` in decimal.
inline void append_number(std::string& out, std::uint64_t number) {
    std::array<char, 20> digits;
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr;
    out.append(digits.data(), end);
}

/// Appends one header line, "name: value" and CRLF. Both must be fit for a header.
inline void append_field(std::string& out, std::string_view name, std::string_view value) {
    out.append(name).append(": ").append(value).append("\r\n");
}
inline void append_field(std::string& out, std::string_view name, std::uint64_t value) {
    out.append(name).append(": ");
    append_number(out, value);
    out.append("\r\n");
}

}  // namespace understudy::wire
