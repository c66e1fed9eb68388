#include "loadgen/report.hpp"

#include <cinttypes>
#include <cstdio>

namespace understudy::bench {
namespace {

double us(std::uint64_t ns) {
    return static_cast<double>(ns) / 1000.0;
}

void print_times(const char* name, const Histogram& times) {
    std::printf(",\n \"%s_us\": {\"p50\": %.3f, \"p90\": %.3f, \"p99\": %.3f, \"max\": %.3f}", name,
                us(times.quantile(0.5)), us(times.quantile(0.9)), us(times.quantile(0.99)),
                us(times.max()));
}

void print_errors(const Errors& errors) {
    std::printf(",\n \"errors\": {\"total\": %" PRIu64 ", \"connect\": %" PRIu64
                ", \"status\": %" PRIu64 ", \"closed\": %" PRIu64 ", \"framing\": %" PRIu64
                ", \"incomplete\": %" PRIu64 ", \"unfinished\": %" PRIu64 "}",
                errors.total(), errors.connect, errors.status, errors.closed, errors.framing,
                errors.incomplete, errors.unfinished);
}

}  // namespace

void print_report(const Options& options, const Results& results) {
    std::printf("{\"connections\": %zu, \"seconds\": %.3f, \"concurrent_max\": %" PRIu64
                ", \"started\": %" PRIu64 ", \"completed\": %" PRIu64 ", \"body_bytes\": %" PRIu64,
                options.connections, results.seconds, results.concurrent_max, results.started,
                results.completed, results.completed * options.body_bytes);
    print_errors(results.errors);
    print_times("latency", results.latency);
    if (options.mode == Mode::streams) {
        const auto& streams = results.streams;
        std::printf(",\n \"events\": %" PRIu64 ", \"events_expected\": %" PRIu64
                    ", \"stalls_over_100ms\": %" PRIu64,
                    streams.events, results.started * options.events, streams.stalls);
        print_times("first_token", streams.first_token);
        print_times("gap", streams.gap);
        print_times("delay", streams.delay);
        print_times("added_gap", streams.added_gap);
    }
    std::puts("}");
}

}  // namespace understudy::bench
