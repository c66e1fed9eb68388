#include "wire/usage_truth.hpp"

#include "wire/json_cursor.hpp"
#include "wire/raw_usage.hpp"

#include <algorithm>
#include <charconv>
#include <optional>

namespace understudy::wire {
namespace {

std::optional<std::uint64_t> count_of(const JsonValue& value) {
    if (value.kind != JsonKind::number) return std::nullopt;
    std::uint64_t count = 0;
    const char* const end = value.raw.data() + value.raw.size();
    const auto read = std::from_chars(value.raw.data(), end, count);
    if (read.ec != std::errc() || read.ptr != end) return std::nullopt;
    return count;
}

/// What a count of this name has to be; nullopt: it stays.
std::optional<std::uint64_t> corrected(std::string_view key, const Usage& truth) {
    if (key == "prompt_tokens" || key == "input_tokens") return truth.prompt;
    if (key == "completion_tokens" || key == "output_tokens") return truth.completion;
    if (key == "total_tokens") return truth.prompt + truth.completion;
    if (key == "reasoning_tokens") return std::min(truth.reasoning, truth.completion);
    // What went into a cache or came from it is part of the prompt.
    const auto cached = std::min(truth.cache_read, truth.prompt);
    if (key == "prompt_cache_miss_tokens") return truth.prompt - cached;
    if (is_cache_read(key)) return cached;
    if (is_cache_write(key)) return std::min(truth.cache_write, truth.prompt);
    return std::nullopt;
}

bool walk(JsonCursor& in, std::size_t base, const Usage& truth, std::vector<Edit>& edits) {
    return in.each_member([&](std::string_view key) {
        // Copied: a key that was written with escapes is decoded where the next one will be.
        const std::string name(key);
        if (in.at_object()) return walk(in, base, truth, edits);
        const std::size_t at = base + in.offset();
        JsonValue value;
        if (!in.take(value)) return false;
        const auto count = count_of(value);
        const auto right = count ? corrected(name, truth) : std::nullopt;
        if (right && *right != *count)
            edits.push_back({{at, at + value.raw.size()}, std::to_string(*right)});
        return true;
    });
}

}  // namespace

void correct_usage(std::string_view data, Span usage, const Usage& truth,
                   std::vector<Edit>& edits) {
    JsonCursor in(usage.of(data));
    if (in.at_object()) walk(in, usage.begin, truth, edits);
}

}  // namespace understudy::wire
