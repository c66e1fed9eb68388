#include "limits/refusal.hpp"

#include <array>

namespace understudy::limits {

std::string_view name_of(Limit limit) {
    static constexpr std::array<std::string_view, kLimits> kNames{"none",
                                                                  "requests_per_minute",
                                                                  "tokens_per_minute",
                                                                  "requests_in_flight",
                                                                  "budget_usd_per_day",
                                                                  "budget_usd_per_month",
                                                                  "session_budget"};
    return kNames[static_cast<std::size_t>(limit)];
}

}  // namespace understudy::limits
