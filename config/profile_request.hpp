// What a profile changes in the requests themselves: headers and top-level members.
#pragma once

#include "config/profile_reader.hpp"

namespace understudy::config {

/// Fills headers and body of `upstream`, whose preset and model are known. The profile's values
/// replace the client's, as FallbackStrategy sends a fallback's own.
void read_request_members(ProfileReader& reader, Upstream& upstream);

}  // namespace understudy::config
