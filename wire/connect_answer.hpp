// What a proxy says to CONNECT (RFC 9110 9.3.6), read from the beginning of what it sent.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace understudy::wire {

struct ConnectAnswer {
    enum class State : std::uint8_t {
        need_more,
        opened,   // 2xx: what follows the head comes through the tunnel
        refused,  // any other final status
        garbage,  // no answer in HTTP/1, or one without end
    };
    State state = State::need_more;
    unsigned status = 0;
    std::string reason;    // printable and short: fit for logs and errors
    std::size_t size = 0;  // of the head, with interim answers before it
};

/// The most that is read of it.
inline constexpr std::size_t kLongestConnectAnswer = 16 * 1024;

/// `bytes` is all that has come. Of the fields nothing counts: Content-Length and Transfer-Encoding
/// mean nothing in a 2xx to CONNECT, and a connection that was refused is not used again.
ConnectAnswer read_connect_answer(std::string_view bytes);

}  // namespace understudy::wire
