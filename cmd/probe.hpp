// `understudy check --probe`: asks every upstream whether it would work.
#pragma once

#include "config/config.hpp"

#include <string_view>

namespace understudy::cmd {

/// Probes every upstream and prints a table: DNS, TCP, TLS, key, model present, streams, reports
/// usage, time to first token, and what is wrong. `model` (--model) is what a client would ask for;
/// empty: what the configuration names, else one that the upstream has. Returns kOk if all are
/// usable, kFailure otherwise. Keys are never printed.
int run_probe(const config::Config& config, std::string_view model);

}  // namespace understudy::cmd
