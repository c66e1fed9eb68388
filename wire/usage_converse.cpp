// Token counts of Bedrock's Converse, where the input is what the cache had no part in.
#include "wire/usage_converse.hpp"

#include "wire/json_cursor.hpp"

#include <algorithm>
#include <charconv>

namespace understudy::wire {
namespace {

struct Counts {
    std::uint64_t input = 0;
    std::uint64_t output = 0;
    std::uint64_t read = 0;
    std::uint64_t written = 0;
    std::uint64_t written_1h = 0;
    std::uint8_t said = 0;
    bool impossible = false;
};

void take_count(const JsonValue& value, std::uint64_t& into, Usage::Said part, Counts& counts) {
    if (value.kind == JsonKind::null) return;
    std::uint64_t count = 0;
    const char* const end = value.raw.data() + value.raw.size();
    const auto read = std::from_chars(value.raw.data(), end, count);
    const bool whole = value.kind == JsonKind::number && read.ec == std::errc() && read.ptr == end;
    if (!whole || count > kMaxTokenCount) {
        counts.impossible = true;
        return;
    }
    into = count;
    counts.said = static_cast<std::uint8_t>(counts.said | part);
}

/// [{"ttl":"1h","inputTokens":120}, ...]: parts of what was written into the cache.
bool note_lifetimes(JsonCursor& in, Counts& counts) {
    JsonKind kind{};
    if (!in.peek(kind)) return false;
    if (kind != JsonKind::array) return in.skip();
    return in.each_element([&] {
        bool hour = false;
        std::uint64_t tokens = 0;
        const bool walked = in.object_members([&](std::string_view key) {
            JsonValue value;
            if (!in.take(value)) return false;
            if (key == "ttl") hour = value.string_content() == "1h";
            if (key == "inputTokens") take_count(value, tokens, Usage::said_lifetimes, counts);
            return true;
        });
        if (hour) counts.written_1h = tokens;
        return walked;
    });
}

void note(std::string_view key, const JsonValue& value, Counts& counts) {
    if (key == "inputTokens") {
        take_count(value, counts.input, Usage::said_prompt, counts);
    } else if (key == "outputTokens") {
        take_count(value, counts.output, Usage::said_completion, counts);
    } else if (key == "cacheReadInputTokens") {
        take_count(value, counts.read, Usage::said_cache_read, counts);
    } else if (key == "cacheWriteInputTokens") {
        take_count(value, counts.written, Usage::said_cache_write, counts);
    }
}

}  // namespace

std::optional<Usage> parse_converse_usage(std::string_view usage_json) {
    Counts counts;
    JsonCursor in(usage_json);
    in.skip_preamble();
    if (!in.at_object()) return std::nullopt;
    const bool walked = in.each_member([&](std::string_view key) {
        if (key == "cacheDetails") return note_lifetimes(in, counts);
        JsonValue value;
        if (!in.take(value)) return false;
        note(key, value, counts);
        return true;
    });
    if (!walked || !in.finish() || counts.impossible) return std::nullopt;
    Usage usage;
    usage.prompt = counts.input + counts.read + counts.written;
    usage.completion = counts.output;
    usage.cache_read = counts.read;
    usage.cache_write = counts.written;
    usage.cache_write_1h = static_cast<std::uint32_t>(std::min(counts.written_1h, counts.written));
    if (usage.prompt == 0 && usage.completion == 0) return std::nullopt;
    usage.said = static_cast<std::uint8_t>(counts.said | Usage::cache_apart);
    return usage;
}

}  // namespace understudy::wire
