// Small text helpers of the simulated upstream: joining, JSON strings, durations, numbers.
#pragma once

#include <chrono>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>

namespace understudy::mock {

using Duration = std::chrono::microseconds;

/// All parts, one after the other, with one allocation.
std::string join(std::initializer_list<std::string_view> parts);

/// Appends `text` as the inside of a JSON string (no quotes). Bytes that are not UTF-8 come out as
/// \udc80..\udcff, so that Python gets the very bytes back with
/// `.encode("utf-8", "surrogateescape")`.
void append_escaped(std::string& out, std::string_view text);
/// `text` as a JSON string, quotes included.
std::string quoted(std::string_view text);

/// "250ms", "2s", "1.5s", "1m", "1h"; nullopt for anything else.
std::optional<Duration> parse_duration(std::string_view text);
/// Digits only; nullopt for anything else and above `max`.
std::optional<std::uint64_t> parse_number(std::string_view text, std::uint64_t max);

/// True when both are equal, ASCII letters compared without case.
bool same_word(std::string_view a, std::string_view b);
std::string lower(std::string_view text);

/// Lower-case hex SHA-256.
std::string sha256_hex(std::string_view bytes);
/// Standard base64 with padding.
std::string base64(std::string_view bytes);

}  // namespace understudy::mock
