// The last event of a stream that cannot be completed. Pure.
#pragma once

#include "wire/answer.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace understudy::proxy {

/// An error event in the shape that libraries read at this endpoint: OpenAI's `{"error": ...}` for
/// chat and its relatives. At /responses both `error`, flat and nested (openai-python and
/// openai-node raise only for the nested form, others read the flat one), and `response.failed`,
/// the only one that codex looks at. `events`: how many came before, which is the next
/// sequence_number there.
std::string stream_error_event(wire::AnswerShape shape, std::string_view message,
                               std::uint64_t events);

}  // namespace understudy::proxy
