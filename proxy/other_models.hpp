// Models that a request names beside its `model`: gateways fall back to them by themselves, so a
// key that may use some models only must not bring others in by these members.
#pragma once

#include "proxy/inbound.hpp"
#include "proxy/local_error.hpp"

#include <optional>

namespace understudy::proxy {

/// 403 when the request's key has `routes` and a member of the body names a model outside them, or
/// chooses models in a way that cannot be read here. Names count in any case. Which members do is a
/// list with sources; what is not on it is passed on, as clients need, so an upstream with a way of
/// its own to choose models needs an entry there, or `body: { drop: [...] }`.
std::optional<LocalError> authorize_other_models(const Inbound& request);

}  // namespace understudy::proxy
