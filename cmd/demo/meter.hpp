// What the daemon has counted, read from its /metrics as Prometheus would.
#pragma once

#include <cstdint>
#include <string_view>

namespace understudy::demo {

struct Reading {
    double requests = 0;
    double tokens = 0;
    double cost_usd = 0;
    double failovers = 0;
};

/// Sums the samples of the counters that the demo shows.
Reading parse_metrics(std::string_view text);
/// Scrapes until more than `before` requests are booked, for two seconds at most: an answer's end
/// reaches the client a moment before its account is settled.
Reading scrape_after(std::uint16_t port, double before);

}  // namespace understudy::demo
