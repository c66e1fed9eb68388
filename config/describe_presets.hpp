// The table of presets as `understudy check --presets` prints it.
#pragma once

#include <string>

namespace understudy::config {

/// Name, base URL and key variable of every preset, at most 80 columns wide.
std::string describe_presets();

}  // namespace understudy::config
