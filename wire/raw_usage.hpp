// A usage block as it was sent, before anybody has said what it means: between the walk that reads
// it (usage.cpp) and the rules that make sense of it (usage_meaning.cpp). Internal to wire.
#pragma once

#include "wire/answer.hpp"
#include "wire/json_cursor.hpp"

#include <cstdint>
#include <optional>
#include <string_view>

namespace understudy::wire {

/// Synonyms folded together; what is 0, null or missing stays 0. No count exceeds kMaxTokenCount,
/// so that no sum of them overflows.
struct RawUsage {
    std::uint32_t prompt = 0;
    std::uint32_t completion = 0;
    std::uint32_t total = 0;
    std::uint32_t cached = 0;
    std::uint32_t written = 0;
    std::uint32_t written_5m = 0, written_1h = 0;  // by lifetime
    std::uint32_t reasoning = 0;
    std::uint32_t cache_miss = 0;
    std::uint32_t audio_prompt = 0, image_prompt = 0;  // of the prompt, the cache's included
    std::uint32_t audio_cached = 0, image_cached = 0;
    std::uint32_t audio_completion = 0, image_completion = 0;
    bool has_prompt = false;
    bool has_completion = false;
    bool has_prompt_details = false;
    bool has_prompt_tokens = false;  // under OpenAI's names, which win over the others
    bool has_completion_tokens = false;
    bool has_flat_cache = false;  // cache counts under Anthropic's names
    bool has_cached = false;
    bool has_written = false;
    bool has_lifetimes = false;
    bool has_reasoning = false;
    bool has_media = false;
    bool impossible = false;  // some number here cannot be: then no other is to be believed
    bool own_key = false;     // OpenRouter: the account's own key at the provider was used
    std::optional<double> cost_pico;
    std::optional<double> provider_cost_pico;  // what the provider takes beside OpenRouter's fee
    int cost_rank = 0;              // of the member that cost_pico came from; higher wins
    std::string_view service_tier;  // as written; Anthropic says it here
};

/// A count; nullopt for null. What no count can be (negative, a fraction, text, too large) makes
/// the whole block impossible: a server that is wrong in one number is not right in the next.
std::optional<std::uint64_t> count_of(const JsonValue& value, bool& impossible);

/// Whether a member of this name counts what came from a cache, or what went into one.
bool is_cache_read(std::string_view key) noexcept;
bool is_cache_write(std::string_view key) noexcept;

/// parse_usage() and parse_usage_metadata(), and what the block says of the tier of service: as
/// written, a slice of the text; empty: nothing.
std::optional<Usage> parse_usage(std::string_view usage_json, std::string_view& service_tier);
std::optional<Usage> parse_usage_metadata(std::string_view metadata_json,
                                          std::string_view& service_tier);

/// What the block means; nullopt when it says nothing, or nothing that can be.
void meaning_of(RawUsage& raw, std::optional<Usage>& usage);

/// Cuts every part to its whole.
void bound_parts(Usage& usage);

/// No answer has that many.
inline bool too_many(const Usage& usage) {
    return usage.prompt > kMaxTokenCount || usage.completion > kMaxTokenCount;
}

}  // namespace understudy::wire
