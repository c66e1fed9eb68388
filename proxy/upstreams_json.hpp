// How the upstreams are at this moment, as JSON for people and scripts (docs/operations.md). Pure:
// made of the configuration and of what is counted and known. No key is in it, only its place.
#pragma once

#include "config/config.hpp"
#include "metrics/series.hpp"
#include "metrics/totals.hpp"

#include <optional>
#include <string>

namespace understudy::proxy {

/// The value below which `share` (0 to 1) of what was observed lies, within its bucket by the rule
/// of three, as Prometheus has it; in the histogram's unit. nullopt: nothing was observed.
std::optional<double> quantile(const metrics::HistogramTotals& histogram, double share);

/// {"upstreams":[{"name":...,"models":[...]}]}, in the order of the configuration.
std::string upstreams_json(const config::Config& config, const metrics::Registry::Totals& totals);

}  // namespace understudy::proxy
