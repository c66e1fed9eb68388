// An answer as a client of Google's generateContent reads it: one object, or a stream of chunks
// that are objects of the same form. One writer belongs to one attempt, and to its thread.
// https://ai.google.dev/api/generate-content#v1beta.GenerateContentResponse
#pragma once

#include "dialects/answer.hpp"

#include <memory>

namespace understudy::dialects::gemini {

/// `tools` outlives the writer. The first call of an answer carries kNoSeal: Google's own models
/// refuse the conversation later on when it has nothing in that place.
std::unique_ptr<AnswerWriter> make_writer(const Told& told, const ClientTools& tools);

}  // namespace understudy::dialects::gemini
