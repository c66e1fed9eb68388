#include "net/tls.hpp"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <boost/asio/ip/address.hpp>

#include <algorithm>
#include <cstring>
#include <stdexcept>

namespace understudy::net {

namespace {

std::string openssl_reason() {
    const unsigned long code = ERR_peek_last_error();
    const char* reason = code != 0 ? ERR_reason_error_string(code) : nullptr;
    ERR_clear_error();
    return reason != nullptr ? reason : "unknown TLS error";
}

// The length of the record that `bytes` begin with, header included; 0 when they begin with none.
// Needs a whole header.
std::size_t record_size(std::string_view bytes) {
    const auto at = [&](std::size_t i) { return static_cast<unsigned char>(bytes[i]); };
    const std::size_t length = std::size_t{at(3)} << 8 | at(4);
    const bool sane = at(0) >= SSL3_RT_CHANGE_CIPHER_SPEC && at(0) <= SSL3_RT_APPLICATION_DATA &&
                      at(1) == SSL3_VERSION_MAJOR && length <= SSL3_RT_MAX_ENCRYPTED_LENGTH;
    return sane ? SSL3_RT_HEADER_LENGTH + length : 0;
}

// Errors of an earlier call must not be taken for errors of the next. Looking is much cheaper than
// clearing, which walks through all of the queue's places.
void forget_errors() {
    if (ERR_peek_error() != 0) ERR_clear_error();
}

int on_new_session(SSL* ssl, SSL_SESSION* session) {
    auto* cache = static_cast<TlsSessionCache*>(SSL_get_app_data(ssl));
    if (cache == nullptr) return 0;
    cache->put(session);
    return 1;  // the reference is ours now
}

bool is_address(const std::string& name) {
    boost::system::error_code ec;
    boost::asio::ip::make_address(name, ec);
    return !ec;
}

}  // namespace

// A BIO that reads and writes the engine's own buffers, without OpenSSL's copy in between.
struct TlsEngine::Bio {
    static TlsEngine& engine(BIO* bio) { return *static_cast<TlsEngine*>(BIO_get_data(bio)); }

    static int read(BIO* bio, char* out, int size) {
        BIO_clear_retry_flags(bio);
        auto& self = engine(bio);
        if (self.owed_ == 0) self.owed_ = self.readable();
        if (self.owed_ == 0) {
            BIO_set_retry_read(bio);
            return -1;
        }
        const std::size_t n = std::min(self.owed_, static_cast<std::size_t>(size));
        std::memcpy(out, self.cipher_in.data(), n);
        self.cipher_in.consume(n);
        self.owed_ -= n;
        return static_cast<int>(n);
    }

    static int write(BIO* bio, const char* data, int size) {
        BIO_clear_retry_flags(bio);
        auto& self = engine(bio);
        if (self.cipher_out.append({data, static_cast<std::size_t>(size)})) return size;
        self.out_of_memory_ = true;
        return -1;
    }

    static long ctrl(BIO*, int command, long, void*) { return command == BIO_CTRL_FLUSH ? 1 : 0; }

    static BIO_METHOD* method() {
        static BIO_METHOD* const method = [] {
            BIO_METHOD* m = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "understudy");
            BIO_meth_set_read(m, read);
            BIO_meth_set_write(m, write);
            BIO_meth_set_ctrl(m, ctrl);
            return m;
        }();
        return method;
    }
};

