#include "net/tls.hpp"

#include "tests/unit/net/tls_support.hpp"

#include <catch2/catch.hpp>

#include <openssl/ssl.h>

#include <memory>
#include <string>

using namespace understudy;
using namespace understudy::net;
using namespace understudy::net::test;
using Status = TlsEngine::Status;

namespace {

Status shake(TlsEngine& client, TlsServer& server) {
    for (int round = 0; round < 10; ++round) {
        const auto status = client.handshake();
        server.exchange(client);
        if (status != Status::want_read) return status;
    }
    return Status::want_read;
}

std::string read_all(TlsEngine& client, Status& status) {
    std::string text;
    char buffer[512];
    std::size_t n = 0;
    while ((status = client.read(buffer, sizeof buffer, n)) == Status::ok) text.append(buffer, n);
    return text;
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
    const auto outcome = [&](const TlsTrust& options, const std::string& name, std::string& error) {
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

    TlsTrust blind;
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
    TlsTrust options;
    options.ca = "/nonexistent/ca.pem";
    CHECK_THROWS_WITH(TlsContext(options), Catch::Contains("/nonexistent/ca.pem"));
    options.ca = "/dev/null";
    CHECK_THROWS_WITH(TlsContext(options), Catch::Contains("/dev/null"));
}
