// What of a request is paid for by the piece. Pure.
#pragma once

#include "metrics/price.hpp"
#include "proxy/inbound.hpp"

#include <cstdint>

namespace understudy::proxy {

/// Of a request that was answered to its end: the request itself, and the images that it asked for
/// (`n`, one unless it says otherwise).
metrics::Pieces pieces_of(const Inbound& request);

/// Of a stream: how many events close a part of the answer before the last one has; 0: `n` says
/// nothing that can be counted on. Of pictures each has its own, of all else there is one.
std::uint64_t closings_of(const Inbound& request);

}  // namespace understudy::proxy
