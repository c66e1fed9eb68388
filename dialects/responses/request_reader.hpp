// OpenAI's Responses: a request read into what it says. codex speaks nothing else.
// https://platform.openai.com/docs/api-reference/responses/create
// What its provider would have to remember (an earlier answer, a conversation, a kept prompt) is
// unsupported elsewhere; what only tunes the answer is named among what is dropped. Pure.
#pragma once

#include "dialects/talk.hpp"

#include <optional>

namespace understudy::dialects::responses {

/// Reads a request's body. A member of a wrong type is a bad request; the problem says which.
std::optional<Problem> read_body(Value body, Talk& talk);

}  // namespace understudy::dialects::responses
