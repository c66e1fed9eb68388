// The one read of a Stream, as an operation of Asio's reactor that is reused instead of allocated.
//
// Why not async_read_some: it tries recv at once unless the last recv returned nothing, so in a
// proxy, which reads all there is and then waits, every read costs a second recv that fails. The
// reactor has a remedy (done_and_exhausted: do not try again before the next readiness event), but
// Asio's own operation never says so after a read that emptied the socket. This one does.
//
// A short read empties the socket, but not of an end or a reset that came with the same event: the
// event is used up, and nothing would ever tell. So EPOLLRDHUP is asked for, and behind such an
// event the read is tried again. What comes later raises an event of its own (epoll(7), EPOLLET).
// Saves two system calls per request, and the control message that TCP_INQ would take to say the
// same (docs/performance.md). Depends on asio::detail, as of Boost 1.81.
#pragma once

#include "net/read_block.hpp"
#include "net/socket.hpp"

#include <boost/asio/detail/epoll_reactor.hpp>
#include <boost/asio/detail/reactor_op.hpp>

#include <cstddef>
#include <utility>

namespace understudy::net {

class Stream;

class ReadOp final : public asio::detail::reactor_op {
  public:
    explicit ReadOp(Stream& stream);
    /// Starts reading into [data, data + size), or, where that is nothing, into a block of the
    /// thread's once there is something to read. The stream must not be reading already; it is kept
    /// alive until its on_read has been called.
    void start(Socket& socket, char* data, std::size_t size);
    /// Moves a read that is under way to another place. False: bytes have come already, and their
    /// completion is on its way; nothing has changed then.
    bool retarget(char* data, std::size_t size);

    /// What the last read has brought, when it had no place of its own.
    ReadBlock take_block() { return std::move(block_); }

    /// See Stream::set_flowing().
    void set_flowing(bool flowing) { flowing_ = flowing; }
    /// Whether `operation` is the read of a stream that flows.
    static bool flows(const asio::detail::reactor_op& operation);

    /// Where the bytes of the last read are; null: in take_block().
    const char* target() const { return data_; }

  private:
    static status perform(reactor_op* base);
    static void complete(void* owner, asio::detail::scheduler_operation* base, const error_code& ec,
                         std::size_t n);

    Stream& stream_;
    asio::detail::epoll_reactor* reactor_ = nullptr;
    // The reactor's, for as long as the socket is open; no operation runs after that.
    const asio::detail::scheduler_operation* descriptor_ = nullptr;
    int number_ = -1;
    char* data_ = nullptr;
    std::size_t size_ = 0;
    ReadBlock block_;
    bool flowing_ = false;
};

}  // namespace understudy::net
