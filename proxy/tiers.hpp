// The order in which the members of a group are tried: drawn for each request. Pure but for the
// random numbers that come in.
#pragma once

#include "proxy/runtime.hpp"

#include <functional>
#include <span>

namespace understudy::proxy {

/// Orders the entries of each tier of `chain` by chance, one with twice the weight coming first
/// twice as often; tiers stay where they are. `random` gives numbers in [0, 1).
void draw_order(std::span<const RuntimeEntry*> chain, const std::function<double()>& random);

}  // namespace understudy::proxy
