// Counting tokens where nobody is there to ask: each API counts at its own upstreams alone, and
// clients ask for a figure to plan with. Pure.
#pragma once

#include "proxy/inbound.hpp"
#include "proxy/plan.hpp"

#include <optional>
#include <string>

namespace understudy::proxy {

/// The answer to a request that asks how many tokens its prompt has, where no entry of the chain
/// speaks its API: an estimate, in the words of that API. nullopt: it is no such request, or there
/// is somebody to ask.
std::optional<std::string> counted_here(const Inbound& request, const Plan& plan);
/// It may be such a request.
constexpr bool asks_for_count(wire::AnswerShape shape) {
    return shape == wire::AnswerShape::messages_count || shape == wire::AnswerShape::gemini_count;
}

}  // namespace understudy::proxy
