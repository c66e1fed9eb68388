#include "proxy/web_guard.hpp"

#include <catch2/catch.hpp>

#include <string>

using namespace understudy;
using proxy::is_loopback_host;
using proxy::WebGuard;

namespace {

config::Config open_on(const char* address) {
    config::Config config;
    config.listen = {{address, 8080}};
    return config;
}

// The code of the refusal; empty: taken.
std::string verdict(const config::Config& config, const std::string& fields,
                    const std::string& method = "POST", bool on_admin = false) {
    const auto text = method + " /v1/chat/completions HTTP/1.1\r\n" + fields + "\r\n";
    wire::RequestHead head;
    wire::HeadReader reader;
    REQUIRE(reader.read_request(text, head) == wire::ParseResult::done);
    const auto error = WebGuard(config).check(head, on_admin);
    if (!error) return {};
    CHECK(error->status == 403);
    return std::string(error->code);
}

}  // namespace

TEST_CASE("Only names that every reader takes for this machine are loopback") {
    for (const char* host :
         {"localhost", "LOCALHOST:1", "app.localhost", "localhost.", "127.0.0.1", "127.0.0.1:8080",
          "127.8.9.1", "[::1]", "[::1]:80", "[0:0:0:0:0:0:0:1]", "[::ffff:127.0.0.1]"}) {
        INFO(host);
        CHECK(is_loopback_host(host));
    }
    for (const char* host :
         {"", "localhost.evil.test", "127.0.0.1.evil.test", "notlocalhost", "128.0.0.1", "0.0.0.0",
          "[::]", "[::2]", "[::1", "127.0.0.1x", "evil.test", "10.0.0.1"}) {
        INFO(host);
        CHECK_FALSE(is_loopback_host(host));
    }
}

TEST_CASE("Without keys no page of another site and no rebound name is taken on loopback") {
    auto config = open_on("127.0.0.1");
    config.cors_origins = {"https://chat.example.com"};
    config.hosts = {"gateway.lan", "*.Example.com"};
    const std::string host = "Host: localhost:8080\r\n";
    CHECK(verdict(config, host).empty());
    for (const char* origin : {"http://localhost:3000", "https://127.0.0.1", "http://[::1]:5",
                               "https://chat.example.com", "HTTPS://chat.example.com"}) {
        INFO(origin);
        CHECK(verdict(config, host + "Origin: " + origin + "\r\n").empty());
    }
    for (const char* origin : {"https://evil.test", "null", "http://chat.example.com", "",
                               "https://chat.example.com.evil.test", "http://localhost.evil.test",
                               "https://chat.example.com:444", "localhost"}) {
        INFO(origin);
        CHECK(verdict(config, host + "Origin: " + origin + "\r\n") == "origin_not_allowed");
    }
    CHECK(verdict(config, host + "Sec-Fetch-Site: cross-site\r\n") == "origin_not_allowed");
    const std::string followed = "Sec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: navigate\r\n";
    CHECK(verdict(config, host + followed, "GET").empty());
    CHECK(verdict(config, host + followed, "POST") == "origin_not_allowed");
    for (const char* site : {"same-origin", "same-site", "none"}) {
        CHECK(verdict(config, host + "Sec-Fetch-Site: " + site + "\r\n").empty());
    }
    for (const char* name : {"gateway.lan:8080", "GATEWAY.LAN", "a.example.com", "127.0.0.2"}) {
        INFO(name);
        CHECK(verdict(config, "Host: " + std::string(name) + "\r\n").empty());
    }
    for (const char* name : {"evil.test", "example.com", "gateway.lan.evil.test", "192.168.1.2"}) {
        INFO(name);
        CHECK(verdict(config, "Host: " + std::string(name) + "\r\n") == "host_not_allowed");
    }
}

TEST_CASE("Where other machines may connect names are not checked, and origins are") {
    const auto config = open_on("0.0.0.0");
    CHECK(verdict(config, "Host: 192.168.1.2:8080\r\n").empty());
    CHECK(verdict(config, "Host: a\r\nOrigin: https://evil.test\r\n") == "origin_not_allowed");
}

TEST_CASE("With keys the key guards, and only a preflight is refused") {
    auto config = open_on("127.0.0.1");
    config.keys.emplace_back().name = "k";
    const std::string page = "Host: a.test\r\nOrigin: https://evil.test\r\n";
    CHECK(verdict(config, page).empty());
    CHECK(verdict(config, page + "Access-Control-Request-Method: POST\r\n", "OPTIONS") ==
          "origin_not_allowed");
}
