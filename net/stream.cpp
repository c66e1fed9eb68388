#include "net/stream.hpp"

#include "net/kernel_calls.hpp"

#include <boost/asio/error.hpp>

#include <poll.h>
#include <sys/socket.h>
#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <span>

namespace understudy::net {

namespace {
constexpr std::size_t kMaxIov = 64;               // of one sendmsg
constexpr std::size_t kFlat = 4096;               // sent as one piece, copied
constexpr std::size_t kTlsRecord = 16 * 1024;     // plaintext of one record
constexpr std::size_t kTlsOutBound = 64 * 1024;   // ciphertext waiting for the socket
constexpr std::size_t kTlsReadSpace = 18 * 1024;  // any record that TlsEngine waits for

// Small messages go out flat: copying a few KB costs less than what the kernel does for each
// element of a list (about 150 ns for two of them).
ssize_t send_some(int descriptor, GatherList& list) {
    if (list.count() == 1) {
        const std::size_t size = std::min(list.items()->iov_len, Stream::kTurn);
        return send_quietly(descriptor, list.items()->iov_base, size);
    }
    if (list.bytes() <= kFlat) {
        char flat[kFlat];
        return send_quietly(descriptor, flat, list.copy_to(flat, kFlat));
    }
    std::array<iovec, kMaxIov> slices;
    msghdr message{};
    message.msg_iov = slices.data();
    message.msg_iovlen = list.front(slices, Stream::kTurn);
    return ::sendmsg(descriptor, &message, MSG_NOSIGNAL);
}

error_code tls_error(const TlsEngine& tls) {
    if (tls.out_of_memory()) return asio::error::no_memory;
    return {EPROTO, boost::system::system_category()};
}

// The next record's plaintext. Encrypting a record costs as much as 4 KiB more in it, so small
// slices (a head and a body) are copied together; a large one goes from where it is.
std::string_view next_record(GatherList& list) {
    const iovec* slice = list.items();
    if (list.count() == 1 || slice->iov_len >= kTlsRecord) {
        return {static_cast<const char*>(slice->iov_base), std::min(slice->iov_len, kTlsRecord)};
    }
    static thread_local std::array<char, kTlsRecord> record;
    return {record.data(), list.copy_to(record.data(), kTlsRecord)};
}
}  // namespace

struct Stream::WriteHandler {
    Ptr stream;
    void operator()(const error_code& ec) const { stream->on_writable(ec); }
};

void intrusive_ptr_add_ref(Stream* s) noexcept {
    ++s->references_;
}
void intrusive_ptr_release(Stream* s) noexcept {
    if (--s->references_ == 0) delete s;
}

void Stream::arm_read() {
    if (read_armed_ || read_error_ || !socket_.is_open()) return;
    std::span<char> target;
    if (tls_) {
        if (!handshaking_ && decrypt()) return;  // a record was waiting already
        if (read_error_) return;
        // Never more than one record in all: what is held now is less than one.
        if (!tls_->cipher_in.ensure_free(kTlsReadSpace - tls_->cipher_in.size())) {
            read_error_ = asio::error::no_memory;
            return;
        }
        target = tls_->cipher_in.free_space();
    } else if (!in.lent()) {
        target = in.free_space();
        if (target.empty()) return;
        in.pin(true);
    }
    read_armed_ = true;
    read_op_.start(socket_, target.data(), std::min(target.size(), kTurn));
}

void Stream::read_at_once() {
    const auto space = in.free_space();
    const ssize_t n = receive(socket_.native_handle(), space.data(), space.size());
    if (n > 0) {
        in.commit(static_cast<std::size_t>(n));
        received_ += static_cast<std::size_t>(n);
    } else if (n == 0) {
        if (!space.empty()) read_error_ = asio::error::eof;
    } else if (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR) {
        read_error_ = error_code(errno, boost::system::system_category());  // told once only
    }
}

bool Stream::readable() {
    if (!socket_.is_open() || read_error_) return false;
    pollfd one{socket_.native_handle(), POLLIN, 0};
    return ::poll(&one, 1, 0) > 0;
}

bool Stream::ended() {
    if (!socket_.is_open() || read_error_) return true;
    pollfd one{socket_.native_handle(), POLLRDHUP, 0};
    return ::poll(&one, 1, 0) > 0;
}

bool Stream::cut() const {
    return read_error_ != asio::error::eof || (tls_ != nullptr && !tls_closed_);
}

void Stream::rewind_read() {
    if (!read_armed_ || tls_ || !in.empty() || in.lent()) return;
    if (in.capacity() > 4 * kReadBuffer) {  // a large body was here: do not sit on its memory
        Bytes fresh(in.budget());
        if (fresh.ensure_free(kReadBuffer) && read_op_.retarget(fresh.base(), fresh.capacity())) {
            fresh.pin(true);
            in.swap(fresh);
        }
        return;
    }
    if (!read_op_.retarget(in.base(), in.capacity())) return;
    in.pin(false);
    in.clear();
    in.pin(true);
}

void Stream::on_read(const error_code& ec, std::size_t n) {
    read_armed_ = false;
    in.pin(false);
    if (!socket_.is_open() || read_error_) return;  // closed or told meanwhile
    if (ec) {
        read_error_ = ec;
    } else if (read_op_.target() == nullptr) {
        if (in.take_back(read_op_.take_block(), n)) {
            received_ += n;
        } else {
            read_error_ = asio::error::no_memory;
        }
    } else if (tls_) {
        tls_->cipher_in.commit(n);
        if (!handshaking_ && !decrypt() && !read_error_) {
            arm_read();  // a ticket or half a record: nothing to tell yet
            return;
        }
    } else {
        // While the read was under way the end of what is held may have come closer (a chunked body
        // was decoded in place); what came belongs right behind it.
        char* const to = in.free_space().data();
        if (to != read_op_.target()) std::memmove(to, read_op_.target(), n);
        in.commit(n);
        received_ += n;
    }
    if (listener_ != nullptr) listener_->on_stream(*this);
}

// True when payload was added to `in`.
bool Stream::decrypt() {
    if (!in.lent()) return decrypt_records();
    ReadBlock block = take_read_block();
    if (!block || !in.take_back(std::move(block), 0)) {
        read_error_ = asio::error::no_memory;
        return false;
    }
    const bool added = decrypt_records();
    if (!added) in.lend();
    return added;
}

bool Stream::decrypt_records() {
    bool added = false;
    for (;;) {
        if (in.free_space().empty() && (added || !in.ensure_free(kTlsRecord))) {
            if (!added) read_error_ = asio::error::no_memory;
            return added;
        }
        const auto space = in.free_space();
        std::size_t n = 0;
        switch (tls_->read(space.data(), space.size(), n)) {
            case TlsEngine::Status::ok:
                in.commit(n);
                received_ += n;
                added = true;
                break;
            case TlsEngine::Status::want_read:
                return added;
            case TlsEngine::Status::closed:
                tls_closed_ = true;
                read_error_ = asio::error::eof;
                return added;
            case TlsEngine::Status::failed:
                read_error_ = tls_error(*tls_);
                return added;
        }
    }
}

TlsEngine::Status Stream::handshake_step() {
    handshaking_ = true;
    const auto status = tls_->handshake();
    // A blocked flush is not waited for: a client's flight always fits into a fresh socket's
    // buffer.
    if (flush_tls() == SendState::failed) {
        read_error_ = write_error_;
        return TlsEngine::Status::failed;
    }
    if (status == TlsEngine::Status::want_read) {
        if (read_error_) return TlsEngine::Status::failed;
        arm_read();
    } else {
        handshaking_ = false;
    }
    return status;
}

Stream::SendState Stream::send(GatherList& list) {
    if (!socket_.is_open()) {
        write_error_ = asio::error::not_connected;
        return SendState::failed;
    }
    return tls_ ? send_tls(list) : send_plain(list);
}

Stream::SendState Stream::send_plain(GatherList& list) {
    const std::size_t begun = list.bytes();
    while (!list.empty()) {
        if (begun - list.bytes() >= kTurn) return SendState::blocked;
        const ssize_t n = send_some(socket_.native_handle(), list);
        if (n >= 0) {
            list.advance(static_cast<std::size_t>(n));
        } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
            return SendState::blocked;
        } else if (errno != EINTR) {
            write_error_ = error_code(errno, boost::system::system_category());
            return SendState::failed;
        }
    }
    return SendState::done;
}

