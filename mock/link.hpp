// One accepted connection as the Player sees it: bytes in, bytes out, pauses that end early when
// the client leaves, and the ways to end it badly. Plain TCP or TLS; OpenSSL works on the socket
// itself, so that both look the same (a call that would block, then a wait for readiness).
#pragma once

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/wait_traits.hpp>

#include <chrono>
#include <cstdint>
#include <memory>
#include <string_view>

using SSL_CTX = struct ssl_ctx_st;
using SSL = struct ssl_st;

namespace understudy::mock {

namespace asio = boost::asio;
using Executor = asio::io_context::executor_type;
using Socket = asio::basic_stream_socket<asio::ip::tcp, Executor>;
using Clock = std::chrono::steady_clock;
using Timer = asio::basic_waitable_timer<Clock, asio::wait_traits<Clock>, Executor>;
template <class T>
using Awaitable = asio::awaitable<T, Executor>;

/// What one non-blocking call did.
enum class Io : std::uint8_t { done, want_read, want_write, closed };

/// Belongs to one worker thread. Shared because a watch for the client's departure may outlive the
/// coroutine that started it.
class Link : public std::enable_shared_from_this<Link> {
  public:
    /// `tls` null: plain TCP.
    Link(Socket socket, SSL_CTX* tls);
    ~Link();
    Link(const Link&) = delete;
    Link& operator=(const Link&) = delete;

    /// TLS handshake; at once true for plain TCP.
    Awaitable<bool> handshake();

    /// Reads what is there; `size` says how much that was.
    Io read_now(char* to, std::size_t room, std::size_t& size);
    /// Sends a prefix and removes it from `bytes`; done when nothing is left.
    Io send_now(std::string_view& bytes);
    /// Sends the rest, waiting as long as it takes. False: the client is gone.
    Awaitable<bool> send_rest(std::string_view bytes);
    /// Whether a read would find bytes without any arriving.
    bool has_input() const;
    /// Waits until the call that answered `why` can go on.
    Awaitable<void> ready(Io why);

    /// Waits. False: the client left in the meantime.
    Awaitable<bool> pause_until(Clock::time_point time);

    void reset();        // RST
    void break_close();  // FIN, and on TLS no close_notify: a truncation
    void close();        // a proper end
    bool client_gone() const { return gone_; }

  private:
    void watch();
    void on_readable();
    Io tls_result(int result);

    Socket socket_;
    Timer timer_;
    struct FreeSsl {
        void operator()(SSL* ssl) const;
    };
    std::unique_ptr<SSL, FreeSsl> ssl_;
    bool watching_ = false;
    bool pipelined_ = false;  // bytes of a next request are there: departure cannot be seen
    bool gone_ = false;
};

}  // namespace understudy::mock
