#include "mock/link.hpp"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/socket.h>

#include <cerrno>
#include <utility>

namespace understudy::mock {
namespace {

constexpr auto kToken = asio::as_tuple(asio::deferred);

bool would_block() {
    return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR;
}

}  // namespace

void Link::FreeSsl::operator()(SSL* ssl) const {
    SSL_free(ssl);
}

Link::Link(Socket socket, SSL_CTX* tls)
    : socket_(std::move(socket)), timer_(socket_.get_executor()) {
    boost::system::error_code ignored;
    socket_.non_blocking(true, ignored);
    socket_.set_option(asio::ip::tcp::no_delay(true), ignored);
    if (tls == nullptr) return;
    ssl_.reset(SSL_new(tls));
    SSL_set_fd(ssl_.get(), socket_.native_handle());
    SSL_set_accept_state(ssl_.get());
}

Link::~Link() = default;

Io Link::tls_result(int result) {
    switch (SSL_get_error(ssl_.get(), result)) {
        case SSL_ERROR_WANT_READ:
            return Io::want_read;
        case SSL_ERROR_WANT_WRITE:
            return Io::want_write;
        default:
            return Io::closed;
    }
}

Awaitable<bool> Link::handshake() {
    while (ssl_) {
        ERR_clear_error();
        const int result = SSL_do_handshake(ssl_.get());
        if (result == 1) break;
        const Io why = tls_result(result);
        if (why == Io::closed) co_return false;
        co_await ready(why);
    }
    co_return true;
}

Io Link::read_now(char* to, std::size_t room, std::size_t& size) {
    size = 0;
    pipelined_ = false;
    if (!socket_.is_open()) return Io::closed;
    if (ssl_) {
        ERR_clear_error();
        const int result = SSL_read_ex(ssl_.get(), to, room, &size);
        return result == 1 ? Io::done : tls_result(result);
    }
    const auto got = ::recv(socket_.native_handle(), to, room, 0);
    if (got < 0) return would_block() ? Io::want_read : Io::closed;
    size = static_cast<std::size_t>(got);
    return got == 0 ? Io::closed : Io::done;
}

bool Link::has_input() const {
    return pipelined_ || (ssl_ && SSL_has_pending(ssl_.get()) == 1);
}

Io Link::send_now(std::string_view& bytes) {
    while (!bytes.empty()) {
        if (gone_ || !socket_.is_open()) return Io::closed;
        std::size_t size = 0;
        if (ssl_) {
            ERR_clear_error();
            const int result = SSL_write_ex(ssl_.get(), bytes.data(), bytes.size(), &size);
            if (result != 1) return tls_result(result);
        } else {
            const auto sent =
                ::send(socket_.native_handle(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
            if (sent < 0) return would_block() ? Io::want_write : Io::closed;
            size = static_cast<std::size_t>(sent);
        }
        bytes.remove_prefix(size);
    }
    return Io::done;
}

Awaitable<bool> Link::send_rest(std::string_view bytes) {
    for (;;) {
        const Io result = send_now(bytes);
        if (result == Io::done) co_return true;
        if (result == Io::closed) {
            gone_ = true;
            co_return false;
        }
        co_await ready(result);
    }
}

Awaitable<void> Link::ready(Io why) {
    const auto kind = why == Io::want_write ? Socket::wait_write : Socket::wait_read;
    // An error shows itself in the call that is tried next.
    [[maybe_unused]] const auto result = co_await socket_.async_wait(kind, kToken);
}

Awaitable<bool> Link::pause_until(Clock::time_point time) {
    watch();
    if (gone_) co_return false;
    timer_.expires_at(time);
    [[maybe_unused]] const auto result = co_await timer_.async_wait(kToken);
    co_return !gone_;
}

/// Keeps one wait for readability outstanding, over many pauses; it costs nothing while the client
/// is quiet.
void Link::watch() {
    if (watching_ || pipelined_ || gone_ || !socket_.is_open()) return;
    watching_ = true;
    socket_.async_wait(Socket::wait_read,
                       [self = shared_from_this()](boost::system::error_code ec) {
                           self->watching_ = false;
                           if (!ec) self->on_readable();
                       });
}

void Link::on_readable() {
    char byte = 0;
    Io state = Io::done;
    if (ssl_) {
        std::size_t size = 0;
        ERR_clear_error();
        const int result = SSL_peek_ex(ssl_.get(), &byte, 1, &size);
        if (result != 1) state = tls_result(result);
    } else {
        const auto got = ::recv(socket_.native_handle(), &byte, 1, MSG_PEEK);
        if (got == 0 || (got < 0 && !would_block())) state = Io::closed;
        if (got < 0 && would_block()) state = Io::want_read;
    }
    pipelined_ = state == Io::done;
    gone_ = state == Io::closed;
    if (gone_) timer_.cancel();
    if (state == Io::want_read) watch();
}

void Link::reset() {
    boost::system::error_code ignored;
    socket_.set_option(asio::socket_base::linger(true, 0), ignored);
    socket_.close(ignored);
}

void Link::break_close() {
    boost::system::error_code ignored;
    socket_.shutdown(Socket::shutdown_both, ignored);
    socket_.close(ignored);
}

void Link::close() {
    if (!socket_.is_open()) return;
    if (ssl_) {
        ERR_clear_error();
        SSL_shutdown(ssl_.get());  // one way: nobody waits for the peer's close_notify
    }
    boost::system::error_code ignored;
    socket_.shutdown(Socket::shutdown_send, ignored);
    socket_.close(ignored);
}

}  // namespace understudy::mock
