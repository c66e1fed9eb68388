// Reads what OpenAI's Responses answers, whole or as a stream of typed events. One reader belongs
// to one attempt, and to its thread.
// https://platform.openai.com/docs/api-reference/responses-streaming
#pragma once

#include "dialects/answer.hpp"

#include <memory>

namespace understudy::dialects::responses {

/// What a stream left out in pieces is read from the items, and what those left out from the
/// response at its end: servers in between lose one or the other.
std::unique_ptr<AnswerReader> make_reader();

}  // namespace understudy::dialects::responses
