// The model of a request that names it in its path, as Google's API does.
#pragma once

#include "proxy/inbound.hpp"
#include "proxy/local_error.hpp"

#include <optional>

namespace understudy::proxy {

/// For a body that has been scanned: takes the model, decoded, and whether events are wanted from
/// the endpoint into the facts. 400 where the body names another model, which is never decided
/// upon, or where the path names none.
std::optional<LocalError> take_model_of_path(Inbound& request);

}  // namespace understudy::proxy
