// Prints the scrape page of a registry in which everything has been counted, for the tools that
// read it: print_page prometheus|openmetrics [hostile]
#include "tests/unit/metrics/sample.hpp"

#include <iostream>
#include <string_view>

int main(int argc, char** argv) {
    using namespace understudy::metrics;
    const std::string_view format = argc > 1 ? argv[1] : "";
    if (format != "prometheus" && format != "openmetrics") {
        std::cerr << "usage: metrics_page prometheus|openmetrics [hostile]\n";
        return 2;
    }
    const auto registry = test::sample_registry();
    if (argc > 2) {
        auto& shard = registry->shard(0);
        auto& series = shard.attempt(test::kHostile, test::kHostile);
        series.add_usage({1, 1, 1, 1, 1}, Source::reported);
        series.duration.observe(1);
        shard.route(test::kHostile).duration.observe(1);
        shard.failover(test::kHostile, test::kHostile, test::kRateLimit).add();
        registry->set_provider(test::kHostile, test::kHostile);
    }
    std::cout << registry->render(format == "openmetrics" ? Format::openmetrics
                                                          : Format::prometheus);
    return 0;
}
