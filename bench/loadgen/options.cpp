#include "loadgen/options.hpp"

#include <stdexcept>
#include <string_view>

namespace understudy::bench {

const char* const kUsage =
    "usage: loadgen streams|latency|body --target ADDRESS:PORT [options]\n"
    "  streams   SSE requests for model s-<events>-<interval_us>; times of every event\n"
    "  latency   plain requests, one after the other on each connection\n"
    "  body      the same with large request bodies; counts bytes\n"
    "options:\n"
    "  --connections N   concurrent requests (1)\n"
    "  --seconds S       start no request after that (5)\n"
    "  --requests N      and not more than N requests in all (no limit)\n"
    "  --spread S        start the first ones evenly over S seconds (0)\n"
    "  --patience S      wait that long for requests under way (30)\n"
    "  --events N --interval-us U   streams: events per stream and the pause between them\n"
    "  --body-bytes N    size of the request body (2048)\n"
    "  --sources N       client addresses 127.0.0.1 to 127.0.0.N (1)\n"
    "  --model NAME      model named in the request (bench)\n"
    "  --path PATH       (/v1/chat/completions)\n"
    "  --header 'N: V'   one more header line; may be given again\n"
    "  --once            one request per connection, then idle\n"
    "Prints one JSON object; times are microseconds.\n";

namespace {

Mode mode_of(std::string_view name) {
    if (name == "streams") return Mode::streams;
    if (name == "latency") return Mode::latency;
    if (name == "body") return Mode::body;
    throw std::runtime_error("the mode is streams, latency or body");
}

void set(Options& options, std::string_view name, const std::string& value, std::string& interval) {
    if (name == "--target") {
        options.target = parse_address(value);
    } else if (name == "--connections") {
        options.connections = std::stoul(value);
    } else if (name == "--seconds") {
        options.seconds = std::stod(value);
    } else if (name == "--requests") {
        options.requests = std::stoull(value);
    } else if (name == "--spread") {
        options.spread_seconds = std::stod(value);
    } else if (name == "--patience") {
        options.patience_seconds = std::stod(value);
    } else if (name == "--events") {
        options.events = static_cast<std::uint32_t>(std::stoul(value));
    } else if (name == "--interval-us") {
        interval = value;
    } else if (name == "--body-bytes") {
        options.body_bytes = std::stoul(value);
    } else if (name == "--sources") {
        options.sources = static_cast<std::uint32_t>(std::stoul(value));
    } else if (name == "--model") {
        options.model = value;
    } else if (name == "--header") {
        options.headers += value + "\r\n";
    } else if (name == "--path") {
        options.path = value;
    } else {
        throw std::runtime_error("unknown option " + std::string(name));
    }
}

}  // namespace

Options read_options(int argc, char** argv) {
    if (argc < 2) throw std::runtime_error("no mode given");
    Options options;
    options.mode = mode_of(argv[1]);
    std::string interval = "10000";
    for (int i = 2; i < argc; ++i) {
        const std::string_view name = argv[i];
        if (name == "--once") {
            options.once = true;
        } else if (++i < argc) {
            set(options, name, argv[i], interval);
        } else {
            throw std::runtime_error(std::string(name) + " wants a value");
        }
    }
    if (options.target.port == 0) throw std::runtime_error("--target ADDRESS:PORT is needed");
    if (options.mode == Mode::streams) {
        if (options.events == 0) throw std::runtime_error("streams want --events N");
        options.model = "s-" + std::to_string(options.events) + "-" + interval;
    }
    return options;
}

}  // namespace understudy::bench
