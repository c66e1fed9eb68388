#include "wire/prompt_size.hpp"

#include "wire/answer_traits.hpp"
#include "wire/request_content.hpp"

#include <algorithm>
#include <array>

namespace understudy::wire {
namespace {

// Members that let a server leave out parts of a conversation: OpenAI's and Anthropic's, those of
// OpenRouter and vLLM.
constexpr std::array<std::string_view, 5> kShorteners{
    "truncation", "context_management", "transforms", "plugins", "truncate_prompt_tokens"};

bool may_be_shortened(std::string_view body, const RequestFacts& facts) {
    return std::any_of(facts.members.begin(), facts.members.end(), [&](const auto& member) {
        const auto key = member.key.of(body);
        return std::any_of(kShorteners.begin(), kShorteners.end(),
                           [key](std::string_view name) { return key_equals(key, name); });
    });
}

}  // namespace

std::uint64_t least_prompt(AnswerShape shape, std::string_view body, const RequestFacts& facts) {
    const bool conversation = traits_of(shape).needs_finish && shape != AnswerShape::completion;
    if (!conversation || may_be_shortened(body, facts)) return 0;
    return read_content(body, facts).prompt_tokens / 2;
}

}  // namespace understudy::wire
