#include "wire/lax_bool.hpp"

#include "wire/head.hpp"

#include <algorithm>
#include <array>
#include <charconv>

namespace understudy::wire {
namespace {

constexpr std::array<std::string_view, 6> kTrue{"1", "true", "t", "yes", "y", "on"};
constexpr std::array<std::string_view, 6> kFalse{"0", "false", "f", "no", "n", "off"};

}  // namespace

std::optional<bool> lax_bool(std::string_view value) noexcept {
    if (value == "true") return true;
    if (value == "false" || value == "null" || value.empty()) return false;
    double number = 0;
    const char* const end = value.data() + value.size();
    const auto read = std::from_chars(value.data(), end, number);
    if (read.ec == std::errc() && read.ptr == end) {
        if (number != 0 && number != 1) return std::nullopt;
        return number == 1;
    }
    if (value.size() >= 2 && value.front() == '"' && value.back() == '"') {
        value = value.substr(1, value.size() - 2);
    }
    const auto is = [&](std::string_view word) { return iequals(value, word); };
    if (std::any_of(kTrue.begin(), kTrue.end(), is)) return true;
    if (std::any_of(kFalse.begin(), kFalse.end(), is)) return false;
    return std::nullopt;
}

}  // namespace understudy::wire
