// What of a request is paid for by the piece. Pure.
#pragma once

#include "metrics/price.hpp"
#include "proxy/inbound.hpp"

namespace understudy::proxy {

/// Of a request that was answered to its end: the request itself, and the images that it asked for
/// (`n`, one unless it says otherwise).
metrics::Pieces pieces_of(const Inbound& request);

}  // namespace understudy::proxy
