// States that workers share instead of counting them: read when somebody scrapes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace understudy::metrics {

/// The states of one moment.
struct States {
    struct Breaker {
        std::string upstream, model;
        std::uint8_t state = 0;  // 0 closed, 1 half open, 2 open, 3 down
    };
    struct Key {
        std::string upstream;
        std::size_t position = 0;  // in the pool, from 1
        std::uint8_t state = 0;    // 0 in use, 1 resting, 2 retired
    };
    /// An inbound key with limits.
    struct Allowance {
        struct Denied {
            std::string_view limit;
            std::uint64_t count = 0;
        };
        struct Budget {
            std::string_view period;
            std::uint64_t nano_usd = 0, left_nano_usd = 0;
        };
        std::string key;
        std::vector<Denied> denied;  // of every limit that it has
        std::vector<Budget> budgets;
    };
    std::vector<Breaker> breakers;
    std::vector<Key> keys;
    std::vector<Allowance> allowances;
    std::uint64_t sessions_denied = 0;  // requests beyond the budget of their session
};

/// Who knows them. Any thread may ask at any time.
class StateSource {
  public:
    virtual ~StateSource() = default;
    virtual void collect(States& out) const = 0;
};

}  // namespace understudy::metrics
