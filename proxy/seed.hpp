// Counters go on from where the ledger says that they were, so that no restart is an increase or a
// fall: what was written before this process and beside it is added, as it becomes known.
#pragma once

#include "config/config.hpp"
#include "ledger/store.hpp"
#include "metrics/series.hpp"

#include <span>

namespace understudy::proxy {

/// Adds the value of every counter that is known here to its series, in a shard in which nobody
/// else counts. Models that were learned before are labels again.
void seed(std::span<const ledger::Counter> counters, const config::Config& config,
          metrics::Shard& shard);

}  // namespace understudy::proxy
