// What a usage block means: servers disagree what includes what, and leave out what follows.
#include "wire/raw_usage.hpp"

#include <algorithm>
#include <cmath>

namespace understudy::wire {
namespace {

/// What a server left out follows from what it sent.
void complete_missing(RawUsage& raw) {
    if (!raw.has_written) raw.written = raw.written_5m + raw.written_1h;
    const bool split = raw.cache_miss > 0 || !raw.has_flat_cache;
    if (!raw.has_prompt && split && raw.cached + raw.cache_miss > 0) {
        raw.prompt = raw.cached + raw.cache_miss;
        raw.has_prompt = true;
    }
    if (!raw.has_prompt && raw.total > raw.completion) raw.prompt = raw.total - raw.completion;
    if (!raw.has_completion && raw.total > raw.prompt) raw.completion = raw.total - raw.prompt;
}

/// Anthropic's own block has no total, and its input never includes the cache.
bool is_anthropics(const RawUsage& raw) {
    return raw.has_prompt && !raw.has_prompt_tokens && raw.total == 0 && !raw.has_prompt_details;
}

/// The total tells whether prompt includes the cache and completion the reasoning; where it does
/// not, a part that exceeds its whole does. What the total has beyond all parts is output that
/// nobody named.
void repair(RawUsage& raw, Usage& usage) {
    const std::uint32_t cache = raw.cached + raw.written;
    const std::uint32_t plain = raw.prompt + raw.completion;
    const bool total_tells = raw.total >= plain && raw.total != 0;
    bool reasoning_apart = !total_tells && raw.reasoning > raw.completion;
    bool cache_apart = cache > raw.prompt && !(total_tells && raw.total == plain);
    std::uint32_t unnamed = 0;
    if (total_tells && raw.total > plain) {
        const std::uint32_t rest = raw.total - plain;
        if (rest == raw.reasoning) {
            reasoning_apart = true;
        } else if (rest == cache) {
            cache_apart = true;
        } else if (rest == raw.reasoning + cache) {
            reasoning_apart = cache_apart = true;
        } else {
            const std::uint32_t apart = cache_apart ? cache : 0;
            unnamed = rest > apart ? rest - apart : 0;
        }
    }
    if (raw.has_flat_cache && is_anthropics(raw)) cache_apart = true;
    usage.prompt = raw.prompt + (cache_apart ? cache : 0);
    usage.completion = raw.completion + (reasoning_apart ? raw.reasoning : unnamed);
    if (!reasoning_apart) usage.inner_reasoning = raw.reasoning;
}

std::uint8_t said_by(const RawUsage& raw) {
    std::uint8_t said = 0;
    const auto note = [&](bool has, Usage::Said part) {
        if (has) said = static_cast<std::uint8_t>(said | part);
    };
    note(raw.has_prompt || raw.prompt != 0, Usage::said_prompt);
    note(raw.has_completion || raw.completion != 0, Usage::said_completion);
    note(raw.has_cached, Usage::said_cache_read);
    note(raw.has_written || raw.has_lifetimes, Usage::said_cache_write);
    note(raw.has_reasoning, Usage::said_reasoning);
    note(raw.has_lifetimes, Usage::said_lifetimes);
    note(raw.has_media, Usage::said_media);
    note(is_anthropics(raw), Usage::cache_apart);
    return said;
}

/// Modalities are told of the prompt as a whole, what the cache had included.
void note_media(const RawUsage& raw, Usage& usage) {
    const auto beyond = [](std::uint32_t a, std::uint32_t b) { return a > b ? a - b : 0; };
    usage.audio_cache_read = raw.audio_cached;
    usage.audio_input = beyond(raw.audio_prompt, raw.audio_cached);
    usage.image_input = beyond(raw.image_prompt, raw.image_cached);
    usage.audio_output = raw.audio_completion;
    usage.image_output = raw.image_completion;
}

/// OpenAI's own block, whose parts add up: as nearly all are.
bool is_plain(const RawUsage& raw) {
    const bool rare = raw.has_written | raw.has_lifetimes | raw.has_media | raw.has_flat_cache |
                      (raw.cache_miss != 0) | raw.cost_pico.has_value();
    return !rare && raw.has_prompt_tokens && raw.has_completion_tokens &&
           raw.total == raw.prompt + raw.completion && raw.cached <= raw.prompt &&
           raw.reasoning <= raw.completion && raw.total != 0;
}

void plain_meaning(const RawUsage& raw, Usage& usage) {
    usage.prompt = raw.prompt;
    usage.completion = raw.completion;
    usage.cache_read = raw.cached;
    usage.reasoning = usage.inner_reasoning = raw.reasoning;
    usage.said = static_cast<std::uint8_t>(Usage::said_prompt | Usage::said_completion |
                                           (raw.has_cached ? Usage::said_cache_read : 0) |
                                           (raw.has_reasoning ? Usage::said_reasoning : 0));
}

/// False: it says nothing that can be.
bool full_meaning(RawUsage& raw, Usage& usage) {
    complete_missing(raw);
    if (raw.cost_pico) {
        const double provider = raw.own_key ? raw.provider_cost_pico.value_or(0) : 0;
        const auto cost = static_cast<std::uint64_t>(std::llround(*raw.cost_pico + provider));
        if (cost > kMaxCostPicoUsd) return false;
        usage.reported_cost_pico_usd = cost;
    }
    if (raw.prompt == 0 && raw.completion == 0 && raw.cached == 0 && raw.written == 0 &&
        raw.reasoning == 0) {
        // What is paid for is not always counted in tokens. Of those it then says nothing.
        return usage.reported_cost_pico_usd.value_or(0) > 0;
    }
    repair(raw, usage);
    if (too_many(usage)) return false;
    usage.cache_read = raw.cached;
    usage.cache_write = raw.written;
    usage.reasoning = raw.reasoning;
    usage.cache_write_1h = raw.written_1h;
    note_media(raw, usage);
    usage.said = said_by(raw);
    bound_parts(usage);
    return true;
}

}  // namespace

void meaning_of(RawUsage& raw, std::optional<Usage>& usage) {
    usage.reset();
    if (raw.impossible) return;
    usage.emplace();
    if (is_plain(raw)) {
        plain_meaning(raw, *usage);
    } else if (!full_meaning(raw, *usage)) {
        usage.reset();
    }
}

void bound_parts(Usage& usage) {
    const auto bound = [](std::uint32_t& count, std::uint64_t whole) {
        count = static_cast<std::uint32_t>(std::min<std::uint64_t>(count, whole));
        return whole - count;
    };
    usage.cache_read = std::min(usage.cache_read, usage.prompt);
    usage.cache_write = std::min(usage.cache_write, usage.prompt - usage.cache_read);
    usage.reasoning = std::min(usage.reasoning, usage.completion);
    bound(usage.cache_write_1h, usage.cache_write);
    bound(usage.audio_cache_read, usage.cache_read);
    const auto input = usage.prompt - usage.cache_read - usage.cache_write;
    bound(usage.image_input, bound(usage.audio_input, input));
    bound(usage.image_output, bound(usage.audio_output, usage.completion - usage.reasoning));
}

namespace {

/// The prompt and what of it the cache had, of a block that comes behind another.
void merge_prompt(Usage& into, const Usage& later) {
    const bool says_read = (later.said & Usage::said_cache_read) != 0 || later.cache_read != 0;
    const bool says_written = (later.said & Usage::said_cache_write) != 0 || later.cache_write != 0;
    const bool says_prompt = (later.said & Usage::said_prompt) != 0;
    const bool apart = (into.said & Usage::cache_apart) != 0 &&
                       ((later.said & Usage::cache_apart) != 0 || !says_prompt);
    // Anthropic's last block may repeat the input without the cache, which stands in the first; a
    // server that knows it only there writes 0.
    const auto cache_of = [](const Usage& usage) { return usage.cache_read + usage.cache_write; };
    auto input = into.prompt - cache_of(into);
    if (later.prompt > cache_of(later)) input = later.prompt - cache_of(later);
    if (says_read) into.cache_read = later.cache_read;
    if (says_written) into.cache_write = later.cache_write;
    if (apart) {
        into.prompt = input + cache_of(into);
    } else if (says_prompt || later.prompt > cache_of(later)) {
        into.prompt = later.prompt;
    }
}

}  // namespace

void merge_usage(Usage& into, const Usage& later) {
    Usage merged = into;
    merge_prompt(merged, later);
    if ((later.said & Usage::said_completion) != 0 || later.completion != 0)
        merged.completion = later.completion;
    if ((later.said & Usage::said_reasoning) != 0 || later.reasoning != 0) {
        merged.reasoning = later.reasoning;
        merged.inner_reasoning = later.inner_reasoning;
    }
    if ((later.said & Usage::said_lifetimes) != 0) merged.cache_write_1h = later.cache_write_1h;
    if ((later.said & Usage::said_media) != 0) {
        merged.audio_input = later.audio_input;
        merged.image_input = later.image_input;
        merged.audio_cache_read = later.audio_cache_read;
        merged.audio_output = later.audio_output;
        merged.image_output = later.image_output;
    }
    merged.said = static_cast<std::uint8_t>(into.said | later.said);
    if (later.reported_cost_pico_usd) merged.reported_cost_pico_usd = later.reported_cost_pico_usd;
    if (too_many(merged)) return;
    bound_parts(merged);
    into = merged;
}

void put_reasoning_beside(Usage& usage) {
    const std::uint64_t whole = usage.completion + usage.inner_reasoning;
    if (usage.inner_reasoning == 0 || whole > kMaxTokenCount) return;
    usage.reasoning = usage.inner_reasoning;
    usage.completion = whole;
    usage.inner_reasoning = 0;
    bound_parts(usage);
}

bool Usage::operator==(const Usage& other) const {
    return prompt == other.prompt && completion == other.completion &&
           cache_read == other.cache_read && cache_write == other.cache_write &&
           reasoning == other.reasoning && cache_write_1h == other.cache_write_1h &&
           audio_input == other.audio_input && image_input == other.image_input &&
           audio_cache_read == other.audio_cache_read && audio_output == other.audio_output &&
           image_output == other.image_output &&
           reported_cost_pico_usd == other.reported_cost_pico_usd;
}

}  // namespace understudy::wire
