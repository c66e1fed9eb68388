// What usage is summed up to: one struct, added up from rows by whoever sums. Pure.
#pragma once

#include "ledger/row.hpp"

#include <cstdint>

namespace understudy::ledger {

struct Sums {
    std::uint64_t requests = 0;  // counted where they began: at their first attempt
    std::uint64_t attempts = 0, failed = 0;
    Tokens tokens;  // as reported
    std::uint64_t estimated_input = 0, estimated_output = 0;
    std::int64_t cost_nano_usd = 0, estimated_cost_nano_usd = 0;
    std::uint64_t missing = 0;   // attempts that ended well and did not say what they used
    std::uint64_t unpriced = 0;  // attempts with tokens that no price is known for

    void add(const AttemptRow& row);
    void add(const Sums& other);
    bool operator==(const Sums&) const = default;
};

}  // namespace understudy::ledger
