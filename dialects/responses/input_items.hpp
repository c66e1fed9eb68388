// The conversation in a request to /responses: a flat list of messages, calls, their outputs and
// thoughts, in the order in which they came to be. Here it becomes turns. Pure.
#pragma once

#include "dialects/responses/tool_list.hpp"
#include "dialects/talk.hpp"

#include <optional>

namespace understudy::dialects::responses {

/// Adds the tools that are declared among the items; before the names are laid flat.
void add_tools_of(Value input, ToolList& tools);

/// Reads `input`, a text or a list of items, into the talk. Outputs come to stand right behind
/// their calls, whatever was said between them.
std::optional<Problem> read_input(Value input, const ToolList& tools, Talk& talk);

}  // namespace understudy::dialects::responses
