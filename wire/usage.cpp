// Token counts from every dialect of "OpenAI-compatible" into OpenAI's meaning
// (compat-quirks.md 1.5).
#include "wire/answer_walk.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>

namespace understudy::wire {
namespace {

/// More tokens than this is garbage, not a count; it also keeps sums far from overflow.
constexpr std::uint64_t kMaxCount = 1'000'000'000'000;
constexpr double kPicoPerUsd = 1e12;
constexpr double kPicoPerTick = 100;  // xAI: one tick is 1e-10 USD
constexpr double kMaxPico = 1e18;     // a million dollars for one answer is garbage too

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
    std::optional<double> cost_pico;
    int cost_rank = 0;  // of the member that cost_pico came from; higher wins
};

/// A plain integer that a count can be; most numbers are. nullopt says only that this is not one.
std::optional<std::uint64_t> integer_of(std::string_view number) noexcept {
    constexpr std::size_t max_digits = 12;  // none of which can exceed kMaxCount
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

/// A count; nullopt for what is none. Negative counts as 0, fractions are cut.
std::optional<std::uint64_t> count_of(const JsonValue& value) {
    if (value.kind != JsonKind::number) return std::nullopt;
    if (const auto count = integer_of(value.raw)) return count;
    const auto number = number_of(value);
    if (!number || *number > static_cast<double>(kMaxCount)) return std::nullopt;
    return *number <= 0 ? 0 : static_cast<std::uint64_t>(*number);
}

/// Sets one of the two main counts; true when there was one.
bool assign(std::uint64_t& into, bool& has, const JsonValue& value) {
    const auto count = count_of(value);
    if (!count) return false;
    into = *count;
    return has = true;
}

/// For counts with many names: the first that says more than 0 wins. Servers that send several
/// agree, or leave the ones they do not keep at 0.
void keep(std::uint64_t& into, const JsonValue& value) {
    const auto count = count_of(value);
    if (count && into == 0) into = *count;
}

void keep_cost(RawUsage& raw, const JsonValue& value, double pico_per_unit, int rank) {
    const auto number = number_of(value);
    if (!number || rank < raw.cost_rank) return;
    const double pico = std::max(*number, 0.0) * pico_per_unit;
    if (pico > kMaxPico) return;
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
    bool prompt_details();
    bool completion_details();
    bool cost();

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
    }
    JsonValue value;
    if (!in_.take(value)) return false;
    count(key, value);
    return true;
}

void UsageWalk::count(std::string_view key, const JsonValue& value) {
    if (key == "prompt_tokens") {
        raw.has_prompt_tokens |= assign(raw.prompt, raw.has_prompt, value);
    } else if (key == "completion_tokens") {
        raw.has_completion_tokens |= assign(raw.completion, raw.has_completion, value);
    } else if (key == "input_tokens") {
        if (!raw.has_prompt_tokens) assign(raw.prompt, raw.has_prompt, value);
    } else if (key == "output_tokens") {
        if (!raw.has_completion_tokens) assign(raw.completion, raw.has_completion, value);
    } else if (key == "total_tokens") {
        keep(raw.total, value);
    } else {
        rare_count(key, value);
    }
}

void UsageWalk::rare_count(std::string_view key, const JsonValue& value) {
    if (key == "num_cached_tokens" || key == "cached_tokens" || key == "prompt_cache_hit_tokens") {
        keep(raw.cached, value);
    } else if (key == "prompt_cache_miss_tokens") {
        keep(raw.cache_miss, value);
    } else if (key == "cache_read_input_tokens") {
        keep(raw.cached, value);
        raw.has_flat_cache = true;
    } else if (key == "cache_creation_input_tokens") {
        keep(raw.written, value);
        raw.has_flat_cache = true;
    } else if (key == "reasoning_tokens") {
        keep(raw.reasoning, value);
    } else if (key == "cost") {
        keep_cost(raw, value, kPicoPerUsd, 3);
    } else if (key == "cost_in_usd_ticks") {
        keep_cost(raw, value, kPicoPerTick, 2);
    } else if (key == "estimated_cost") {
        keep_cost(raw, value, kPicoPerUsd, 1);
    }
}

bool UsageWalk::prompt_details() {
    raw.has_prompt_details = true;
    return in_.each_member([this](std::string_view key) {
        JsonValue value;
        if (!in_.take(value)) return false;
        if (key == "cached_tokens") keep(raw.cached, value);
        if (key == "cache_write_tokens") keep(raw.written, value);
        return true;
    });
}

bool UsageWalk::completion_details() {
    return in_.each_member([this](std::string_view key) {
        JsonValue value;
        if (!in_.take(value)) return false;
        if (key == "reasoning_tokens") keep(raw.reasoning, value);
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
/// tells; where it does not, a part that exceeds its whole does.
void repair(RawUsage& raw) {
    const std::uint64_t cache = raw.cached + raw.written;
    const std::uint64_t plain = raw.prompt + raw.completion;
    bool reasoning_apart = raw.reasoning > raw.completion;
    bool cache_apart = cache > raw.prompt;
    if (raw.total > plain) {
        const std::uint64_t rest = raw.total - plain;
        if (rest == raw.reasoning) {
            reasoning_apart = true;
        } else if (rest == cache) {
            cache_apart = true;
        } else if (rest == raw.reasoning + cache) {
            reasoning_apart = cache_apart = true;
        }
    }
    // Anthropic's own block has no total, and its input never includes the cache.
    if (raw.has_flat_cache && !raw.has_prompt_tokens && raw.total == 0 && !raw.has_prompt_details) {
        cache_apart = true;
    }
    if (reasoning_apart) raw.completion += raw.reasoning;
    if (cache_apart) raw.prompt += cache;
}

/// What the block means; nullopt when it says nothing.
std::optional<Usage> meaning_of(RawUsage& raw) {
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
    if (raw.cost_pico) {
        usage.reported_cost_pico_usd = static_cast<std::uint64_t>(std::llround(*raw.cost_pico));
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
    into.prompt = std::max(into.prompt, later.prompt);
    into.completion = std::max(into.completion, later.completion);
    into.cache_read = std::max(into.cache_read, later.cache_read);
    into.cache_write = std::max(into.cache_write, later.cache_write);
    into.reasoning = std::max(into.reasoning, later.reasoning);
    if (later.reported_cost_pico_usd) {
        into.reported_cost_pico_usd =
            std::max(into.reported_cost_pico_usd.value_or(0), *later.reported_cost_pico_usd);
    }
}

}  // namespace understudy::wire
