// Which errors of a system call mean that this process, or this machine, has run out of something:
// no upstream is to blame for them, and none would do better.
#pragma once

#include "net/socket.hpp"

#include <cstddef>

namespace understudy::net {

/// Memory, buffers of the kernel, descriptors, local ports (connect(2), socket(2)).
bool is_shortage(const error_code& ec) noexcept;

/// The last descriptors that this process may have: for those of who comes beyond the limit of
/// clients, and some to work with.
inline constexpr std::size_t kLastDescriptors = 24;

/// Whether a new descriptor is one of the last few that this process may have: those are for
/// clients who ask for health and metrics. Descriptors are given out from the lowest free number
/// (open(2)).
bool is_last_reserve(int descriptor) noexcept;

}  // namespace understudy::net
