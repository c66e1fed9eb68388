// Token counts from every dialect of "OpenAI-compatible", read where they stand.
#include "wire/answer_walk.hpp"
#include "wire/raw_usage.hpp"

#include <charconv>
#include <cmath>

namespace understudy::wire {

bool is_cache_read(std::string_view key) noexcept {
    return key == "cached_tokens" || key == "num_cached_tokens" || key == "cache_read_tokens" ||
           key == "cache_read_input_tokens" || key == "prompt_cache_hit_tokens" ||
           key == "cached_input_tokens" || key == "input_cached_tokens";
}

bool is_cache_write(std::string_view key) noexcept {
    return key == "cache_write_tokens" || key == "cache_creation_tokens" ||
           key == "cache_creation_input_tokens" || key == "cache_write_input_tokens" ||
           key == "cached_creation_tokens";
}

namespace {

constexpr double kPicoPerUsd = 1e12;
constexpr double kPicoPerTick = 100;  // xAI: one tick is 1e-10 USD
constexpr auto kMaxPico = static_cast<double>(kMaxCostPicoUsd);

/// A plain integer that a count can be; most numbers are. nullopt says only that this is not one.
std::optional<std::uint64_t> integer_of(std::string_view number) noexcept {
    constexpr std::size_t max_digits = 8;  // none of which can exceed kMaxTokenCount
    if (number.size() > max_digits) return std::nullopt;
    std::uint64_t count = 0;
    for (const char c : number) {
        const unsigned digit = static_cast<unsigned char>(c) - unsigned{'0'};
        if (digit > 9) return std::nullopt;
        count = count * 10 + digit;
    }
    return count;
}

std::optional<double> number_of(const JsonValue& value) {
    if (value.kind != JsonKind::number) return std::nullopt;
    double number = 0;
    const auto result =
        std::from_chars(value.raw.data(), value.raw.data() + value.raw.size(), number);
    if (result.ec != std::errc() || !std::isfinite(number)) return std::nullopt;
    return number;
}

/// Sets one of the two main counts under OpenAI's name for it, which wins unless it says nothing.
void assign(RawUsage& raw, std::uint32_t& into, bool& has, bool& openais, const JsonValue& value) {
    const auto count = count_of(value, raw.impossible);
    if (!count) return;
    has = openais = true;
    if (*count != 0) into = static_cast<std::uint32_t>(*count);
}

/// The same under another name.
void assign_other(RawUsage& raw, std::uint32_t& into, bool& has, bool openais,
                  const JsonValue& value) {
    const auto count = count_of(value, raw.impossible);
    if (!count) return;
    has = true;
    if (!openais || into == 0) into = static_cast<std::uint32_t>(*count);
}

/// For counts with many names: the first that says more than 0 wins. Servers that send several
/// agree, or leave the ones they do not keep at 0.
void keep(RawUsage& raw, std::uint32_t& into, const JsonValue& value) {
    const auto count = count_of(value, raw.impossible);
    if (count && into == 0) into = static_cast<std::uint32_t>(*count);
}
void keep(RawUsage& raw, std::uint32_t& into, bool& has, const JsonValue& value) {
    has |= value.kind == JsonKind::number;
    keep(raw, into, value);
}

/// An amount of money in pico-dollars; nullopt for null, and for an object or a list, which says it
/// in a way that nobody knows. Text is no amount, as it is no count.
std::optional<double> amount_of(RawUsage& raw, const JsonValue& value, double pico_per_unit) {
    if (value.kind != JsonKind::number) {
        raw.impossible |= value.kind == JsonKind::string || value.kind == JsonKind::boolean;
        return std::nullopt;
    }
    const auto number = number_of(value);
    const double pico = number.value_or(-1) * pico_per_unit;
    if (pico >= 0 && pico <= kMaxPico) return pico;
    raw.impossible = true;
    return std::nullopt;
}

void keep_cost(RawUsage& raw, const JsonValue& value, double pico_per_unit, int rank) {
    const auto pico = amount_of(raw, value, pico_per_unit);
    if (!pico || rank < raw.cost_rank) return;
    raw.cost_pico = pico;
    raw.cost_rank = rank;
}

/// One usage object, read where it stands.
class UsageWalk {
  public:
    explicit UsageWalk(JsonCursor& in) : in_(in) {}
    bool run() {
        return in_.object_members([this](std::string_view key) { return member(key); });
    }
    RawUsage raw;

