// Errors as clients of /responses read them: a body of their own, or inside a stream. What another
// provider says is brought to OpenAI's words, because codex and the AI SDK decide by the code
// whether to ask again. Pure.
#pragma once

#include "dialects/value.hpp"
#include "wire/answer.hpp"
#include "wire/error_kind.hpp"

#include <string>
#include <string_view>

namespace understudy::dialects::responses {

/// OpenAI's code for what went wrong; one of its own is kept. Empty: it has none. What only
/// concerns the way between this proxy and its upstream (keys, rights) is a "server_error" inside a
/// stream.
std::string_view code_of(const wire::ErrorFacts& error, const wire::ErrorCause& cause);
/// OpenAI's type for such a code.
std::string_view type_of(std::string_view code);

/// {"message", "type", "param", "code"}
void write_error_object(const wire::ErrorFacts& error, const wire::ErrorCause& cause, Writer& to);

/// An upstream's error as the body of an answer.
std::string write_error(const wire::ErrorFacts& error, const wire::ErrorCause& cause);

}  // namespace understudy::dialects::responses
