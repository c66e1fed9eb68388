// The ids that this program gives to requests: they begin with the time, so that a row is found by
// its id without an index of ids.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace understudy::ledger {

/// "req_", the milliseconds since 1970 in 12 hex digits, and 20 more of chance.
inline constexpr std::string_view kRequestIdPrefix = "req_";
inline constexpr std::size_t kTimeDigits = 12;
inline constexpr std::size_t kChanceDigits = 20;

/// When a request with this id began, in microseconds since 1970; nullopt: the id is not one of
/// ours.
std::optional<std::int64_t> begun_us(std::string_view id);
inline bool made_here(std::string_view id) {
    return begun_us(id).has_value();
}

}  // namespace understudy::ledger
