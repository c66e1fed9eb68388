#include "sink/connection.hpp"

#include "common/event_clock.hpp"

#include <openssl/ssl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace understudy::bench {
namespace {

// Enough of a body to find the model in; more is never stored.
constexpr std::uint64_t kPrefixBytes = 8 << 10;
constexpr std::size_t kReadBytes = 64 << 10;
constexpr std::size_t kDiscardBytes = 4 << 20;

}  // namespace

void SslDelete::operator()(SSL* ssl) const {
    SSL_free(ssl);
}

Connection::Connection(int fd, Shared& shared, bool always_fail, SSL* ssl)
    : fd_(fd), shared_(shared), ssl_(ssl), always_fail_(always_fail) {}

Connection::~Connection() {
    close(fd_);
}

long Connection::read_some(char* buffer, std::size_t size) {
    if (!ssl_) return recv(fd_, buffer, size, 0);
    const int n = SSL_read(ssl_.get(), buffer, static_cast<int>(size));
    if (n > 0) return n;
    const int why = SSL_get_error(ssl_.get(), n);
    errno = why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE ? EAGAIN : ECONNRESET;
    return -1;
}

bool Connection::on_readable() {
    static char buffer[kReadBytes];
    for (;;) {
        // TCP's MSG_TRUNC drops bytes in the kernel: a 16 MB body costs no copy here.
        const bool discard = body_left_ > 0 && !ssl_;
        const long n = discard ? recv(fd_, nullptr,
                                      std::min<std::uint64_t>(body_left_, kDiscardBytes), MSG_TRUNC)
                               : read_some(buffer, sizeof buffer);
        if (n == 0) return false;
        if (n < 0) return errno == EAGAIN;
        const auto got = static_cast<std::size_t>(n);
        if (body_left_ > 0) {
            if (got > body_left_) return false;  // nobody pipelines here
            body_left_ -= got;
            if (body_left_ == 0 && !answer()) return false;
        } else if (!take({buffer, got})) {
            return false;
        }
        // A short read emptied the socket, and epoll tells of more: asking again would earn EAGAIN.
        const bool more = ssl_ ? SSL_pending(ssl_.get()) > 0 : got == sizeof buffer;
        if (body_left_ == 0 && !more) return true;
    }
}

bool Connection::take(std::string_view bytes) {
    if (streaming_) return false;
    if (held_.empty()) return take_head(bytes);
    held_ += bytes;
    std::string whole = std::move(held_);
    held_.clear();
    return take_head(whole);
}

bool Connection::take_head(std::string_view bytes) {
    const auto head = read_head(bytes);
    if (head.state == RequestHead::State::bad) return false;
    if (head.chunked) {
        send(shared_.answers.refusal());
        return false;
    }
    const bool complete = head.state == RequestHead::State::complete;
    const auto body = complete ? bytes.substr(head.head_bytes) : std::string_view{};
    if (!complete || body.size() < std::min(head.body_bytes, kPrefixBytes)) {
        held_ = bytes;
        return true;
    }
    if (body.size() > head.body_bytes) return false;  // nobody pipelines here
    get_ = head.get;
    stats_ = get_ && bytes.starts_with("GET /stats");
    wish_ = always_fail_ ? Wish{.kind = Wish::Kind::fail} : read_wish(body.substr(0, kPrefixBytes));
    body_left_ = head.body_bytes - body.size();
    return body_left_ > 0 || answer();
}

bool Connection::answer() {
    if (get_) {
        if (!stats_) return send(shared_.answers.models());
        const std::string body = "{\"requests\":" + std::to_string(shared_.requests) +
                                 ",\"events\":" + std::to_string(shared_.events) +
                                 ",\"blocked\":" + std::to_string(shared_.blocked) +
                                 ",\"accepted\":" + std::to_string(shared_.accepted) +
                                 ",\"open\":" + std::to_string(shared_.open) + "}\n";
        return send("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: " +
                    std::to_string(body.size()) + "\r\n\r\n" + body);
    }
    ++shared_.requests;
    if (wish_.kind == Wish::Kind::stream) return start_stream();
    return send(wish_.kind == Wish::Kind::fail ? shared_.answers.failure()
                                               : shared_.answers.plain());
}

bool Connection::start_stream() {
    streaming_ = true;
    events_left_ = wish_.events;
    // The first token goes out with the head: time to first token is then all the proxy's.
    const auto now = now_ns();
    std::string first(shared_.answers.stream_start());
    if (events_left_ > 0) {
        first += shared_.answers.event(now);
        --events_left_;
        ++shared_.events;
    }
    if (!send(first)) return false;
    shared_.wake_at(now + wish_.interval_ns, fd_);
    return true;
}

bool Connection::on_turn(std::uint64_t now) {
    if (!streaming_) return true;
    if (!pending_.empty()) {
        // The reader is slow: the stream goes on when the socket takes bytes again.
        ++shared_.blocked;
        blocked_ = true;
        return true;
    }
    if (events_left_ == 0) {
        streaming_ = false;
        return send(shared_.answers.stream_end(wish_.usage));
    }
    --events_left_;
    ++shared_.events;
    if (!send(shared_.answers.event(now_ns()))) return false;
    shared_.wake_at(now + wish_.interval_ns, fd_);
    return true;
}

bool Connection::send(std::string_view bytes) {
    if (!pending_.empty()) {
        pending_ += bytes;
        return true;
    }
    bool dead = false;
    const auto sent = write_some(bytes, dead);
    if (sent < bytes.size()) pending_ = bytes.substr(sent);
    return !dead;
}

bool Connection::on_writable() {
    bool dead = false;
    const auto sent = write_some(pending_, dead);
    pending_.erase(0, sent);
    if (blocked_ && pending_.empty()) {
        blocked_ = false;
        shared_.wake_at(now_ns(), fd_);
    }
    return !dead;
}

std::size_t Connection::write_some(std::string_view bytes, bool& dead) {
    if (bytes.empty()) return 0;
    if (ssl_) {
        const int n = SSL_write(ssl_.get(), bytes.data(), static_cast<int>(bytes.size()));
        if (n > 0) return static_cast<std::size_t>(n);
        const int why = SSL_get_error(ssl_.get(), n);
        dead = why != SSL_ERROR_WANT_READ && why != SSL_ERROR_WANT_WRITE;
        return 0;
    }
    const auto n = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (n >= 0) return static_cast<std::size_t>(n);
    dead = errno != EAGAIN;
    return 0;
}

}  // namespace understudy::bench
