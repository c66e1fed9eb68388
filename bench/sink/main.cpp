// benchsink: the simulated upstream of the bench, as cheap as it can be.
//
//   benchsink --listen 127.0.0.1:9001 [--fail 127.0.0.1:9002]
//             [--tls 127.0.0.1:9003 --certificate cert.pem --key key.pem]
//
// Model `s-<events>-<interval_us>` streams that many 100-byte events, `fail` answers 503, any other
// name gets a canned answer of 1 KB. The port given to --fail always answers 503.
#include "sink/server.hpp"

#include <csignal>
#include <cstdio>
#include <exception>
#include <string_view>

namespace {

using understudy::bench::parse_address;
using understudy::bench::SinkOptions;

SinkOptions read_options(int argc, char** argv) {
    SinkOptions options;
    for (int i = 1; i + 1 < argc; i += 2) {
        const std::string_view name = argv[i];
        const std::string value = argv[i + 1];
        if (name == "--listen")
            options.plain.push_back(parse_address(value));
        else if (name == "--tls")
            options.tls.push_back(parse_address(value));
        else if (name == "--fail")
            options.fail.push_back(parse_address(value));
        else if (name == "--certificate")
            options.certificate = value;
        else if (name == "--key")
            options.key = value;
        else
            throw std::runtime_error("unknown option " + std::string(name));
    }
    if (options.plain.empty()) throw std::runtime_error("--listen ADDRESS:PORT is needed");
    return options;
}

}  // namespace

int main(int argc, char** argv) {
    std::signal(SIGPIPE, SIG_IGN);
    try {
        understudy::bench::Server server(read_options(argc, argv));
        std::puts("ready");
        std::fflush(stdout);
        server.run();
    } catch (const std::exception& problem) {
        std::fprintf(stderr, "benchsink: %s\n", problem.what());
        return 2;
    }
}
