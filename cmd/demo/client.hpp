// A plain blocking HTTP client for the demo: one request per connection, as curl would do it.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace understudy::demo {

struct Answer {
    unsigned status = 0;  // 0: no answer
    std::vector<std::pair<std::string, std::string>> fields;
    std::string body;    // decoded
    bool whole = false;  // the body came to its proper end
    std::chrono::milliseconds time{0};

    /// The value of a response header in lower case, or "".
    std::string_view field(std::string_view name) const;
};

/// Asks 127.0.0.1:`port`. An empty `json` makes it a GET. Never waits longer than ten seconds for
/// a byte; what went wrong is an Answer with status 0.
Answer ask(std::uint16_t port, std::string_view path, std::string_view json);

}  // namespace understudy::demo
