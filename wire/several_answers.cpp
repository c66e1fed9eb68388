#include "wire/several_answers.hpp"

#include "wire/answer_traits.hpp"
#include "wire/json_cursor.hpp"

namespace understudy::wire {
namespace {

bool is_one(std::string_view value) {
    return value == "1" || value == "null";
}

/// Google's JSON may be written with underscores, too.
bool several_candidates(std::string_view config) {
    bool several = false;
    JsonCursor in(config);
    in.object_members([&](std::string_view key) {
        JsonValue value;
        if (!in.take(value)) return false;
        if (key == "candidateCount" || key == "candidate_count") several |= !is_one(value.raw);
        return true;
    });
    return several;
}

/// Each text, or list of tokens, in a list of prompts is answered by itself; one list of tokens is
/// one prompt.
bool several_prompts(std::string_view prompt) {
    std::size_t prompts = 0;
    JsonCursor in(prompt);
    JsonKind kind = JsonKind::null;
    if (!in.peek(kind) || kind != JsonKind::array) return false;
    in.each_element([&] {
        JsonValue value;
        if (!in.take(value)) return false;
        prompts += value.kind == JsonKind::number ? 0 : 1;
        return true;
    });
    return prompts > 1;
}

}  // namespace

bool several_answers(AnswerShape shape, std::string_view body, const RequestFacts& facts) {
    const auto dialect = traits_of(shape).dialect;
    for (const auto& member : facts.members) {
        const auto key = member.key.of(body);
        const auto value = member.value.of(body);
        if (dialect == Dialect::gemini) {
            const bool config =
                key_equals(key, "generationConfig") || key_equals(key, "generation_config");
            if (config && several_candidates(value)) return true;
        } else if (shape == AnswerShape::completion && key_equals(key, "prompt")) {
            if (several_prompts(value)) return true;
        } else if (dialect != Dialect::messages && key_equals(key, "n") && !is_one(value)) {
            return true;
        }
    }
    return false;
}

}  // namespace understudy::wire
