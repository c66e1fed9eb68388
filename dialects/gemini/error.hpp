// An upstream's error as a client of Google's API reads it: google.rpc.Status as JSON. Pure.
// https://cloud.google.com/apis/design/errors
#pragma once

#include "wire/answer.hpp"

#include <string>

namespace understudy::dialects::gemini {

/// The body; `status` is that of HTTP, 0 where there is none (inside a stream): 500 then.
std::string write_error(const wire::ErrorFacts& error, unsigned status);

}  // namespace understudy::dialects::gemini
