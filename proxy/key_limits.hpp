// The limits of a key between the rooms: as the configuration has them, as they are counted, as
// they are shown.
#pragma once

#include "config/config.hpp"
#include "limits/allowance.hpp"
#include "metrics/states.hpp"

#include <string>

namespace understudy::proxy {

limits::Rules limits_of(const config::KeyLimits& limits);

/// What answers tell of one limit up to what remains: a line that stays the same, and the name of
/// the next one.
struct LimitWords {
    std::string plain, openai;
};
/// What a key may do, made once for each configuration.
struct KeyRules {
    KeyRules() = default;
    explicit KeyRules(const config::KeyLimits& limits);
    limits::Rules rules;
    LimitWords requests, tokens;  // per minute
};

/// How they stand: every limit of the key, whether or not it has ever been reached. Any thread.
metrics::States::Allowance state_of(const config::Key& key, limits::Allowance& allowance);

}  // namespace understudy::proxy
