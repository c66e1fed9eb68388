// What a request is understood to ask for, before anything is sent anywhere: its route, its chain,
// how long all of it may take. Or why it is refused.
#pragma once

#include "proxy/inbound.hpp"
#include "proxy/local_error.hpp"
#include "proxy/runtime.hpp"

#include <boost/container/small_vector.hpp>

#include <cstddef>
#include <functional>
#include <optional>
#include <span>
#include <string_view>

namespace understudy::proxy {

/// Points into the runtime it was made with.
struct Plan {
    Plan() = default;
    const RuntimeRoute* route = nullptr;
    boost::container::small_vector<const RuntimeEntry*, 4> chain;  // in the order of trying
    net::TimePoint deadline{};                                     // over all attempts
};

/// Puts the members of groups in order (proxy/tiers.hpp).
using OrderGroups = std::function<void(std::span<const RuntimeEntry*>)>;

/// Reads everything that decides where `request` goes and fills its facts in. The error is the
/// client's; `plan.route` is then the route if one was found.
std::optional<LocalError> make_plan(Inbound& request, const Runtime& runtime,
                                    const OrderGroups& order_groups, Plan& plan);

/// What a sticky group sticks to: the session that the client names, else its prompt_cache_key or
/// its user; empty: none of them.
std::string_view session_of(const Inbound& request);

}  // namespace understudy::proxy
