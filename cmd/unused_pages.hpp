// Memory that was needed once, at the start or under a load, and that the kernel does not take back
// by itself while there is enough.
#pragma once

namespace understudy::cmd {

/// Takes all code and constants out of this process's memory; what is used again is mapped again,
/// from the page cache, as it is touched: some 0.1 ms for the first request. When everything that
/// serves has begun, and when a load has gone.
void forget_unused_pages();

}  // namespace understudy::cmd
