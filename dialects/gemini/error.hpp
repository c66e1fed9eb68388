// An upstream's error as a client of Google's API reads it: google.rpc.Status as JSON. Pure.
// https://cloud.google.com/apis/design/errors
#pragma once

#include "wire/answer.hpp"
#include "wire/error_kind.hpp"

#include <string>

namespace understudy::dialects::gemini {

/// The body. Inside of a stream its number is that of the cause, too.
std::string write_error(const wire::ErrorFacts& error, const wire::ErrorCause& cause);

}  // namespace understudy::dialects::gemini
