// What a client asks of Google's generateContent or streamGenerateContent; the model and the wish
// for a stream stand in the path, and are the caller's. Pure.
// https://ai.google.dev/api/generate-content
#pragma once

#include "dialects/talk.hpp"
#include "dialects/value.hpp"

#include <optional>

namespace understudy::dialects::gemini {

/// Reads a request's body, which is one JSON object. What it asks for beyond what a talk can hold
/// is a problem, or named among what is dropped. Seals of thoughts are among that: whoever is asked
/// in other words is not the provider that issued them.
std::optional<Problem> read_request(Value body, Talk& talk);

}  // namespace understudy::dialects::gemini
