// Google's token counts into OpenAI's meaning: what the model thought and what a tool brought in
// are counted beside the candidates and the prompt, and every count may be missing.
#include "wire/answer_walk.hpp"
#include "wire/raw_usage.hpp"

namespace understudy::wire {
namespace {

struct Counts {
    std::uint64_t prompt = 0;
    std::uint64_t tool_prompt = 0;
    std::uint64_t candidates = 0;
    std::uint64_t thoughts = 0;
    std::uint64_t cached = 0;
    std::uint64_t total = 0;
    std::uint64_t audio_prompt = 0, image_prompt = 0;  // what the cache had included
    std::uint64_t audio_cached = 0, image_cached = 0;
    std::uint64_t audio_output = 0, image_output = 0;
    std::uint8_t said = 0;
    bool impossible = false;
};

void note_said(Counts& counts, Usage::Said part) {
    counts.said = static_cast<std::uint8_t>(counts.said | part);
}

void take_count(const JsonValue& value, std::uint64_t& into, Usage::Said part, Counts& counts) {
    const auto count = count_of(value, counts.impossible);
    if (!count) return;
    into = *count;
    note_said(counts, part);
}

void note(std::string_view key, const JsonValue& value, Counts& counts) {
    constexpr auto nothing = static_cast<Usage::Said>(0);
    if (key == "promptTokenCount") {
        take_count(value, counts.prompt, Usage::said_prompt, counts);
    } else if (key == "candidatesTokenCount") {
        take_count(value, counts.candidates, Usage::said_completion, counts);
    } else if (key == "thoughtsTokenCount") {
        take_count(value, counts.thoughts, Usage::said_reasoning, counts);
    } else if (key == "cachedContentTokenCount") {
        take_count(value, counts.cached, Usage::said_cache_read, counts);
    } else if (key == "toolUsePromptTokenCount") {
        take_count(value, counts.tool_prompt, nothing, counts);
    } else if (key == "totalTokenCount") {
        take_count(value, counts.total, nothing, counts);
    }
}

/// At a list of counts by modality: [{"modality":"AUDIO","tokenCount":12}, ...].
bool walk_modalities(JsonCursor& in, std::uint64_t& audio, std::uint64_t& image, Counts& counts) {
    note_said(counts, Usage::said_media);
    return in.each_element([&] {
        std::string_view modality;
        std::uint64_t count = 0;
        const bool walked = in.object_members([&](std::string_view key) {
            JsonValue value;
            if (!in.take(value)) return false;
            if (key == "modality") modality = value.string_content();
            if (key == "tokenCount") take_count(value, count, static_cast<Usage::Said>(0), counts);
            return true;
        });
        if (modality == "AUDIO") audio = count;
        if (modality == "IMAGE") image = count;
        return walked;
    });
}

bool walk_member(JsonCursor& in, std::string_view key, Counts& counts) {
    JsonKind kind = JsonKind::null;
    if (!in.peek(kind)) return false;
    if (kind == JsonKind::array) {
        if (key == "promptTokensDetails")
            return walk_modalities(in, counts.audio_prompt, counts.image_prompt, counts);
        if (key == "cacheTokensDetails")
            return walk_modalities(in, counts.audio_cached, counts.image_cached, counts);
        if (key == "candidatesTokensDetails")
            return walk_modalities(in, counts.audio_output, counts.image_output, counts);
    }
    JsonValue value;
    if (!in.take(value)) return false;
    note(key, value, counts);
    return true;
}

std::uint32_t beyond(std::uint64_t a, std::uint64_t b) {
    return static_cast<std::uint32_t>(a > b ? a - b : 0);
}

std::optional<Usage> meaning_of(const Counts& counts) {
    if (counts.impossible) return std::nullopt;
    Usage usage;
    usage.prompt = counts.prompt + counts.tool_prompt;
    usage.cache_read = counts.cached;
    usage.reasoning = counts.thoughts;
    // Some layers in front of it count the thoughts among the candidates; the total tells.
    const bool among = counts.thoughts > 0 && counts.candidates >= counts.thoughts &&
                       counts.total == usage.prompt + counts.candidates;
    usage.completion = counts.candidates + (among ? 0 : counts.thoughts);
    // What the total has beyond all parts is output that nobody named.
    if (counts.total > usage.prompt + usage.completion) {
        usage.completion = counts.total - usage.prompt;
    }
    if ((usage.prompt == 0 && usage.completion == 0) || too_many(usage)) return std::nullopt;
    usage.audio_input = beyond(counts.audio_prompt, counts.audio_cached);
    usage.image_input = beyond(counts.image_prompt, counts.image_cached);
    usage.audio_cache_read = static_cast<std::uint32_t>(counts.audio_cached);
    usage.audio_output = static_cast<std::uint32_t>(counts.audio_output);
    usage.image_output = static_cast<std::uint32_t>(counts.image_output);
    usage.said = counts.said;
    if ((usage.said & Usage::said_reasoning) != 0 || usage.completion != 0) {
        usage.said = static_cast<std::uint8_t>(usage.said | Usage::said_completion);
    }
    bound_parts(usage);
    return usage;
}

}  // namespace

bool walk_usage_metadata(JsonCursor& in, std::optional<Usage>& usage) {
    Counts counts;
    const bool walked =
        in.object_members([&](std::string_view key) { return walk_member(in, key, counts); });
    if (!walked) return false;
    usage = meaning_of(counts);
    return true;
}

std::optional<Usage> parse_usage_metadata(std::string_view metadata_json) {
    JsonCursor in(metadata_json);
    in.skip_preamble();
    std::optional<Usage> usage;
    if (in.at_end() || !walk_usage_metadata(in, usage) || !in.finish()) return std::nullopt;
    return usage;
}

}  // namespace understudy::wire
