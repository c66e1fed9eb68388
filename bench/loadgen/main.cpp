// loadgen: the bench's load for streams, latency and large bodies (plain throughput is wrk's).
#include "loadgen/engine.hpp"
#include "loadgen/report.hpp"

#include <cstdio>
#include <exception>
#include <optional>

int main(int argc, char** argv) {
    using namespace understudy::bench;
    std::optional<Options> options;
    try {
        options = read_options(argc, argv);
    } catch (const std::exception& problem) {
        std::fprintf(stderr, "loadgen: %s\n%s", problem.what(), kUsage);
        return 2;
    }
    Engine engine(*options);
    const auto& results = engine.run();
    print_report(*options, results);
    return results.completed > 0 ? 0 : 1;
}
