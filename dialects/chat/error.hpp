// An upstream's error as clients of OpenAI's chat completions read it. Pure.
#pragma once

#include "wire/answer.hpp"
#include "wire/error_kind.hpp"

#include <string>

namespace understudy::dialects::chat {

/// {"error": {"message", "type", "param", "code"}} in OpenAI's words: its own codes are kept, those
/// of others become what the kind of the error is called there.
std::string write_error(const wire::ErrorFacts& error, const wire::ErrorCause& cause);

}  // namespace understudy::dialects::chat
