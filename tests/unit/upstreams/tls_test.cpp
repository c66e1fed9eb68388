#include "upstreams/tls.hpp"

#include <catch2/catch.hpp>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <unistd.h>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>

using namespace understudy;
using namespace understudy::upstreams;
using Status = TlsEngine::Status;

namespace {

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
    void say(const std::string& text) {
        SSL_write(ssl_, text.data(), static_cast<int>(text.size()));
    }
    std::string hear() {
        std::string text(100'000, '\0');
        std::size_t size = 0;
        int n = 0;
        while ((n = SSL_read(ssl_, text.data() + size, static_cast<int>(text.size() - size))) > 0) {
            size += static_cast<std::size_t>(n);
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
};

Status shake(TlsEngine& client, TlsServer& server) {
    for (int round = 0; round < 10; ++round) {
        const auto status = client.handshake();
        server.exchange(client);
        if (status != Status::want_read) return status;
    }
    return Status::want_read;
}

config::TlsOptions trusting(const Authority& authority) {
    config::TlsOptions options;
    options.ca = authority.path();
    return options;
}

std::string read_all(TlsEngine& client, Status& status) {
    std::string text;
    char buffer[512];
    std::size_t n = 0;
    while ((status = client.read(buffer, sizeof buffer, n)) == Status::ok) text.append(buffer, n);
    return text;
}

const Authority& authority() {
    static const Authority a("DNS:api.example,IP:127.0.0.1");
    return a;
}

}  // namespace

TEST_CASE("Both sides understand each other over nothing but buffers") {
    MemoryBudget budget(1 << 20);
    const TlsContext context(trusting(authority()));
    TlsServer server(authority());
    {
        TlsEngine client(context, "api.example", nullptr, budget);
        REQUIRE(shake(client, server) == Status::ok);
        CHECK(server.name_asked() == "api.example");
        CHECK_FALSE(client.resumed());

        std::string question(40'000, 'q');
        REQUIRE(client.write(question) == Status::ok);
        server.exchange(client);
        CHECK(server.hear() == question);

        Status status{};
        server.say("answer");
        server.flush(client);
        CHECK(read_all(client, status) == "answer");
        CHECK(status == Status::want_read);
        CHECK(client.cipher_in.empty());

        server.say("last");
        server.close();
        server.flush(client);
        CHECK(read_all(client, status) == "last");
        CHECK(status == Status::closed);  // with close_notify: nobody cut it
    }
    CHECK(budget.used() == 0);
}

TEST_CASE("Records that come byte by byte are whole in the end") {
    MemoryBudget budget(1 << 20);
    const TlsContext context(trusting(authority()));
    TlsServer server(authority());
    TlsEngine client(context, "api.example", nullptr, budget);
    REQUIRE(shake(client, server) == Status::ok);
    Status status{};
    read_all(client, status);  // tickets
    server.say("drop by drop");
    MemoryBudget unlimited(1 << 20);
    TlsEngine parked(context, "api.example", nullptr, unlimited);
    server.flush(parked);  // only as a place to keep the bytes
    std::string got;
    for (const char c : std::string(parked.cipher_in.view())) {
        REQUIRE(client.cipher_in.append({&c, 1}));
        got += read_all(client, status);
        REQUIRE(status == Status::want_read);
    }
    CHECK(got == "drop by drop");
}

TEST_CASE("A certificate must be trusted and must be the right one, unless nobody asks") {
    MemoryBudget budget(1 << 20);
    TlsServer server(authority());
    const auto outcome = [&](const config::TlsOptions& options, const std::string& name,
                             std::string& error) {
        const TlsContext context(options);
        TlsEngine client(context, name, nullptr, budget);
        server.reset();
        const auto status = shake(client, server);
        error = client.error();
        return status;
    };
    std::string error;
    CHECK(outcome(trusting(authority()), "127.0.0.1", error) == Status::ok);
    CHECK(server.name_asked().empty());  // an address is no name to ask for
    CHECK(outcome(trusting(authority()), "other.example", error) == Status::failed);
    CHECK(error.find("certificate verify failed") != std::string::npos);
    CHECK(error.find("mismatch") != std::string::npos);
    CHECK(outcome(trusting(authority()), "127.0.0.2", error) == Status::failed);
    CHECK(outcome(trusting(authority()), "xapi.example", error) == Status::failed);

    const Authority stranger("DNS:api.example");
    CHECK(outcome(trusting(stranger), "api.example", error) == Status::failed);
    CHECK(error.find("certificate verify failed") != std::string::npos);

    config::TlsOptions blind;
    blind.verify = false;
    CHECK(outcome(blind, "other.example", error) == Status::ok);
}

TEST_CASE("A session is resumed with a ticket of the peer before it, once each") {
    MemoryBudget budget(1 << 20);
    const TlsContext context(trusting(authority()));
    const auto cache = std::make_shared<TlsSessionCache>();
    TlsServer server(authority());
    {
        TlsEngine client(context, "api.example", cache, budget);
        REQUIRE(shake(client, server) == Status::ok);
        Status status{};
        read_all(client, status);  // the tickets come behind the handshake
        CHECK_FALSE(client.resumed());
    }
    server.reset();
    TlsEngine again(context, "api.example", cache, budget);
    REQUIRE(shake(again, server) == Status::ok);
    CHECK(again.resumed());
}

TEST_CASE("The cache of tickets is bounded and gives the newest") {
    TlsSessionCache cache;
    CHECK(cache.take() == nullptr);
    SSL_SESSION* last = nullptr;
    for (int i = 0; i < 20; ++i) cache.put(last = SSL_SESSION_new());
    auto* newest = cache.take();
    CHECK(newest == last);
    SSL_SESSION_free(newest);
    int left = 0;
    while (auto* session = cache.take()) {
        SSL_SESSION_free(session);
        ++left;
    }
    CHECK(left == 7);
}

TEST_CASE("What is not TLS fails with a reason") {
    MemoryBudget budget(1 << 20);
    const TlsContext context(trusting(authority()));
    TlsEngine client(context, "api.example", nullptr, budget);
    CHECK(client.handshake() == Status::want_read);
    CHECK_FALSE(client.cipher_out.empty());
    REQUIRE(client.cipher_in.append("HTTP/1.1 400 Bad Request\r\n\r\n"));
    CHECK(client.handshake() == Status::failed);
    CHECK_FALSE(client.error().empty());
}

TEST_CASE("Without memory for its records a session fails instead of losing bytes") {
    MemoryBudget budget(1 << 20);
    const TlsContext context(trusting(authority()));
    TlsServer server(authority());
    TlsEngine client(context, "api.example", nullptr, budget);
    REQUIRE(shake(client, server) == Status::ok);
    budget.set_limit(0);
    CHECK(client.write(std::string(16'000, 'x')) == Status::failed);
}

TEST_CASE("A CA file that is missing or holds nothing is refused by name") {
    config::TlsOptions options;
    options.ca = "/nonexistent/ca.pem";
    CHECK_THROWS_WITH(TlsContext(options), Catch::Contains("/nonexistent/ca.pem"));
    options.ca = "/dev/null";
    CHECK_THROWS_WITH(TlsContext(options), Catch::Contains("/dev/null"));
}
