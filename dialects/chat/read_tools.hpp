// What a request to /chat/completions says of tools: which there are, and which are to be called.
// A part of the request's reader. Pure.
#pragma once

#include "dialects/talk.hpp"
#include "dialects/value.hpp"

#include <optional>

namespace understudy::dialects::chat {

/// `list` is one. The first thing that is wrong, or that no other API can be told.
std::optional<Problem> read_tools(Value list, Talk& talk);
/// The same of `tool_choice`, whatever it is.
std::optional<Problem> read_choice(Value choice, Talk& talk);

}  // namespace understudy::dialects::chat
