// Reads what Google's generateContent answers, whole or as a stream of chunks, which are whole
// answers of their own: every chunk has the counts so far, and the calls it has come in one piece.
// One reader belongs to one attempt, and to its thread.
// https://ai.google.dev/api/generate-content#v1beta.GenerateContentResponse
#pragma once

#include "dialects/answer.hpp"

#include <memory>
#include <string_view>

namespace understudy::dialects::gemini {

/// Names of tools are told as they were sent; calls without an id get one that depends on
/// `seed` and the answer's. Of several candidates the first one is read.
std::unique_ptr<AnswerReader> make_reader(std::string_view seed = {});

}  // namespace understudy::dialects::gemini
