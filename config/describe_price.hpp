// What a model costs at an upstream, and where that price is from, for `understudy explain`.
#pragma once

#include "config/config.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace understudy::config {

/// The price, then a line for each service tier and each threshold; one line that says so where
/// none is known.
std::vector<std::string> describe_price(const Config& config, const Upstream& upstream,
                                        std::string_view model);

}  // namespace understudy::config
