// From a model name to a Behaviour: "cut-40", "429-once-retry-2s", "slow-2s+cut-10". Pure.
#pragma once

#include "mock/plan.hpp"

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace understudy::mock {

/// The behaviour that a name asks for. nullopt: not a fault's name (such a model behaves like
/// `ok`). Several may be joined with '+'; each adds to the plan.
std::optional<Behaviour> behaviour_named(std::string_view name);

/// One line of the table in --help, docs/mock.md and /control/faults.
struct FaultHelp {
    std::string_view name;
    std::string_view what;
};
std::span<const FaultHelp> fault_table();

}  // namespace understudy::mock
