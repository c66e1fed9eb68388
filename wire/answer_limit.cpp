#include "wire/answer_limit.hpp"

#include "wire/json_cursor.hpp"

#include <algorithm>
#include <array>
#include <charconv>

namespace understudy::wire {
namespace {

// Chat completions (new and old) and Anthropic; responses; Google's, below generationConfig, and
// Bedrock's, below inferenceConfig.
constexpr std::array<std::string_view, 3> kTokens{"max_tokens", "max_completion_tokens",
                                                  "max_output_tokens"};
constexpr std::array<std::string_view, 3> kInnerTokens{"maxOutputTokens", "max_output_tokens",
                                                       "maxTokens"};
constexpr std::array<std::string_view, 2> kInnerAnswers{"candidateCount", "candidate_count"};
constexpr std::array<std::string_view, 3> kConfigs{"generationConfig", "generation_config",
                                                   "inferenceConfig"};
constexpr std::array<std::string_view, 2> kAnswers{"n", "best_of"};

constexpr std::uint64_t kMostAnswers = 1024;  // more than any API gives

template <std::size_t N>
bool among(const std::array<std::string_view, N>& names, std::string_view name) {
    return std::find(names.begin(), names.end(), name) != names.end();
}

// As JSON writes whole numbers that make sense here; whatever else it is says nothing.
std::optional<std::uint64_t> whole(std::string_view text) {
    std::uint64_t n = 0;
    const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), n);
    if (ec != std::errc() || end == text.data()) return std::nullopt;
    const bool rest = end != text.data() + text.size() && *end != '.';
    return rest ? std::nullopt : std::optional(n);
}

void note_tokens(std::string_view value, AnswerLimit& limit) {
    if (const auto n = whole(value)) limit.tokens = std::max(limit.tokens.value_or(0), *n);
}

void note_answers(std::string_view value, AnswerLimit& limit) {
    if (const auto n = whole(value)) {
        limit.answers = std::clamp(*n, limit.answers, kMostAnswers);
    }
}

void read_config(std::string_view config, AnswerLimit& limit) {
    JsonCursor in(config);
    in.object_members([&](std::string_view key) {
        JsonValue value;
        if (!in.take(value)) return false;
        if (among(kInnerTokens, key)) note_tokens(value.raw, limit);
        if (among(kInnerAnswers, key)) note_answers(value.raw, limit);
        return true;
    });
}

}  // namespace

bool limits_answer(std::string_view name) {
    return among(kTokens, name);
}

AnswerLimit answer_limit(std::string_view body, const RequestFacts& facts) {
    AnswerLimit limit;
    std::string decoded;
    std::string_view key;
    for (const auto& member : facts.members) {
        const auto token = member.key.of(body);
        key = token.substr(1, token.size() - 2);
        if (key.find('\\') != std::string_view::npos) [[unlikely]] {
            decode_content(key, decoded);
            key = decoded;
        }
        const auto value = member.value.of(body);
        if (among(kTokens, key)) note_tokens(value, limit);
        if (among(kAnswers, key)) note_answers(value, limit);
        if (among(kConfigs, key)) read_config(value, limit);
        if (key == "service_tier" && member.kind == JsonKind::string) {
            limit.tier = value.substr(1, value.size() - 2);
        }
    }
    return limit;
}

}  // namespace understudy::wire