  private:
    bool member(std::string_view key);
    void count(std::string_view key, const JsonValue& value);
    void rare_count(std::string_view key, const JsonValue& value);
    bool cache_count(std::string_view key, const JsonValue& value);
    void money(std::string_view key, const JsonValue& value);
    void unread_count(std::string_view key, const JsonValue& value);
    bool prompt_details();
    bool completion_details();
    bool cached_details();
    bool lifetimes();
    bool cost();
    bool cost_details();

    JsonCursor& in_;
};

bool is_prompt_details(std::string_view key) noexcept {
    // The singular forms are Mistral's and those of audio transcriptions.
    return key == "prompt_tokens_details" || key == "input_tokens_details" ||
           key == "prompt_token_details" || key == "input_token_details";
}

bool is_completion_details(std::string_view key) noexcept {
    return key == "completion_tokens_details" || key == "output_tokens_details" ||
           key == "completion_token_details" || key == "output_token_details";
}

/// What was written to the cache, by lifetime: Anthropic's, LiteLLM's.
bool is_lifetimes(std::string_view key) noexcept {
    return key == "cache_creation" || key == "cache_creation_token_details" ||
           key == "cache_creation_tokens_details";
}

bool UsageWalk::member(std::string_view key) {
    if (in_.at_object()) {
        if (is_prompt_details(key)) return prompt_details();
        if (is_completion_details(key)) return completion_details();
        if (key == "cost") return cost();
        if (key == "cost_details") return cost_details();
        if (is_lifetimes(key)) return lifetimes();
    }
    JsonValue value;
    if (!in_.take(value)) return false;
    count(key, value);
    return true;
}

void UsageWalk::count(std::string_view key, const JsonValue& value) {
    if (key == "prompt_tokens") {
        assign(raw, raw.prompt, raw.has_prompt, raw.has_prompt_tokens, value);
    } else if (key == "completion_tokens") {
        assign(raw, raw.completion, raw.has_completion, raw.has_completion_tokens, value);
    } else if (key == "input_tokens") {
        assign_other(raw, raw.prompt, raw.has_prompt, raw.has_prompt_tokens, value);
    } else if (key == "output_tokens") {
        assign_other(raw, raw.completion, raw.has_completion, raw.has_completion_tokens, value);
    } else if (key == "total_tokens") {
        keep(raw, raw.total, value);
    } else {
        rare_count(key, value);
    }
}

/// Counts of the cache have the same many names at the top and in the details.
bool UsageWalk::cache_count(std::string_view key, const JsonValue& value) {
    if (is_cache_read(key)) {
        keep(raw, raw.cached, raw.has_cached, value);
    } else if (is_cache_write(key)) {
        keep(raw, raw.written, raw.has_written, value);
    } else {
        return false;
    }
    return true;
}

void UsageWalk::rare_count(std::string_view key, const JsonValue& value) {
    if (cache_count(key, value)) {
        raw.has_flat_cache |=
            key == "cache_read_input_tokens" || key == "cache_creation_input_tokens";
    } else if (key == "prompt_cache_miss_tokens") {
        keep(raw, raw.cache_miss, value);
    } else if (key == "reasoning_tokens") {
        keep(raw, raw.reasoning, raw.has_reasoning, value);
    } else {
        money(key, value);
    }
}

void UsageWalk::money(std::string_view key, const JsonValue& value) {
    if (key == "cost") {
        keep_cost(raw, value, kPicoPerUsd, 3);
    } else if (key == "cost_in_usd_ticks") {
        keep_cost(raw, value, kPicoPerTick, 2);
    } else if (key == "estimated_cost") {
        keep_cost(raw, value, kPicoPerUsd, 1);
    } else if (key == "is_byok") {
        raw.own_key = value.is_true();
    } else if (key == "service_tier") {
        raw.service_tier = value.string_content();
    } else {
        unread_count(key, value);
    }
}

/// Counts that nothing depends on here. They cannot be impossible either.
void UsageWalk::unread_count(std::string_view key, const JsonValue& value) {
    if (value.kind == JsonKind::number && key.ends_with("_tokens")) count_of(value, raw.impossible);
}

bool UsageWalk::prompt_details() {
    raw.has_prompt_details = true;
    return in_.each_member([this](std::string_view key) {
        if (in_.at_object()) {
            if (key == "cached_tokens_details") return cached_details();
            if (is_lifetimes(key)) return lifetimes();
        }
        JsonValue value;
        if (!in_.take(value)) return false;
        if (cache_count(key, value)) return true;
        if (key == "audio_tokens") {
            keep(raw, raw.audio_prompt, raw.has_media, value);
        } else if (key == "image_tokens") {
            keep(raw, raw.image_prompt, raw.has_media, value);
        } else {
            unread_count(key, value);
        }
        return true;
    });
}

/// Which modalities the cache had.
bool UsageWalk::cached_details() {
    return in_.each_member([this](std::string_view key) {
        JsonValue value;
        if (!in_.take(value)) return false;
        if (key == "audio_tokens") {
            keep(raw, raw.audio_cached, raw.has_media, value);
        } else if (key == "image_tokens") {
            keep(raw, raw.image_cached, raw.has_media, value);
        } else {
            unread_count(key, value);
        }
        return true;
    });
}

bool UsageWalk::lifetimes() {
    return in_.each_member([this](std::string_view key) {
        JsonValue value;
        if (!in_.take(value)) return false;
        if (key == "ephemeral_1h_input_tokens") {
            keep(raw, raw.written_1h, raw.has_lifetimes, value);
        } else if (key == "ephemeral_5m_input_tokens") {
            keep(raw, raw.written_5m, raw.has_lifetimes, value);
        } else {
            unread_count(key, value);
        }
        return true;
    });
}

bool UsageWalk::completion_details() {
    return in_.each_member([this](std::string_view key) {
        JsonValue value;
        if (!in_.take(value)) return false;
        if (key == "reasoning_tokens" || key == "thinking_tokens") {
            keep(raw, raw.reasoning, raw.has_reasoning, value);
        } else if (key == "audio_tokens") {
            keep(raw, raw.audio_completion, raw.has_media, value);
        } else if (key == "image_tokens") {
            keep(raw, raw.image_completion, raw.has_media, value);
        } else {
            unread_count(key, value);
        }
        return true;
    });
}

/// OpenRouter, of an account's own key: `cost` is the fee alone, and this what the provider takes.
bool UsageWalk::cost_details() {
    return in_.each_member([this](std::string_view key) {
        JsonValue value;
        if (!in_.take(value)) return false;
        if (key == "upstream_inference_cost") {
            raw.provider_cost_pico = amount_of(raw, value, kPicoPerUsd);
        }
        return true;
    });
}

/// Perplexity itemises: {"input_tokens_cost":..., "total_cost":...}.
bool UsageWalk::cost() {
    return in_.each_member([this](std::string_view key) {
        JsonValue part;
        if (!in_.take(part)) return false;
        if (key == "total_cost") keep_cost(raw, part, kPicoPerUsd, 3);
        return true;
    });
}

}  // namespace

std::optional<std::uint64_t> count_of(const JsonValue& value, bool& impossible) {
    if (value.kind == JsonKind::null) return std::nullopt;
    if (value.kind == JsonKind::number) {
        if (const auto count = integer_of(value.raw)) return count;
        const auto number = number_of(value);
        if (number && *number >= 0 && *number <= static_cast<double>(kMaxTokenCount) &&
            *number == std::floor(*number)) {
            return static_cast<std::uint64_t>(*number);
        }
    }
    impossible = true;
    return std::nullopt;
}

bool walk_usage(JsonCursor& in, std::optional<Usage>& usage, std::string_view& service_tier) {
    UsageWalk walk(in);
    if (!walk.run()) return false;
    meaning_of(walk.raw, usage);
    if (!walk.raw.service_tier.empty()) service_tier = walk.raw.service_tier;
    return true;
}

std::optional<Usage> parse_usage(std::string_view usage_json, std::string_view& service_tier) {
    JsonCursor in(usage_json);
    in.skip_preamble();
    std::optional<Usage> usage;
    if (in.at_end() || !walk_usage(in, usage, service_tier) || !in.finish()) return std::nullopt;
    return usage;
}

std::optional<Usage> parse_usage(std::string_view usage_json) {
    std::string_view service_tier;
    return parse_usage(usage_json, service_tier);
}

}  // namespace understudy::wire
