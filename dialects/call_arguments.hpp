// The arguments of a call for APIs in which they are an object, and not its text. Pure.
#pragma once

#include "dialects/talk.hpp"

#include <string>

namespace understudy::dialects {

/// The arguments of a call as an object: whatever else the model once wrote is kept inside one, as
/// `rawInvalidInput`, and free text as `input`.
std::string arguments_object(const Block& call);

}  // namespace understudy::dialects
