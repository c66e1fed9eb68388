// The last event of a stream that cannot be completed. Pure.
#pragma once

#include "wire/answer.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace understudy::proxy {

/// An error event in the shape that libraries read at this endpoint: OpenAI's `{"error": ...}` for
/// chat and its relatives, Anthropic's event `error`, Google's status as one more chunk. At
/// /responses both `error`, flat and nested (openai-python and openai-node raise only for the
/// nested form, others read the flat one), and `response.failed`, the only one that codex looks at.
/// `events`: how many came before, which is the next sequence_number there. `code`: what went
/// wrong, in a word that stays the same. `status`: what the answer would have had, had its head not
/// gone out; 0: none, a stream has broken.
std::string stream_error_event(wire::AnswerShape shape, std::string_view message,
                               std::uint64_t events, std::string_view code = "stream_interrupted",
                               unsigned status = 0);

/// The same where an upstream has said why: `body` is its plain answer in the client's dialect,
/// whose error object goes on as it is (type, param, code, details), with the words of `otherwise`
/// for what it does not have.
struct StreamError {
    std::string_view message;
    std::string_view code;
    unsigned status = 0;
};
std::string upstream_error_event(wire::AnswerShape shape, std::string_view body,
                                 const StreamError& otherwise);

/// The upstream's own error event, of which only the data was kept, as this API's clients read it.
std::string passed_error_event(wire::AnswerShape shape, std::string_view data);

}  // namespace understudy::proxy
