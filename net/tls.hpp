// TLS towards upstreams, without sockets: bytes in, bytes out. OpenSSL reads and writes our own
// buffers, so the connection does the same plain socket I/O with and without TLS.
#pragma once

#include "net/bytes.hpp"

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

struct ssl_ctx_st;
struct ssl_st;
struct ssl_session_st;
struct bio_method_st;

namespace understudy::net {

/// Whose certificates are believed.
struct TlsTrust {
    bool verify = true;
    std::string ca;  // a file of trusted certificates instead of the system's store
};

/// Trust settings shared by all connections with the same options. Thread-safe once made.
class TlsContext {
  public:
    /// Loads the trusted roots. Throws std::runtime_error naming the file when they cannot be read.
    explicit TlsContext(const TlsTrust& trust);
    ~TlsContext();
    TlsContext(const TlsContext&) = delete;
    TlsContext& operator=(const TlsContext&) = delete;
    ssl_ctx_st* native() const { return context_; }
    bool verify() const { return verify_; }

  private:
    ssl_ctx_st* context_;
    bool verify_;
};

/// Tickets of one peer on one worker, newest first; each is used once (TLS 1.3 wants it so).
class TlsSessionCache {
  public:
    ~TlsSessionCache();
    void put(ssl_session_st* session);  // takes the reference
    ssl_session_st* take();             // gives the reference away; null when empty

  private:
    static constexpr std::size_t kMax = 8;
    std::vector<ssl_session_st*> sessions_;
};

/// One TLS client connection. Belongs to one thread.
class TlsEngine {
  public:
    enum class Status { ok, want_read, closed, failed };

    /// `name` is sent as SNI (unless it is an address) and checked against the certificate.
    TlsEngine(const TlsContext& context, const std::string& name,
              std::shared_ptr<TlsSessionCache> cache, MemoryBudget& budget);
    ~TlsEngine();
    TlsEngine(const TlsEngine&) = delete;
    TlsEngine& operator=(const TlsEngine&) = delete;

    /// One step of the handshake. Send cipher_out afterwards, whatever the answer; want_read: more
    /// input into cipher_in, then again.
    Status handshake();
    /// Decrypts into `out`. closed = the peer ended the session properly (close_notify).
    Status read(char* out, std::size_t size, std::size_t& n);
    /// Encrypts all of `data` (at most 16 KiB is sensible) to cipher_out.
    Status write(std::string_view data);
    /// Puts a close_notify into cipher_out.
    void shutdown();
    bool resumed() const;
    /// Why the last call failed, e.g. "certificate verify failed: hostname mismatch".
    const std::string& error() const { return error_; }
    /// It failed because `limits.memory` had no room for what was to be sent.
    bool out_of_memory() const { return out_of_memory_; }

    Bytes cipher_in;
    Bytes cipher_out;

  private:
    struct Bio;
    Status translate(int result);
    void describe_failure();
    /// What OpenSSL may read of cipher_in now; nothing while the first record is not whole.
    std::size_t readable();

    ssl_st* ssl_;
    std::size_t owed_ = 0;  // of a record that OpenSSL has begun to take from cipher_in
    bool out_of_memory_ = false;
    bool not_tls_ = false;  // what came is no TLS: OpenSSL gets it as it is and says so
    std::shared_ptr<TlsSessionCache> cache_;
    std::string error_;
};

}  // namespace understudy::net
