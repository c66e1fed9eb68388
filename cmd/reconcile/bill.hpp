// A provider's exported bill: what it says of each day and model. What the columns are called is
// data (bill.cpp). Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace understudy::cmd::reconcile {

/// Figures that a bill need not have.
struct Billed {
    std::string model;  // as the bill writes it; empty: it does not tell models apart
    std::optional<std::uint64_t> requests, prompt_tokens, completion_tokens;
    std::optional<std::int64_t> cost_nano_usd;
};

/// "2026-11-29", and what same_model() makes of a model's name.
using DayAndModel = std::pair<std::string, std::string>;

struct ProviderBill {
    std::map<DayAndModel, Billed> lines;
    bool by_model = true, has_cost = false, has_tokens = false;
    std::string error;  // not empty: with the line, and what was expected
};

enum class Provider : std::uint8_t { openai, anthropic, openrouter };
std::optional<Provider> provider_from(std::string_view name);
std::string_view name_of(Provider provider);

/// What two spellings of one model have in common: no date, no capitals, dots as dashes; and at
/// OpenRouter, which turns the words of a name around in places, their order and the variant.
std::string same_model(Provider provider, std::string_view model);

/// The day of "2026-11-29 10:00:00", "2026-11-29T10:00:00+00:00", "2026/11/29" or seconds since
/// 1970; empty: it is none.
std::string day_of(std::string_view text);
/// Nano-dollars in "$1,234.50" or "1e-05"; nullopt: it is no amount.
std::optional<std::int64_t> amount_of(std::string_view text);

ProviderBill read_bill(Provider provider, std::string_view csv);

}  // namespace understudy::cmd::reconcile
