// Tools of free text whose input keeps to a grammar: who is held to none can read it. Pure.
#pragma once

#include "dialects/talk.hpp"

#include <string_view>

namespace understudy::dialects {

/// Puts the grammar into the tool's description, from an object with `syntax` and `definition`;
/// nothing is done where there is no definition. `member` is what is named as dropped then.
void describe_grammar(Value grammar, Tool& tool, Talk& talk, std::string_view member);

}  // namespace understudy::dialects
