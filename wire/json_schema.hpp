// Whether a JSON value satisfies a JSON Schema, as far as a proxy can be sure of it: types,
// members, elements, enumerations and bounds. A keyword that is not read here (pattern, format,
// not, ...) forbids nothing, and neither does what lies beyond the bounds on depth and work. So a
// misfit is one by every reading, while a fit may still be refused by a stricter reader. Pure; any
// thread.
#pragma once

#include <nlohmann/json_fwd.hpp>

namespace understudy::wire {

/// What `value` lacks, in static words that quote neither; null: nothing that is looked for.
///
/// Reads type (also in capitals, as Google writes it, with `nullable`), enum, const, required,
/// properties, additionalProperties, items, prefixItems, allOf, anyOf, oneOf (as anyOf), $ref
/// within the schema, and the bounds of numbers, lengths and counts, of any draft since 4.
const char* misfit(const nlohmann::json& schema, const nlohmann::json& value);

}  // namespace understudy::wire
