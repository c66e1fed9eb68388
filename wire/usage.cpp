// Token counts from every dialect of "OpenAI-compatible" into OpenAI's meaning.
#include "wire/answer_walk.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>

namespace understudy::wire {
namespace {

constexpr double kPicoPerUsd = 1e12;
constexpr double kPicoPerTick = 100;               // xAI: one tick is 1e-10 USD
constexpr double kMaxPico = 10'000 * kPicoPerUsd;  // more for one answer is no price

/// The block as it was sent, synonyms folded together; what is 0, null or missing stays 0.
struct RawUsage {
    std::uint64_t prompt = 0;
    std::uint64_t completion = 0;
    std::uint64_t total = 0;
    std::uint64_t cached = 0;
    std::uint64_t written = 0;
    std::uint64_t reasoning = 0;
    std::uint64_t cache_miss = 0;
    bool has_prompt = false;
    bool has_completion = false;
    bool has_prompt_details = false;
    bool has_prompt_tokens = false;  // under OpenAI's names, which win over the others
    bool has_completion_tokens = false;
    bool has_flat_cache = false;  // cache counts under Anthropic's names
    bool has_cached = false;
    bool has_written = false;
    bool has_reasoning = false;
    bool impossible = false;  // some number here cannot be: then no other is to be believed
    bool own_key = false;     // OpenRouter: the account's own key at the provider was used
    std::optional<double> cost_pico;
    std::optional<double> provider_cost_pico;  // what the provider takes beside OpenRouter's fee
    int cost_rank = 0;  // of the member that cost_pico came from; higher wins
};

/// A plain integer that a count can be; most numbers are. nullopt says only that this is not one.
std::optional<std::uint64_t> integer_of(std::string_view number) noexcept {
    constexpr std::size_t max_digits = 8;  // none of which can exceed kMaxTokenCount
    if (number.size() > max_digits) return std::nullopt;
    std::uint64_t count = 0;
    for (const char c : number) {
        if (c < '0' || c > '9') return std::nullopt;
        count = count * 10 + static_cast<unsigned>(c - '0');
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

/// A count; nullopt for null. What no count can be (negative, a fraction, text, too large) makes
/// the whole block impossible: a server that is wrong in one number is not right in the next.
std::optional<std::uint64_t> count_of(RawUsage& raw, const JsonValue& value) {
    if (value.kind == JsonKind::null) return std::nullopt;
    if (value.kind == JsonKind::number) {
        if (const auto count = integer_of(value.raw)) return count;
        const auto number = number_of(value);
        if (number && *number >= 0 && *number <= static_cast<double>(kMaxTokenCount) &&
            *number == std::floor(*number)) {
            return static_cast<std::uint64_t>(*number);
        }
    }
    raw.impossible = true;
    return std::nullopt;
}

/// Sets one of the two main counts; true when there was one.
bool assign(RawUsage& raw, std::uint64_t& into, bool& has, const JsonValue& value) {
    const auto count = count_of(raw, value);
    if (!count) return false;
    into = *count;
    return has = true;
}

/// For counts with many names: the first that says more than 0 wins. Servers that send several
/// agree, or leave the ones they do not keep at 0.
void keep(RawUsage& raw, std::uint64_t& into, const JsonValue& value) {
    const auto count = count_of(raw, value);
    if (count && into == 0) into = *count;
}
void keep(RawUsage& raw, std::uint64_t& into, bool& has, const JsonValue& value) {
    has |= value.kind == JsonKind::number;
    keep(raw, into, value);
}

/// An amount of money in pico-dollars; nullopt for what is none.
std::optional<double> amount_of(RawUsage& raw, const JsonValue& value, double pico_per_unit) {
    if (value.kind != JsonKind::number) return std::nullopt;
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
    bool prompt_details();
    bool completion_details();
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

bool UsageWalk::member(std::string_view key) {
    if (in_.at_object()) {
        if (is_prompt_details(key)) return prompt_details();
        if (is_completion_details(key)) return completion_details();
        if (key == "cost") return cost();
        if (key == "cost_details") return cost_details();
        // Anthropic: by lifetime, whose sum stands beside it.
        if (key == "cache_creation") return in_.skip();
    }
    JsonValue value;
    if (!in_.take(value)) return false;
    count(key, value);
    return true;
}

void UsageWalk::count(std::string_view key, const JsonValue& value) {
    if (key == "prompt_tokens") {
        raw.has_prompt_tokens |= assign(raw, raw.prompt, raw.has_prompt, value);
    } else if (key == "completion_tokens") {
        raw.has_completion_tokens |= assign(raw, raw.completion, raw.has_completion, value);
    } else if (key == "input_tokens") {
        if (!raw.has_prompt_tokens) assign(raw, raw.prompt, raw.has_prompt, value);
    } else if (key == "output_tokens") {
        if (!raw.has_completion_tokens) assign(raw, raw.completion, raw.has_completion, value);
    } else if (key == "total_tokens") {
        keep(raw, raw.total, value);
    } else {
        rare_count(key, value);
    }
}

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
    }
}

bool UsageWalk::prompt_details() {
    raw.has_prompt_details = true;
    return in_.each_member([this](std::string_view key) {
        JsonValue value;
        if (!in_.take(value)) return false;
        cache_count(key, value);
        return true;
    });
}

bool UsageWalk::completion_details() {
    return in_.each_member([this](std::string_view key) {
        JsonValue value;
        if (!in_.take(value)) return false;
        if (key == "reasoning_tokens") keep(raw, raw.reasoning, raw.has_reasoning, value);
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

/// What a server left out follows from what it sent.
void complete_missing(RawUsage& raw) {
    if (!raw.has_prompt && raw.cached + raw.cache_miss > 0) {
        raw.prompt = raw.cached + raw.cache_miss;
        raw.has_prompt = true;
    }
    if (!raw.has_prompt && raw.total > raw.completion) raw.prompt = raw.total - raw.completion;
    if (!raw.has_completion && raw.total > raw.prompt) raw.completion = raw.total - raw.prompt;
}

/// Servers disagree whether prompt includes the cache and completion the reasoning. The total
/// tells; where there is none, a part that exceeds its whole does. What the total has beyond all
/// parts is output that nobody named.
void repair(RawUsage& raw) {
    const std::uint64_t cache = raw.cached + raw.written;
    const std::uint64_t plain = raw.prompt + raw.completion;
    const bool total_tells = raw.total >= plain && raw.total != 0;
    bool reasoning_apart = !total_tells && raw.reasoning > raw.completion;
    bool cache_apart = cache > raw.prompt;
    std::uint64_t unnamed = 0;
    if (total_tells && raw.total > plain) {
        const std::uint64_t rest = raw.total - plain;
        if (rest == raw.reasoning) {
            reasoning_apart = true;
        } else if (rest == cache) {
            cache_apart = true;
        } else if (rest == raw.reasoning + cache) {
            reasoning_apart = cache_apart = true;
        } else {
            const std::uint64_t apart = cache_apart ? cache : 0;
            unnamed = rest > apart ? rest - apart : 0;
        }
    }
    // Anthropic's own block has no total, and its input never includes the cache.
    if (raw.has_flat_cache && !raw.has_prompt_tokens && raw.total == 0 && !raw.has_prompt_details) {
        cache_apart = true;
    }
    raw.completion += reasoning_apart ? raw.reasoning : unnamed;
    if (cache_apart) raw.prompt += cache;
    raw.reasoning = std::min(raw.reasoning, raw.completion);
}

std::uint8_t said_by(const RawUsage& raw) {
    std::uint8_t said = 0;
    const auto note = [&](bool has, Usage::Said part) {
        if (has) said = static_cast<std::uint8_t>(said | part);
    };
    note(raw.has_prompt || raw.prompt != 0, Usage::said_prompt);
    note(raw.has_completion || raw.completion != 0, Usage::said_completion);
    note(raw.has_cached, Usage::said_cache_read);
    note(raw.has_written, Usage::said_cache_write);
    note(raw.has_reasoning, Usage::said_reasoning);
    return said;
}

/// What the block means; nullopt when it says nothing, or nothing that can be.
std::optional<Usage> meaning_of(RawUsage& raw) {
    if (raw.impossible) return std::nullopt;
    complete_missing(raw);
    if (raw.prompt == 0 && raw.completion == 0 && raw.cached == 0 && raw.written == 0 &&
        raw.reasoning == 0) {
        return std::nullopt;
    }
    repair(raw);
    Usage usage;
    usage.prompt = raw.prompt;
    usage.completion = raw.completion;
    usage.cache_read = raw.cached;
    usage.cache_write = raw.written;
    usage.reasoning = raw.reasoning;
    usage.said = said_by(raw);
    if (raw.cost_pico) {
        const double provider = raw.own_key ? raw.provider_cost_pico.value_or(0) : 0;
        usage.reported_cost_pico_usd =
            static_cast<std::uint64_t>(std::llround(*raw.cost_pico + provider));
    }
    return usage;
}

}  // namespace

bool walk_usage(JsonCursor& in, std::optional<Usage>& usage) {
    UsageWalk walk(in);
    if (!walk.run()) return false;
    usage = meaning_of(walk.raw);
    return true;
}

std::optional<Usage> parse_usage(std::string_view usage_json) {
    JsonCursor in(usage_json);
    in.skip_preamble();
    std::optional<Usage> usage;
    if (in.at_end() || !walk_usage(in, usage) || !in.finish()) return std::nullopt;
    return usage;
}

void merge_usage(Usage& into, const Usage& later) {
    const auto take = [&](std::uint64_t Usage::*count, Usage::Said part) {
        if ((later.said & part) != 0 || later.*count != 0) into.*count = later.*count;
    };
    take(&Usage::prompt, Usage::said_prompt);
    take(&Usage::completion, Usage::said_completion);
    take(&Usage::cache_read, Usage::said_cache_read);
    take(&Usage::cache_write, Usage::said_cache_write);
    take(&Usage::reasoning, Usage::said_reasoning);
    into.said = static_cast<std::uint8_t>(into.said | later.said);
    if (later.reported_cost_pico_usd) into.reported_cost_pico_usd = later.reported_cost_pico_usd;
}

}  // namespace understudy::wire
