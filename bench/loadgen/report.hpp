// Results as one JSON object on standard output.
#pragma once

#include "loadgen/engine.hpp"

namespace understudy::bench {

void print_report(const Options& options, const Results& results);

}  // namespace understudy::bench
