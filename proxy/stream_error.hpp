// The last event of a stream that cannot be completed. Pure.
#pragma once

#include "wire/answer.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace understudy::proxy {

/// What clients of /responses get with the error: all of the answer, as far as it has come.
struct AnswerSoFar {
    /// The Response, failed, with response_error() in it: JSON. Empty: none has begun, or nobody
    /// knows it any more; then one is made of the rest.
    std::string_view response;
    std::string seed;          // of the id of one that is made: no other answer's
    std::string_view model;    // as the client asked for it
    std::int64_t created = 0;  // Unix time
};
/// The `error` of such a Response, in one of the codes that OpenAI's libraries know. `status`: as
/// below.
std::string response_error(std::string_view message, unsigned status = 0);

/// An error event in the shape that libraries read at this endpoint: OpenAI's `{"error": ...}` for
/// chat and its relatives, Anthropic's event `error`, Google's status as one more chunk. At
/// /responses both `error`, flat and nested (openai-python and openai-node raise only for the
/// nested form, others read the flat one), and `response.failed`, the only one that codex looks at.
/// `events`: how many came before, which is the next sequence_number there. `code`: what went
/// wrong, in a word that stays the same. `status`: what the answer would have had, had its head not
/// gone out; 0: none, a stream has broken.
std::string stream_error_event(wire::AnswerShape shape, std::string_view message,
                               std::uint64_t events, std::string_view code = "stream_interrupted",
                               unsigned status = 0, const AnswerSoFar& so_far = {});

/// The same where an upstream has said why: `body` is its plain answer in the client's dialect,
/// whose error object goes on as it is (type, param, code, details), with the words of `otherwise`
/// for what it does not have.
struct StreamError {
    std::string_view message;
    std::string_view code;
    unsigned status = 0;
};
std::string upstream_error_event(wire::AnswerShape shape, std::string_view body,
                                 const StreamError& otherwise, const AnswerSoFar& so_far = {});

/// `response.failed` with this error, as the event of that number.
std::string response_failed_event(std::uint64_t number, std::string_view error,
                                  const AnswerSoFar& so_far);

/// The upstream's own error event, of which only the data was kept, as this API's clients read it.
std::string passed_error_event(wire::AnswerShape shape, std::string_view data);

}  // namespace understudy::proxy
