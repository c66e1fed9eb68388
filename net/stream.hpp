// One connected socket, to a client or to an upstream, with or without TLS: a read buffer that
// fills in the background and writes that are tried at once.
//
// A Stream never calls back into logic with data; it records what happened (`in`, read_error()) and
// tells its listener. The listener looks. So one coroutine can wait for a client, an upstream and a
// deadline at the same time without cancelling anything.
//
// Belongs to one worker's thread. Reference-counted because an operation of the kernel's reactor
// may still be under way when its user has lost interest: detach() and close(), and drop the
// reference.
#pragma once

#include "net/bytes.hpp"
#include "net/read_op.hpp"
#include "net/socket.hpp"
#include "net/task.hpp"
#include "net/tls.hpp"

#include <boost/smart_ptr/intrusive_ptr.hpp>

#include <cstdint>
#include <memory>
#include <string>

namespace understudy::net {

class Stream;

/// Told when something happened to a stream: bytes came, it failed, or it can be written again.
class StreamListener {
  public:
    virtual void on_stream(Stream& stream) = 0;

  protected:
    ~StreamListener() = default;
};

class Stream {
  public:
    /// What one call of the kernel may move at most: a fraction of a millisecond.
    static constexpr std::size_t kTurn = 1 << 20;

    using Ptr = boost::intrusive_ptr<Stream>;
    enum class SendState { done, blocked, failed };

    Stream(Socket socket, MemoryBudget& budget) : in(budget), socket_(std::move(socket)) {}

    /// Null to stop being told. The listener must outlive the stream's use of it.
    void set_listener(StreamListener* listener) { listener_ = listener; }

    /// Keeps one read under way into the free space of `in` (which the caller provides with
    /// ensure_free and must not move meanwhile), or, where `in` has lent its block, into one of the
    /// thread's. No-op when one is under way or reading has ended.
    void arm_read();
    /// Reads what is there, without waiting; for a connection that was just accepted, whose first
    /// request has often come with it. Not while a read is under way; not over TLS.
    void read_at_once();
    /// Gives a read that is under way the whole of an empty `in` again, from its beginning; without
    /// this a keep-alive connection's free space would shrink with every request.
    void rewind_read();
    /// Says that what is read from now on continues something that has begun long ago: in a turn of
    /// the loop it is served after those who wait for a beginning (net/turn_order).
    void set_flowing(bool flowing) { read_op_.set_flowing(flowing); }
    bool read_armed() const { return read_armed_; }
    /// The kernel has bytes, or the end, that no read has told of yet. A system call.
    bool readable();
    /// Set once reading has ended: eof, or what went wrong. Bytes before it are in `in`.
    const error_code& read_error() const { return read_error_; }
    /// The other side has ended the connection, told from the kernel even behind bytes that are not
    /// read yet. A system call.
    bool ended();
    /// The stream did not end as a stream should: a reset, or no TLS close_notify, which means that
    /// anybody may have cut it.
    bool cut() const;
    /// Payload bytes ever received; compare with an earlier value to see whether something came.
    std::uint64_t received() const { return received_; }

    /// Sends as much of `list` as the socket takes now, but no more than kTurn: a large body must
    /// not hold up what else the worker has to do. What remains stays in the list. blocked: call
    /// arm_write() and send again when the listener is told and writable() is true.
    SendState send(GatherList& list);
    const error_code& write_error() const { return write_error_; }
    void arm_write();
    bool writable() const { return !write_armed_; }

    /// Turns this into a TLS client. Then handshake_step() until it is no longer want_read.
    void start_tls(std::unique_ptr<TlsEngine> engine) { tls_ = std::move(engine); }
    /// Runs the handshake as far as it goes. want_read: a read is armed; wait for the listener.
    TlsEngine::Status handshake_step();
    const TlsEngine* tls() const { return tls_.get(); }

    /// Ends the connection at once. `reset`: with an RST, so that the peer cannot take what it got
    /// for a whole message. Pending operations end quietly.
    void close(bool reset = false);
    /// Ends our direction only; the peer sees the end after the last byte sent.
    void shutdown_send();
    bool is_open() const { return socket_.is_open(); }
    Socket& socket() { return socket_; }

    Bytes in;  // payload (decrypted) not yet consumed

  private:
    friend void intrusive_ptr_add_ref(Stream* s) noexcept;
    friend void intrusive_ptr_release(Stream* s) noexcept;
    friend class ReadOp;
    struct WriteHandler;

    ~Stream() = default;
    void on_read(const error_code& ec, std::size_t n);
    void on_writable(const error_code& ec);
    bool decrypt();
    bool decrypt_records();
    SendState send_plain(GatherList& list);
    SendState send_tls(GatherList& list);
    SendState flush_tls();

    Socket socket_;
    ReadOp read_op_{*this};
    std::unique_ptr<TlsEngine> tls_;
    StreamListener* listener_ = nullptr;
    error_code read_error_;
    error_code write_error_;
    std::uint64_t received_ = 0;
    std::uint32_t references_ = 0;
    bool read_armed_ = false;
    bool write_armed_ = false;
    bool handshaking_ = false;
    bool tls_closed_ = false;
};

}  // namespace understudy::net
