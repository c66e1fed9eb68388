#include "upstreams/tls.hpp"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <boost/asio/ip/address.hpp>

#include <algorithm>
#include <cstring>
#include <stdexcept>

namespace understudy::upstreams {

namespace {

std::string openssl_reason() {
    const unsigned long code = ERR_peek_last_error();
    const char* reason = code != 0 ? ERR_reason_error_string(code) : nullptr;
    ERR_clear_error();
    return reason != nullptr ? reason : "unknown TLS error";
}

int bio_read(BIO* bio, char* out, int size) {
    BIO_clear_retry_flags(bio);
    auto& in = static_cast<TlsEngine*>(BIO_get_data(bio))->cipher_in;
    if (in.empty()) {
        BIO_set_retry_read(bio);
        return -1;
    }
    const std::size_t n = std::min(in.size(), static_cast<std::size_t>(size));
    std::memcpy(out, in.data(), n);
    in.consume(n);
    return static_cast<int>(n);
}

int bio_write(BIO* bio, const char* data, int size) {
    BIO_clear_retry_flags(bio);
    auto& out = static_cast<TlsEngine*>(BIO_get_data(bio))->cipher_out;
    return out.append({data, static_cast<std::size_t>(size)}) ? size : -1;
}

long bio_ctrl(BIO*, int command, long, void*) {
    return command == BIO_CTRL_FLUSH ? 1 : 0;
}

// A BIO that reads and writes the engine's own buffers, without OpenSSL's copy in between.
BIO_METHOD* buffer_method() {
    static BIO_METHOD* const method = [] {
        BIO_METHOD* m = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "understudy");
        BIO_meth_set_read(m, bio_read);
        BIO_meth_set_write(m, bio_write);
        BIO_meth_set_ctrl(m, bio_ctrl);
        return m;
    }();
    return method;
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

TlsContext::TlsContext(const config::TlsOptions& options)
    : context_(SSL_CTX_new(TLS_client_method())), verify_(options.verify) {
    if (context_ == nullptr) throw std::runtime_error("TLS: " + openssl_reason());
    SSL_CTX_set_min_proto_version(context_, TLS1_2_VERSION);
    SSL_CTX_set_mode(context_, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                                   SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
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
    const int loaded = options.ca.empty()
                           ? SSL_CTX_set_default_verify_paths(context_)
                           : SSL_CTX_load_verify_locations(context_, options.ca.c_str(), nullptr);
    if (loaded != 1) {
        const std::string reason = openssl_reason();
        SSL_CTX_free(context_);
        throw std::runtime_error("cannot load trusted certificates from " +
                                 (options.ca.empty() ? "the system's store" : options.ca) + ": " +
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
    BIO* bio = BIO_new(buffer_method());
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
    switch (SSL_get_error(ssl_, result)) {
        case SSL_ERROR_NONE:
            return Status::ok;
        case SSL_ERROR_WANT_READ:
            return Status::want_read;
        case SSL_ERROR_ZERO_RETURN:
            return Status::closed;
        default:
            describe_failure();
            return Status::failed;
    }
}

TlsEngine::Status TlsEngine::handshake() {
    ERR_clear_error();
    return translate(SSL_do_handshake(ssl_));
}

TlsEngine::Status TlsEngine::read(char* out, std::size_t size, std::size_t& n) {
    ERR_clear_error();
    n = 0;
    return translate(SSL_read_ex(ssl_, out, size, &n));
}

TlsEngine::Status TlsEngine::write(std::string_view data) {
    ERR_clear_error();
    while (!data.empty()) {
        std::size_t n = 0;
        const auto status = translate(SSL_write_ex(ssl_, data.data(), data.size(), &n));
        if (status != Status::ok) return status;
        data.remove_prefix(n);
    }
    return Status::ok;
}

void TlsEngine::shutdown() {
    ERR_clear_error();
    SSL_shutdown(ssl_);
    ERR_clear_error();
}

}  // namespace understudy::upstreams
