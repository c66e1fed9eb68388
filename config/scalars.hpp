// Durations, sizes, numbers and percentages as people write them. Pure: text in, value or the
// reason why not out. The proxy reads `x-understudy-deadline` with the same function.
#pragma once

#include "config/config.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace understudy::config {

/// A value, or what is wrong with the text (which the error quotes).
template <class T>
struct Parsed {
    std::optional<T> value;
    std::string error;
    explicit operator bool() const { return value.has_value(); }
};

/// `250ms`, `5s`, `2m`, `1h`, also `1.5s`; whole milliseconds. A bare number is refused, because
/// nobody agrees on its unit.
Parsed<Duration> parse_duration(std::string_view text);
/// `90d`, or a duration of whole hours, at least one: `12h`; 36,500 days at most. `forever`
/// is 0.
Parsed<std::chrono::hours> parse_age(std::string_view text);
/// The shortest way to write it: `90s`, `5m`, `250ms`.
std::string format_duration(Duration duration);

/// `64KiB`, `8MiB`, `1GiB`, `512B` or plain bytes.
Parsed<std::uint64_t> parse_size(std::string_view text);
std::string format_size(std::uint64_t bytes);

/// Decimal digits only.
Parsed<std::uint64_t> parse_integer(std::string_view text);

/// A plain decimal number, not negative: `2.50`, `0`.
Parsed<double> parse_number(std::string_view text);

/// `5%` -> 5.
Parsed<double> parse_percent(std::string_view text);

/// `2026-12-31`, which is the end of that day in UTC, or `2026-12-31T18:00:00Z`.
Parsed<std::chrono::sys_seconds> parse_time(std::string_view text);
/// As the second form has it.
std::string format_time(std::chrono::sys_seconds time);

/// `true` or `false`.
Parsed<bool> parse_boolean(std::string_view text);

}  // namespace understudy::config
