// What a model is told that is to go on behind the last words of a broken answer, and how much it
// may write. The same in every API. Pure.
#pragma once

#include "proxy/rescue/ladder.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace understudy::proxy::rescue {

/// `text`: what was delivered, as it is sent (anchor.hpp).
std::string instruction_behind(std::string_view text);

/// What is left of a limit of `tokens` for the whole answer, of which `delivered` were. One event
/// is taken for a token, as for the bill: servers put one or more into each, so that the rest is
/// never cut too short. At least one.
std::uint64_t rest_of_limit(std::uint64_t tokens, std::uint64_t delivered, Rung rung);

}  // namespace understudy::proxy::rescue
