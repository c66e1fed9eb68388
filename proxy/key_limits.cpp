#include "proxy/key_limits.hpp"

#include <cmath>
#include <cstdint>
#include <optional>
#include <string>

namespace understudy::proxy {

using limits::NanoUsd;
using limits::Period;

namespace {

std::optional<NanoUsd> nano(const std::optional<double>& usd) {
    constexpr double kNanoPerUsd = 1e9;
    if (!usd) return std::nullopt;
    return std::llround(*usd * kNanoPerUsd);
}

LimitWords words_of(const std::string& what, std::uint64_t limit) {
    const auto number = std::to_string(limit);
    return {
        "ratelimit-limit: " + number + "\r\nratelimit-remaining: ",
        "x-ratelimit-limit-" + what + ": " + number + "\r\nx-ratelimit-remaining-" + what + ": "};
}

}  // namespace

limits::Rules limits_of(const config::KeyLimits& limits) {
    limits::Rules rules;
    rules.rates = {limits.requests_per_minute, limits.tokens_per_minute, limits.requests_in_flight};
    rules.budgets.of(Period::day) = nano(limits.budget_usd_per_day);
    rules.budgets.of(Period::month) = nano(limits.budget_usd_per_month);
    return rules;
}

KeyRules::KeyRules(const config::KeyLimits& limits) : rules(limits_of(limits)) {
    const auto& rates = rules.rates;
    if (rates.requests_per_minute) requests = words_of("requests", *rates.requests_per_minute);
    if (rates.tokens_per_minute) tokens = words_of("tokens", *rates.tokens_per_minute);
}

metrics::States::Allowance state_of(const config::Key& key, limits::Allowance& allowance) {
    using limits::Limit;
    using limits::Period;
    const auto rules = limits_of(key.limits);
    const auto now = limits::now();
    metrics::States::Allowance state;
    state.key = key.name;
    const auto denied = [&](bool has, Limit limit) {
        if (has) state.denied.push_back({limits::name_of(limit), allowance.denied(limit)});
    };
    denied(rules.rates.requests_per_minute.has_value(), Limit::requests_per_minute);
    denied(rules.rates.tokens_per_minute.has_value(), Limit::tokens_per_minute);
    denied(rules.rates.requests_in_flight.has_value(), Limit::requests_in_flight);
    const auto budget = [&](Period period, std::string_view name, Limit limit) {
        limits::Budgets one;
        one.of(period) = rules.budgets.of(period);
        denied(one.any(), limit);
        const auto left = allowance.purse()->left(one, now);
        if (!left) return;
        state.budgets.push_back(
            {name, static_cast<std::uint64_t>(*one.of(period)), static_cast<std::uint64_t>(*left)});
    };
    budget(Period::day, "day", Limit::budget_usd_per_day);
    budget(Period::month, "month", Limit::budget_usd_per_month);
    return state;
}

}  // namespace understudy::proxy
