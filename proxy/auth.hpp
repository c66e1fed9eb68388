// Who asks, and for what. Inbound keys are compared as SHA-256 digests in constant time.
#pragma once

#include "config/config.hpp"
#include "proxy/inbound.hpp"
#include "proxy/local_error.hpp"

#include <optional>
#include <string_view>

namespace understudy::proxy {

/// Where keys are configured: finds the one the request carries (Authorization: Bearer, x-api-key,
/// api-key) and sets request.key; 401 when there is none. Without configured keys: no error.
std::optional<LocalError> authenticate(const config::Config& config, Inbound& request);

/// Whether the request's key may use `model`; 403 when not.
std::optional<LocalError> authorize(const Inbound& request, std::string_view model);

}  // namespace understudy::proxy
