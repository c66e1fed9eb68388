// Where a profile's requests go: provider, address, model and key.
#pragma once

#include "config/profile_reader.hpp"

namespace understudy::config {

/// Fills preset, base_url, model, api_key and price_provider of `upstream`.
void place_profile(ProfileReader& reader, const Environment& env, Upstream& upstream);

}  // namespace understudy::config
