// A TLS server without sockets, with a certificate of its own, for tests of our client side.
#pragma once

#include "net/tls.hpp"

#include <catch2/catch.hpp>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <unistd.h>
#include <cstdio>
#include <string>
#include <string_view>

namespace understudy::net::test {

/// A key and a certificate that signs itself, for names and addresses of the caller's choice.
class Authority {
  public:
    explicit Authority(const char* names) : key_(EVP_EC_gen("P-256")), cert_(X509_new()) {
        X509_set_version(cert_, 2);
        ASN1_INTEGER_set(X509_get_serialNumber(cert_), 1);
        X509_gmtime_adj(X509_getm_notBefore(cert_), -60);
        X509_gmtime_adj(X509_getm_notAfter(cert_), 3600);
        X509_set_pubkey(cert_, key_);
        auto* subject = X509_get_subject_name(cert_);
        X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC,
                                   reinterpret_cast<const unsigned char*>("test"), -1, -1, 0);
        X509_set_issuer_name(cert_, subject);
        auto* extension = X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, names);
        X509_add_ext(cert_, extension, -1);
        X509_EXTENSION_free(extension);
        X509_sign(cert_, key_, EVP_sha256());
        const int fd = ::mkstemp(path_.data());
        FILE* file = ::fdopen(fd, "w");
        PEM_write_X509(file, cert_);
        std::fclose(file);
    }
    ~Authority() {
        ::unlink(path_.c_str());
        X509_free(cert_);
        EVP_PKEY_free(key_);
    }
    Authority(const Authority&) = delete;
    Authority& operator=(const Authority&) = delete;
    EVP_PKEY* key() const { return key_; }
    X509* cert() const { return cert_; }
    const std::string& path() const { return path_; }

  private:
    EVP_PKEY* key_;
    X509* cert_;
    std::string path_ = "/tmp/understudy_tls_XXXXXX";
};

/// The other side, by OpenSSL itself with memory BIOs.
class TlsServer {
  public:
    explicit TlsServer(const Authority& authority) : context_(SSL_CTX_new(TLS_server_method())) {
        SSL_CTX_use_certificate(context_, authority.cert());
        SSL_CTX_use_PrivateKey(context_, authority.key());
        SSL_CTX_set_session_id_context(context_, reinterpret_cast<const unsigned char*>("t"), 1);
        reset();
    }
    ~TlsServer() {
        SSL_free(ssl_);
        SSL_CTX_free(context_);
    }
    TlsServer(const TlsServer&) = delete;
    TlsServer& operator=(const TlsServer&) = delete;

    /// Ready for another connection, with the same ticket keys.
    void reset() {
        SSL_free(ssl_);
        ssl_ = SSL_new(context_);
        SSL_set_bio(ssl_, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
        SSL_set_accept_state(ssl_);
    }
    /// Moves what the client has to say, then what the server has.
    void exchange(TlsEngine& client) {
        const auto out = client.cipher_out.view();
        BIO_write(SSL_get_rbio(ssl_), out.data(), static_cast<int>(out.size()));
        client.cipher_out.clear();
        if (SSL_is_init_finished(ssl_) == 0) SSL_do_handshake(ssl_);
        flush(client);
    }
    void flush(TlsEngine& client) {
        char buffer[4096];
        int n = 0;
        while ((n = BIO_read(SSL_get_wbio(ssl_), buffer, sizeof buffer)) > 0) {
            REQUIRE(client.cipher_in.append({buffer, static_cast<std::size_t>(n)}));
        }
    }
    /// What the client has sent comes in; the handshake goes on, if it is not done.
    void take(std::string_view bytes) {
        BIO_write(SSL_get_rbio(ssl_), bytes.data(), static_cast<int>(bytes.size()));
        if (SSL_is_init_finished(ssl_) == 0) SSL_do_handshake(ssl_);
    }
    /// What is to be sent to the client.
    std::string give() {
        std::string bytes(BIO_ctrl_pending(SSL_get_wbio(ssl_)), '\0');
        BIO_read(SSL_get_wbio(ssl_), bytes.data(), static_cast<int>(bytes.size()));
        return bytes;
    }
    /// Records of application data that take() has been given and hear() has decrypted.
    std::size_t records() const { return records_; }
    /// New keys for both directions; the client is asked to change its own.
    void update_keys() { SSL_key_update(ssl_, SSL_KEY_UPDATE_REQUESTED), SSL_do_handshake(ssl_); }
    void say(const std::string& text) {
        SSL_write(ssl_, text.data(), static_cast<int>(text.size()));
    }
    std::string hear() {
        std::string text(100'000, '\0');
        std::size_t size = 0;
        int n = 0;
        while ((n = SSL_read(ssl_, text.data() + size, static_cast<int>(text.size() - size))) > 0) {
            size += static_cast<std::size_t>(n);
            ++records_;  // SSL_read never gives more than one
        }
        text.resize(size);
        ERR_clear_error();
        return text;
    }
    void close() { SSL_shutdown(ssl_); }
    std::string name_asked() const {
        const char* name = SSL_get_servername(ssl_, TLSEXT_NAMETYPE_host_name);
        return name != nullptr ? name : "";
    }

  private:
    SSL_CTX* context_;
    SSL* ssl_ = nullptr;
    std::size_t records_ = 0;
};

inline TlsTrust trusting(const Authority& authority) {
    TlsTrust trust;
    trust.ca = authority.path();
    return trust;
}

inline const Authority& authority() {
    static const Authority a("DNS:api.example,IP:127.0.0.1");
    return a;
}

}  // namespace understudy::net::test
