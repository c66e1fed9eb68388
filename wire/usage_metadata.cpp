// Google's token counts into OpenAI's meaning: what the model thought and what a tool brought in
// are counted beside the candidates and the prompt, and every count may be missing.
#include "wire/answer_walk.hpp"
#include "wire/google_counts.hpp"
#include "wire/raw_usage.hpp"

#include <array>

namespace understudy::wire {
namespace {

using Counts = GoogleCounts;

void note_said(Counts& counts, Usage::Said part) {
    counts.said = static_cast<std::uint8_t>(counts.said | part);
}

/// False: there is none.
bool take_count(const JsonValue& value, std::uint64_t& into, Counts& counts) {
    const auto count = count_of(value, counts.impossible);
    if (count) into = *count;
    return count.has_value();
}

struct Name {
    std::string_view key;
    Counts::Which which;
    Usage::Said says;
};

constexpr auto kNothing = static_cast<Usage::Said>(0);
constexpr std::array<Name, Counts::kPlain> kNames{{
    {"promptTokenCount", Counts::prompt, Usage::said_prompt},
    {"candidatesTokenCount", Counts::candidates, Usage::said_completion},
    {"totalTokenCount", Counts::total, kNothing},
    {"thoughtsTokenCount", Counts::thoughts, Usage::said_reasoning},
    {"cachedContentTokenCount", Counts::cached, Usage::said_cache_read},
    {"toolUsePromptTokenCount", Counts::tool_prompt, kNothing},
}};

void note(std::string_view key, const JsonValue& value, Counts& counts, VariableValues* variable) {
    for (const auto& name : kNames) {
        if (key != name.key) continue;
        if (!take_count(value, counts.plain[name.which], counts)) return;
        note_said(counts, name.says);
        if (variable != nullptr) variable->add_count(value, name.which);
        return;
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
            if (key == "tokenCount") static_cast<void>(take_count(value, count, counts));
            return true;
        });
        if (modality == "AUDIO") audio = count;
        if (modality == "IMAGE") image = count;
        return walked;
    });
}

bool walk_member(JsonCursor& in, std::string_view key, Counts& counts, VariableValues* variable,
                 std::string_view& service_tier) {
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
    if (kind == JsonKind::string && key == "serviceTier") service_tier = value.string_content();
    note(key, value, counts, variable);
    return true;
}

bool walk(JsonCursor& in, Counts& counts, VariableValues* variable,
          std::string_view& service_tier) {
    return in.object_members(
        [&](std::string_view key) { return walk_member(in, key, counts, variable, service_tier); });
}

std::uint32_t beyond(std::uint64_t a, std::uint64_t b) {
    return static_cast<std::uint32_t>(a > b ? a - b : 0);
}

}  // namespace

std::optional<Usage> meaning_of(const GoogleCounts& counts) {
    if (counts.impossible) return std::nullopt;
    const auto& plain = counts.plain;
    const auto candidates = plain[Counts::candidates];
    const auto thoughts = plain[Counts::thoughts];
    const auto total = plain[Counts::total];
    Usage usage;
    usage.prompt = plain[Counts::prompt] + plain[Counts::tool_prompt];
    usage.cache_read = plain[Counts::cached];
    usage.reasoning = thoughts;
    // Some layers in front of it count the thoughts among the candidates; the total tells.
    const bool among = thoughts > 0 && candidates >= thoughts && total == usage.prompt + candidates;
    usage.completion = candidates + (among ? 0 : thoughts);
    // What the total has beyond all parts is output that nobody named.
    if (total > usage.prompt + usage.completion) {
        usage.completion = total - usage.prompt;
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

bool walk_usage_metadata(JsonCursor& in, AnswerFindings& found) {
    Counts counts;
    auto* variable = found.variable;
    auto& block = found.inner_usage;
    // Of two blocks the last one holds, and its counts are not all there are.
    const bool counted = variable != nullptr && variable->counts != nullptr && !block.present;
    if (!walk(in, counts, counted ? variable : nullptr, found.usage_tier)) return false;
    block.present = true;
    block.usage = meaning_of(counts);
    block.google = counted;
    if (counted) *variable->counts = counts;
    return true;
}

std::optional<Usage> parse_usage_metadata(std::string_view metadata_json) {
    std::string_view service_tier;
    return parse_usage_metadata(metadata_json, service_tier);
}

std::optional<Usage> parse_usage_metadata(std::string_view metadata_json,
                                          std::string_view& service_tier) {
    JsonCursor in(metadata_json);
    in.skip_preamble();
    Counts counts;
    if (in.at_end() || !walk(in, counts, nullptr, service_tier) || !in.finish())
        return std::nullopt;
    return meaning_of(counts);
}

}  // namespace understudy::wire
