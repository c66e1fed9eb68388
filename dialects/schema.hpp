// JSON schemas, made to fit what an API takes of them. Pure.
#pragma once

#include "dialects/talk.hpp"
#include "dialects/value.hpp"

#include <string>

namespace understudy::dialects {

/// The schema of a tool's arguments as a plain object: with a type, with properties, and nothing to
/// choose from at the top, whose branches are laid together. Without a schema, one of no arguments.
std::string object_schema(Value schema);

/// Without the keywords that Anthropic's structured output refuses, and every object closed. What
/// was left out `talk` names as dropped: "json_schema.minLength".
std::string anthropic_schema(Value schema, Talk& talk);

}  // namespace understudy::dialects
