// What the sink must know of a request: where its head ends, how long its body is, and which model
// it names (the model chooses the behaviour). Everything else is not even looked at.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace understudy::bench {

struct RequestHead {
    enum class State : std::uint8_t { incomplete, bad, complete };
    State state = State::incomplete;
    std::size_t head_bytes = 0;
    std::uint64_t body_bytes = 0;
    bool get = false;
    bool chunked = false;
};

RequestHead read_head(std::string_view bytes);

/// What the model asks for: `s-<events>-<interval_us>` a stream, `fail` a 503, anything else the
/// canned answer.
struct Wish {
    enum class Kind : std::uint8_t { plain, stream, fail };
    Kind kind = Kind::plain;
    std::uint32_t events = 0;
    std::uint64_t interval_ns = 0;
    bool usage = false;  // stream_options.include_usage
};

Wish read_wish(std::string_view body_prefix);

}  // namespace understudy::bench
