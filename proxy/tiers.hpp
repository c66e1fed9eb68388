// The order in which the members of a group are tried, found anew for each request. Pure: what is
// known of the members, and the random numbers, come in.
#pragma once

#include "proxy/runtime.hpp"

#include <chrono>
#include <functional>
#include <optional>
#include <span>
#include <string_view>

namespace understudy::proxy {

/// What is known of the entries at the moment of a request.
struct GroupFacts {
    std::function<double()> random;                            // numbers in [0, 1)
    std::function<std::size_t(const RuntimeEntry&)> inflight;  // requests under way there
    /// How soon its answers begin, as a rule; nullopt: not enough of them are known.
    std::function<std::optional<std::chrono::milliseconds>(const RuntimeEntry&)> latency;
    std::string_view session;  // of the request; empty: none is known
};

/// Orders the entries of each tier of `chain`; tiers stay where they are.
/// random: by chance, one with twice the weight coming first twice as often. least_inflight: by
/// requests under way for each part of the weight, equals by chance. latency: the soonest first;
/// members of which too little is known come before all others, so that it becomes known.
/// In a sticky group the member that the session belongs to (by rendezvous hashing, weighted) is
/// moved to the front: a preference, the others follow in their order.
void order_groups(std::span<const RuntimeEntry*> chain, const GroupFacts& facts);

}  // namespace understudy::proxy
