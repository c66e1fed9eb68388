// `understudy check --probe`: asks every upstream whether it would work.
#pragma once

#include "config/config.hpp"

namespace understudy::cmd {

/// Probes every upstream and prints a table: DNS, TLS, authentication, model present, streams,
/// reports usage, time to first token. Returns kOk if all are usable, kFailure otherwise. Keys are
/// never printed.
int run_probe(const config::Config& config);

}  // namespace understudy::cmd
