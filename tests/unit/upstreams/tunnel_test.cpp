#include "upstreams/tunnel.hpp"

#include <catch2/catch.hpp>

#include <string>

using namespace understudy;
using upstreams::connect_request;

TEST_CASE("CONNECT names host and port of the upstream, and who asks") {
    config::Proxy proxy;
    proxy.host = "proxy.example";
    CHECK(connect_request(proxy, "api.example", 443) ==
          "CONNECT api.example:443 HTTP/1.1\r\nhost: api.example:443\r\n\r\n");
    CHECK(connect_request(proxy, "fd12::1", 80) ==
          "CONNECT [fd12::1]:80 HTTP/1.1\r\nhost: [fd12::1]:80\r\n\r\n");
    proxy.authorization.emplace("Basic dTpw");
    CHECK(connect_request(proxy, "a", 1) ==
          "CONNECT a:1 HTTP/1.1\r\nhost: a:1\r\nproxy-authorization: Basic dTpw\r\n\r\n");
}
