// Google's own form of a schema, a subset of OpenAPI's with types in capitals, as JSON Schema.
// Pure. https://ai.google.dev/api/caching#Schema
#pragma once

#include "dialects/value.hpp"

#include <string>

namespace understudy::dialects::gemini {

/// The same schema in JSON Schema's words.
std::string json_schema(Value schema);

}  // namespace understudy::dialects::gemini
