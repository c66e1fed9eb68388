// Thoughts are sealed by who thought them, and an API may refuse a seal: one of another provider,
// account or model, or one that belongs to another conversation. Then the request is asked again
// without any. Pure.
#pragma once

#include "wire/dialect.hpp"

#include <string>
#include <string_view>

namespace understudy::dialects {

/// Whether an error of this status says that a seal, or a thought without one, is refused.
bool refuses_seals(unsigned status, std::string_view error_body);

/// A request in this dialect without the thoughts of earlier turns, all of them or none; what
/// demands that they be there goes, too. The rest stays as it was written. Empty: there are none,
/// or this dialect has no seals. `body` has been validated.
std::string without_seals(wire::Dialect dialect, std::string_view body);

/// A request in this dialect without the thoughts that a client of it got from another provider
/// (dialects/seals.hpp), which this one would refuse each time; `demands_seals`: without those that
/// have no seal, too, as Claude does. The rest stays as it was written. Empty: there are none.
std::string without_foreign_seals(wire::Dialect dialect, std::string_view body, bool demands_seals);

}  // namespace understudy::dialects
