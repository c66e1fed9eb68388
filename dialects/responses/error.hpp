// Errors as clients of /responses read them: a body of their own, or inside a stream. What another
// provider says is brought to OpenAI's words, because codex and the AI SDK decide by the code
// whether to ask again. Pure.
#pragma once

#include "dialects/value.hpp"
#include "wire/answer.hpp"

#include <string>
#include <string_view>

namespace understudy::dialects::responses {

/// OpenAI's code for what went wrong; one of its own is kept. What only concerns the way between
/// this proxy and its upstream (keys, rights) is a "server_error".
std::string_view code_of(const wire::ErrorFacts& error);
/// OpenAI's type for such a code.
std::string_view type_of(std::string_view code);

/// {"message", "type", "param", "code"}
void write_error_object(const wire::ErrorFacts& error, Writer& to);

/// An upstream's error as the body of an answer. `status` says what it is where the error does not;
/// 0: unknown.
std::string write_error(const wire::ErrorFacts& error, unsigned status);

}  // namespace understudy::dialects::responses