Stream::SendState Stream::send_tls(GatherList& list) {
    const std::size_t begun = list.bytes();
    while (!list.empty()) {
        const bool turn_over = begun - list.bytes() >= kTurn;
        if (turn_over || tls_->cipher_out.size() >= kTlsOutBound) {
            const auto flushed = flush_tls();
            if (flushed != SendState::done) return flushed;
            if (turn_over) return SendState::blocked;
        }
        const auto record = next_record(list);
        if (tls_->write(record) != TlsEngine::Status::ok) {
            write_error_ = tls_error(*tls_);
            return SendState::failed;
        }
        list.advance(record.size());
    }
    return flush_tls();
}

Stream::SendState Stream::flush_tls() {
    GatherList out;
    out.add(tls_->cipher_out.view());
    const std::size_t before = out.bytes();
    const auto state = send_plain(out);
    tls_->cipher_out.consume(before - out.bytes());
    // A long answer may follow a large request: do not sit on the request's memory meanwhile.
    if (tls_->cipher_out.empty()) tls_->cipher_out.shrink(kTlsReadSpace);
    return state;
}

void Stream::arm_write() {
    if (write_armed_ || !socket_.is_open()) return;
    write_armed_ = true;
    socket_.async_wait(Socket::wait_write, WriteHandler{this});
}

void Stream::on_writable(const error_code& ec) {
    write_armed_ = false;
    if (!socket_.is_open()) return;
    if (ec) write_error_ = ec;
    if (listener_ != nullptr) listener_->on_stream(*this);
}

void Stream::close(bool reset) {
    listener_ = nullptr;
    if (!socket_.is_open()) return;
    error_code ignored;
    if (reset) {
        socket_.set_option(asio::socket_base::linger(true, 0), ignored);
    } else if (tls_ && !tls_closed_ && !handshaking_) {
        tls_->shutdown();
        flush_tls();
    }
    socket_.close(ignored);
}

void Stream::shutdown_send() {
    error_code ignored;
    socket_.shutdown(asio::socket_base::shutdown_send, ignored);
}

}  // namespace understudy::net
