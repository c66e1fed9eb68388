// The limits of a key between the rooms: as the configuration has them, as they are counted, as
// they are shown.
#pragma once

#include "config/config.hpp"
#include "limits/allowance.hpp"
#include "metrics/states.hpp"

namespace understudy::proxy {

limits::Rules limits_of(const config::KeyLimits& limits);

/// How they stand: every limit of the key, whether or not it has ever been reached. Any thread.
metrics::States::Allowance state_of(const config::Key& key, limits::Allowance& allowance);

}  // namespace understudy::proxy
