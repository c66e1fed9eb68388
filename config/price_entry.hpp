// One model of a price file in LiteLLM's format while its members come in. Pure.
#pragma once

#include "metrics/price.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace understudy::config {

/// What a member takes; unknown: it means nothing here.
enum class PriceMember : std::uint8_t { unknown, number, text, tiers };
PriceMember kind_of_price_member(std::string_view name);
/// Whether it is one of the rates that an element of `tiered_pricing` may have.
bool is_rate_of_tier(std::string_view name);

class PriceEntry {
  public:
    void number(std::string_view name, double n);
    void text(std::string_view name, const std::string& value);
    /// A rate of one element of `tiered_pricing` ...
    void tier_number(std::string_view name, double usd, metrics::Rates& tiered);
    /// ... which is whole: the range that begins at 0 is the base price.
    void tier(std::uint64_t from, const metrics::Rates& tiered);

    /// Some price is negative or above all that is real.
    bool absurd() const { return absurd_; }
    /// The model that it costs the same as; empty: it has prices of its own.
    const std::string& alias() const { return alias_; }
    /// All that came in; once.
    metrics::ModelPrice finish();

  private:
    metrics::Rates& rates(std::uint64_t above, std::string_view service);
    void set(std::optional<std::int64_t>& out, double usd, double most);

    metrics::ModelPrice price_;
    std::map<std::uint64_t, metrics::ModelPrice::Tier> tiers_;  // by threshold
    std::optional<std::int64_t> legacy_cache_read_, per_image_, per_image_too_;
    std::string mode_, alias_;
    bool absurd_ = false;
};

/// What is probably a mistake in the file, in words; null: nothing is.
const char* doubt_of_price(const metrics::ModelPrice& price);

}  // namespace understudy::config
