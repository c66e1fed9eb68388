// Who asks, and for what. Inbound keys are compared as SHA-256 digests in constant time.
#pragma once

#include "config/config.hpp"
#include "proxy/inbound.hpp"
#include "proxy/local_error.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace understudy::proxy {

/// Where keys are configured: finds the one the request carries (Authorization: Bearer, x-api-key,
/// x-goog-api-key, api-key, at Google's paths also ?key=) and sets request.key; 401 when there is
/// none, or it has expired. Without configured keys: no error.
std::optional<LocalError> authenticate(const config::Config& config, Inbound& request);

/// The key that the request carries, in whichever of these places, if it is fit for a header; else
/// empty.
std::string offered_key(const Inbound& request);

/// Whether the request's key may use `model`; 403 when not.
std::optional<LocalError> authorize(const Inbound& request, std::string_view model);

}  // namespace understudy::proxy
