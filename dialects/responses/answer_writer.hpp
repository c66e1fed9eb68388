// OpenAI's Responses: an answer written as one Response object, or as the events that its libraries
// and codex demand, in their order. Items stand open one after the other only: what comes while a
// call is open waits for the end of the answer, because nobody says when a call is over.
#pragma once

#include "dialects/answer.hpp"
#include "dialects/value.hpp"

#include <memory>

namespace understudy::dialects::responses {

/// `tools` outlives the writer, and names its groups as ToolList does. `request`: the client's
/// body, of which some members are repeated, or none; not kept.
///
/// The upstream's error ends a stream with `error`, which the libraries raise, and
/// `response.failed`, which is all that codex reads; a call that was cut is not told to be done,
/// because codex runs what is.
std::unique_ptr<AnswerWriter> make_writer(const Told& told, const ClientTools& tools,
                                          Value request);

}  // namespace understudy::dialects::responses