TlsContext::TlsContext(const TlsTrust& trust)
    : context_(SSL_CTX_new(TLS_client_method())), verify_(trust.verify) {
    if (context_ == nullptr) throw std::runtime_error("TLS: " + openssl_reason());
    SSL_CTX_set_min_proto_version(context_, TLS1_2_VERSION);
    SSL_CTX_set_mode(context_, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                                   SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    // OpenSSL reads header and payload at once. It never gets more than one record (readable()),
    // so nothing but decrypted payload is ever left inside.
    SSL_CTX_set_read_ahead(context_, 1);
    SSL_CTX_set_session_cache_mode(context_,
                                   SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL_STORE);
    SSL_CTX_sess_set_new_cb(context_, on_new_session);
    static const unsigned char kAlpn[] = "\x08http/1.1";
    SSL_CTX_set_alpn_protos(context_, kAlpn, sizeof kAlpn - 1);
    if (!verify_) {
        SSL_CTX_set_verify(context_, SSL_VERIFY_NONE, nullptr);
        return;
    }
    SSL_CTX_set_verify(context_, SSL_VERIFY_PEER, nullptr);
    const int loaded = trust.ca.empty()
                           ? SSL_CTX_set_default_verify_paths(context_)
                           : SSL_CTX_load_verify_locations(context_, trust.ca.c_str(), nullptr);
    if (loaded != 1) {
        const std::string reason = openssl_reason();
        SSL_CTX_free(context_);
        throw std::runtime_error("cannot load trusted certificates from " +
                                 (trust.ca.empty() ? "the system's store" : trust.ca) + ": " +
                                 reason);
    }
}

TlsContext::~TlsContext() {
    SSL_CTX_free(context_);
}

TlsSessionCache::~TlsSessionCache() {
    for (auto* session : sessions_) SSL_SESSION_free(session);
}

void TlsSessionCache::put(ssl_session_st* session) {
    if (sessions_.size() >= kMax) {
        SSL_SESSION_free(sessions_.front());
        sessions_.erase(sessions_.begin());
    }
    sessions_.push_back(session);
}

ssl_session_st* TlsSessionCache::take() {
    if (sessions_.empty()) return nullptr;
    auto* session = sessions_.back();
    sessions_.pop_back();
    return session;
}

TlsEngine::TlsEngine(const TlsContext& context, const std::string& name,
                     std::shared_ptr<TlsSessionCache> cache, MemoryBudget& budget)
    : cipher_in(budget),
      cipher_out(budget),
      ssl_(SSL_new(context.native())),
      cache_(std::move(cache)) {
    if (ssl_ == nullptr) throw std::bad_alloc();
    BIO* bio = BIO_new(Bio::method());
    if (bio == nullptr) throw std::bad_alloc();
    BIO_set_data(bio, this);
    BIO_set_init(bio, 1);
    SSL_set_bio(ssl_, bio, bio);  // owns the BIO
    SSL_set_connect_state(ssl_);
    SSL_set_app_data(ssl_, cache_.get());
    if (is_address(name)) {
        X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl_), name.c_str());
    } else {
        SSL_set_tlsext_host_name(ssl_, name.c_str());
        SSL_set1_host(ssl_, name.c_str());
    }
    if (auto* session = cache_ ? cache_->take() : nullptr) {
        SSL_set_session(ssl_, session);
        SSL_SESSION_free(session);
    }
}

TlsEngine::~TlsEngine() {
    // Without this OpenSSL marks the session as not resumable when a connection is simply dropped.
    SSL_set_quiet_shutdown(ssl_, 1);
    SSL_shutdown(ssl_);
    SSL_free(ssl_);
}

bool TlsEngine::resumed() const {
    return SSL_session_reused(ssl_) == 1;
}

void TlsEngine::describe_failure() {
    const long verdict = SSL_get_verify_result(ssl_);
    error_ = openssl_reason();
    if (verdict != X509_V_OK) {
        error_ += std::string(": ") + X509_verify_cert_error_string(verdict);
    }
}

TlsEngine::Status TlsEngine::translate(int result) {
    if (result == 1) return Status::ok;
    switch (SSL_get_error(ssl_, result)) {
        case SSL_ERROR_WANT_READ:
            return Status::want_read;
        case SSL_ERROR_ZERO_RETURN:
            return Status::closed;
        default:
            describe_failure();
            return Status::failed;
    }
}

// Half a record is of no use to OpenSSL, and it would keep a buffer of 16 KiB to wait with.
std::size_t TlsEngine::readable() {
    if (!not_tls_) {
        if (cipher_in.size() < SSL3_RT_HEADER_LENGTH) return 0;
        const std::size_t size = record_size(cipher_in.view());
        if (size != 0) return cipher_in.size() >= size ? size : 0;
        not_tls_ = true;
    }
    return cipher_in.size();
}

TlsEngine::Status TlsEngine::handshake() {
    forget_errors();
    return translate(SSL_do_handshake(ssl_));
}

TlsEngine::Status TlsEngine::read(char* out, std::size_t size, std::size_t& n) {
    n = 0;
    // A read that cannot succeed costs as much as one that does.
    if (owed_ == 0 && readable() == 0 && SSL_has_pending(ssl_) == 0) return Status::want_read;
    forget_errors();
    return translate(SSL_read_ex(ssl_, out, size, &n));
}

TlsEngine::Status TlsEngine::write(std::string_view data) {
    forget_errors();
    while (!data.empty()) {
        std::size_t n = 0;
        const auto status = translate(SSL_write_ex(ssl_, data.data(), data.size(), &n));
        if (status != Status::ok) return status;
        data.remove_prefix(n);
    }
    return Status::ok;
}

void TlsEngine::shutdown() {
    forget_errors();
    SSL_shutdown(ssl_);
    forget_errors();
}

}  // namespace understudy::net
