// Why something is not allowed now, and when it may be again. A value.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace understudy::limits {

enum class Limit : std::uint8_t {
    none,
    requests_per_minute,
    tokens_per_minute,
    requests_in_flight,
    budget_usd_per_day,
    budget_usd_per_month,
    session_budget,
};
inline constexpr std::size_t kLimits = 7;
/// As the configuration names it.
std::string_view name_of(Limit limit);

struct Refusal {
    Refusal() = default;
    explicit Refusal(Limit l) : limit(l) {}
    Limit limit = Limit::none;
    /// There is something left, but it is held for what is under way.
    bool held = false;
    std::optional<std::chrono::seconds> again;  // none: never, as far as is known
    explicit operator bool() const { return limit != Limit::none; }
};

}  // namespace understudy::limits
