// Numbers into text that is being built, without a string of their own.
#pragma once

#include <array>
#include <charconv>
#include <cstdint>
#include <string>

namespace understudy::wire {

/// Appends `number` in decimal.
inline void append_number(std::string& out, std::uint64_t number) {
    std::array<char, 20> digits;
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr;
    out.append(digits.data(), end);
}

}  // namespace understudy::wire
