// How much Claude is to think, in the tokens or the words that it takes. Pure.
#pragma once

#include "dialects/messages/gates.hpp"
#include "dialects/talk.hpp"

#include <cstdint>
#include <string_view>

namespace understudy::dialects::messages {

/// Tokens of thought, for models that are told a number, out of those that they can write: never
/// fewer for a greater effort, and some are left for the answer.
std::uint64_t budget_of(const Effort& effort, std::uint64_t max_output);

/// output_config.effort; static text, or a word of the effort itself.
std::string_view effort_of(const Effort& effort, const Gates& gates);

}  // namespace understudy::dialects::messages
