// Token counts and what they cost, in whole pico-dollars (1e-12 USD): sums are exact and do not
// drift.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace understudy::metrics {

/// Disjoint counts: their sum is what was processed.
struct TokenCounts {
    std::uint64_t input = 0;  // prompt tokens neither read from nor written to a cache
    std::uint64_t cache_read = 0;
    std::uint64_t cache_write = 0;
    std::uint64_t output = 0;  // completion tokens that are not reasoning
    std::uint64_t reasoning = 0;
    bool operator==(const TokenCounts&) const = default;
};

/// Pico-dollars per token; nullopt = the table has no such price (then the fallback of cost()
/// applies).
struct Rates {
    std::optional<std::int64_t> input, output, cache_read, cache_write, reasoning;
    bool operator==(const Rates&) const = default;
};

/// The price of one model. A tier applies to the WHOLE request when its prompt exceeds `above`
/// tokens.
struct ModelPrice {
    struct Tier {
        std::uint64_t above = 0;  // prompt tokens, exclusive
        Rates standard, priority, flex;
    };
    Rates standard, priority, flex;  // by the service tier the answer names
    std::vector<Tier> tiers;         // ascending
    std::string provider;            // litellm_provider, "" for an override
};

/// Cost in pico-dollars. Per rate: tier+service, else tier, else service, else base;
/// cache_read and cache_write without a price count as input, reasoning as output; a
/// cache_write price of 0 means "no surcharge", so it counts as input too. nullopt, which is "not
/// known" and never free of charge, when the model has neither an input nor an output price, or
/// lacks the one that these tokens need.
std::optional<std::int64_t> cost_pico_usd(const ModelPrice& price, const TokenCounts& tokens,
                                          std::string_view service_tier);

/// Model name -> price, from a file in LiteLLM's format. Immutable once loaded.
class PriceTable {
  public:
    /// Adds or replaces one model.
    void put(std::string name, ModelPrice price);
    std::size_t size() const { return prices_.size(); }
    /// Exact key, or null.
    const ModelPrice* find(std::string_view key) const;
    /// Looks in this order: "<prefix>/<model>" then the bare name if it belongs to
    /// `provider`, for the model that answered, then for the one configured; each also without a
    /// trailing date, "-latest", or as the base of "ft:". Never by substring. `provider` is a
    /// litellm_provider name; empty = any.
    const ModelPrice* resolve(std::string_view provider, std::string_view answered_model,
                              std::string_view configured_model) const;

    /// Every model by its key.
    const std::map<std::string, ModelPrice, std::less<>>& all() const { return prices_; }

  private:
    std::map<std::string, ModelPrice, std::less<>> prices_;
};

/// "0.000146625": dollars with as many digits as needed, at most 12, no exponent.
std::string format_usd(std::int64_t pico_usd);

}  // namespace understudy::metrics
