#include "wire/answer_limit.hpp"

#include "wire/json_cursor.hpp"
#include "wire/name_set.hpp"

#include <algorithm>
#include <charconv>

namespace understudy::wire {
namespace {

// Chat completions (new and old) and Anthropic; responses; Google's, below generationConfig, and
// Bedrock's, below inferenceConfig.
constexpr NameSet kTokens{"max_tokens", "max_completion_tokens", "max_output_tokens"};
constexpr NameSet kInnerTokens{"maxOutputTokens", "max_output_tokens", "maxTokens"};
constexpr NameSet kInnerAnswers{"candidateCount", "candidate_count"};
constexpr NameSet kConfigs{"generationConfig", "generation_config", "inferenceConfig"};
constexpr NameSet kAnswers{"n", "best_of"};
// All that is read at the top, for most members are none of it.
constexpr NameSet kRead{"max_tokens",
                        "max_completion_tokens",
                        "max_output_tokens",
                        "generationConfig",
                        "generation_config",
                        "inferenceConfig",
                        "n",
                        "best_of",
                        "prompt",
                        "service_tier"};

constexpr std::uint64_t kMostAnswers = 1024;  // more than any API gives
constexpr std::uint64_t kMostPrompts = 1'000'000;

// As JSON writes whole numbers that make sense here; whatever else it is says nothing.
std::optional<std::uint64_t> whole(std::string_view text) {
    std::uint64_t n = 0;
    const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), n);
    if (ec != std::errc() || end == text.data()) return std::nullopt;
    const auto rest = text.substr(static_cast<std::size_t>(end - text.data()));
    const bool is_whole =
        rest.empty() || (rest[0] == '.' && rest.find_first_of("eE") == std::string_view::npos);
    return is_whole ? std::optional(n) : std::nullopt;
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
        if (kInnerTokens.contains(key)) note_tokens(value.raw, limit);
        if (kInnerAnswers.contains(key)) note_answers(value.raw, limit);
        return true;
    });
}

// Of /v1/completions: each is answered by itself. A list of token numbers is one.
std::uint64_t prompts_in(std::string_view prompt) {
    std::uint64_t prompts = 0;
    JsonCursor in(prompt);
    in.each_element([&] {
        JsonKind kind{};
        if (!in.peek(kind)) return false;
        prompts += kind == JsonKind::string || kind == JsonKind::array ? 1 : 0;
        return in.skip();
    });
    return std::clamp<std::uint64_t>(prompts, 1, kMostPrompts);
}

}  // namespace

bool limits_answer(std::string_view name) {
    return kTokens.contains(name);
}

AnswerLimit answer_limit(std::string_view body, const RequestFacts& facts) {
    AnswerLimit limit;
    std::uint64_t prompts = 1;
    std::string decoded;
    std::string_view key;
    for (const auto& member : facts.members) {
        const auto token = member.key.of(body);
        key = token.substr(1, token.size() - 2);
        if (key.find('\\') != std::string_view::npos) [[unlikely]] {
            decode_content(key, decoded);
            key = decoded;
        }
        if (!kRead.contains(key)) continue;
        const auto value = member.value.of(body);
        if (kTokens.contains(key)) note_tokens(value, limit);
        if (kAnswers.contains(key)) note_answers(value, limit);
        if (kConfigs.contains(key)) read_config(value, limit);
        if (key == "prompt" && member.kind == JsonKind::array) prompts = prompts_in(value);
        if (key == "service_tier" && member.kind == JsonKind::string) {
            limit.tier = value.substr(1, value.size() - 2);
        }
    }
    limit.answers *= prompts;
    return limit;
}

}  // namespace understudy::wire
