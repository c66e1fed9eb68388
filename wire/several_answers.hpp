// Whether a request asks for several answers at once: then one end is not the end.
#pragma once

#include "wire/answer.hpp"
#include "wire/request_body.hpp"

#include <string_view>

namespace understudy::wire {

/// `n` above 1 in OpenAI's API, or several prompts at /completions, `generationConfig.candidateCount` in Google's; never in
/// Anthropic's. What is no plain 1 counts as several.
bool several_answers(AnswerShape shape, std::string_view body, const RequestFacts& facts);

}  // namespace understudy::wire
