// Token counts and what they cost, in whole pico-dollars (1e-12 USD): sums are exact and do not
// drift.
#pragma once

#include <cstddef>
#include <cstdint>
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
    // Parts of the above that some models have a price of their own for.
    std::uint64_t cache_write_1h = 0;    // of cache_write: kept for an hour instead of minutes
    std::uint64_t audio_input = 0;       // of input
    std::uint64_t image_input = 0;       // of input
    std::uint64_t audio_cache_read = 0;  // of cache_read
    std::uint64_t audio_output = 0;      // of output
    std::uint64_t image_output = 0;      // of output
    /// As OpenAI counts: the whole prompt, the whole completion.
    std::uint64_t prompt() const { return input + cache_read + cache_write; }
    std::uint64_t completion() const { return output + reasoning; }
    std::uint64_t total() const { return prompt() + completion(); }
    bool operator==(const TokenCounts&) const = default;
};

/// What is paid for by the piece.
struct Pieces {
    std::uint64_t requests = 0;  // answered ones
    std::uint64_t images = 0;    // made
    bool operator==(const Pieces&) const = default;
};

/// Pico-dollars per token; nullopt = the table has no such price (then the fallback of
/// cost_pico_usd() applies).
struct Rates {
    std::optional<std::int64_t> input, output, cache_read, cache_write, reasoning;
    std::optional<std::int64_t> cache_write_1h{}, audio_input{}, audio_cache_read{}, audio_output{},
        image_input{}, image_output{};
    bool operator==(const Rates&) const = default;
};

/// Rates by the service tier that the answer names.
struct ServiceRates {
    Rates standard, priority, flex, batch;
    bool operator==(const ServiceRates&) const = default;
};

/// Where a price is from.
enum class PriceOrigin : std::uint8_t { configuration, file, builtin };

/// The price of one model. A tier applies to the WHOLE request when its prompt exceeds `above`
/// tokens.
struct ModelPrice : ServiceRates {
    struct Tier : ServiceRates {
        std::uint64_t above = 0;  // prompt tokens, exclusive
        bool operator==(const Tier&) const = default;
    };
    std::vector<Tier> tiers;                             // ascending
    std::optional<std::int64_t> per_request, per_image;  // pico-dollars each
    std::string provider;                                // litellm_provider, "" for an override
    PriceOrigin origin = PriceOrigin::configuration;
    // No prices, but in the same files: tokens that a prompt and an answer may have; 0: not known.
    std::uint64_t max_prompt = 0, max_output = 0;
    bool operator==(const ModelPrice&) const = default;
};

/// Whether there is such a rate anywhere, for whatever service or length of the prompt.
bool names_rate(const ModelPrice& price, std::optional<std::int64_t> Rates::*rate);

/// Cost in pico-dollars, exactly: a sum of products of whole numbers. Per rate: tier+service, else
/// tier, else service, else base. Without a price of their own cache_read and cache_write count as
/// input, reasoning as output, and a part as what it is a part of; a cache_write price of 0 means
/// "no surcharge", so it counts as input too, and a write for an hour is never cheaper than one for
/// minutes. A request's price is added; that of images counts where there are no tokens, or no
/// price for them. nullopt, which is "not known" and never free of charge, when the model has no
/// price for the tokens or pieces that there are (an answer without images, of a model that has a
/// price for images alone, is such a one), or none at all.
std::optional<std::int64_t> cost_pico_usd(const ModelPrice& price, const TokenCounts& tokens,
                                          std::string_view service_tier, const Pieces& pieces = {});

/// "0.000146625": dollars with as many digits as needed, at most 12, no exponent.
std::string format_usd(std::int64_t pico_usd);

}  // namespace understudy::metrics
