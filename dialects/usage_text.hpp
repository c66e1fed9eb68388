// Token counts as each API writes them. wire::Usage is in OpenAI's meaning; here it goes back.
// Pure.
#pragma once

#include "dialects/value.hpp"
#include "wire/answer.hpp"

namespace understudy::dialects {

/// Chat: prompt_tokens, completion_tokens, total_tokens and the details.
void write_chat_usage(const wire::Usage& usage, Writer& to);
/// Responses: the same by other names, every member there.
void write_responses_usage(const wire::Usage& usage, Writer& to);
/// Messages: the input without the cache, both counts of the cache always there.
void write_messages_usage(const wire::Usage& usage, Writer& to);
/// Gemini: candidates without the thoughts.
void write_gemini_usage(const wire::Usage& usage, Writer& to);

}  // namespace understudy::dialects
