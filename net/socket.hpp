// Socket types of the data path (one io_context per worker, no strands, no type erasure) and the
// gather list that one write sends from.
#pragma once

#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/container/small_vector.hpp>
#include <boost/system/error_code.hpp>

#include <sys/uio.h>
#include <chrono>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace understudy::net {

namespace asio = boost::asio;
using boost::system::error_code;
using Executor = asio::io_context::executor_type;
using Socket = asio::basic_stream_socket<asio::ip::tcp, Executor>;
using IpEndpoint = asio::ip::tcp::endpoint;

/// Slices still to be sent, in order. Owns the list, not the bytes. Reused between messages.
class GatherList {
  public:
    void clear() {
        items_.clear();
        next_ = 0;
        bytes_ = 0;
    }
    void add(std::string_view bytes) {
        if (bytes.empty()) return;
        items_.push_back({const_cast<char*>(bytes.data()), bytes.size()});
        bytes_ += bytes.size();
    }
    /// All slices of another list that has not been advanced.
    void add(const GatherList& other) {
        items_.insert(items_.end(), other.items_.begin(), other.items_.end());
        bytes_ += other.bytes_;
    }
    bool empty() const { return bytes_ == 0; }
    std::size_t bytes() const { return bytes_; }
    const iovec* items() const { return items_.data() + next_; }
    std::size_t count() const { return items_.size() - next_; }
    /// The slices from the front, up to `room` bytes and as many as `out` holds; returns how many.
    std::size_t front(std::span<iovec> out, std::size_t room) const;
    /// Copies the slices to `out`, one behind the other, up to `room` bytes; returns how many.
    std::size_t copy_to(char* out, std::size_t room) const;
    /// `n` bytes from the front are gone.
    void advance(std::size_t n);

  private:
    boost::container::small_vector<iovec, 6> items_;  // head, a body in a few pieces
    std::size_t next_ = 0;
    std::size_t bytes_ = 0;
};

/// Short text for logs and error messages: "connection refused", "connection reset by peer".
std::string describe(const error_code& ec);

/// TCP_NODELAY and non-blocking; errors are of no consequence.
void tune(Socket& socket);

/// Probes a silent connection after 60 s, then every 15 s: NATs and firewalls on the way forget one
/// that a thinking model leaves silent for minutes, and nobody would be told. Errors as above.
void keep_alive(Socket& socket);

/// The connection's round trip as the kernel has measured it, also after its end; 0 where it does
/// not say. A system call.
std::chrono::microseconds round_trip(Socket& socket);

/// Takes over a connected descriptor that is tuned already and that nobody else has a copy of:
/// without the system calls that Asio makes where it cannot know that. Closes it on failure.
error_code adopt(Socket& socket, int descriptor);

}  // namespace understudy::net
