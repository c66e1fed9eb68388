// The load generator's command line.
#pragma once

#include "common/sockets.hpp"

#include <cstdint>
#include <string>

namespace understudy::bench {

enum class Mode : std::uint8_t { streams, latency, body };

struct Options {
    Mode mode = Mode::latency;
    Address target;
    std::string model = "bench";
    std::string path = "/v1/chat/completions";
    std::string headers;  // further lines, each with its CRLF
    std::size_t connections = 1;
    double seconds = 5;             // no new request after that; those under way are waited for
    double spread_seconds = 0;      // the first requests start evenly over this time
    double patience_seconds = 30;   // how long those under way are waited for
    std::uint32_t events = 0;       // streams: content events a whole stream has
    std::size_t body_bytes = 2048;  // of the request
    std::uint32_t sources = 1;      // client addresses 127.0.0.1 ... 127.0.0.n
    std::uint64_t requests = 0;     // stop after so many; 0: no such limit
    bool once = false;              // one request per connection
};

/// Throws std::runtime_error with a sentence for the user.
Options read_options(int argc, char** argv);

extern const char* const kUsage;

}  // namespace understudy::bench
