// Which errors of a system call mean that this process, or this machine, has run out of something:
// no upstream is to blame for them, and none would do better.
#pragma once

#include "upstreams/net.hpp"

namespace understudy::upstreams {

/// Memory, buffers of the kernel, descriptors, local ports (connect(2), socket(2)).
bool is_shortage(const error_code& ec) noexcept;

}  // namespace understudy::upstreams
