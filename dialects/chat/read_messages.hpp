// What a request to /chat/completions says in its messages: a part of the request's reader. Pure.
#pragma once

#include "dialects/talk.hpp"
#include "dialects/value.hpp"

#include <optional>

namespace understudy::dialects::chat {

/// Fills the system's words and the turns of a talk. The first thing that is wrong, or that no
/// other API can be told.
std::optional<Problem> read_messages(Value list, Talk& talk);

}  // namespace understudy::dialects::chat
