#include "wire/content_coding.hpp"

#include "feed.hpp"

#include <catch2/catch.hpp>

#include <string>

using namespace understudy::wire;
using understudy::wire::test::ParsedRequest;

TEST_CASE("A request's coding is what all its Content-Encoding fields say together") {
    const auto coding = [](const std::string& lines) {
        const ParsedRequest request("POST / HTTP/1.1\r\nHost: h\r\n" + lines + "\r\n");
        return body_coding(request.head.fields);
    };
    const auto one = [&](const std::string& value) {
        return coding("Content-Encoding: " + value + "\r\n");
    };
    using enum BodyCoding;
    CHECK(coding("") == identity);
    CHECK(one("") == identity);
    CHECK(one(",") == identity);
    CHECK(one("identity") == identity);
    CHECK(one("gzip") == gzip);
    CHECK(one("GZip") == gzip);
    CHECK(one("x-gzip") == gzip);
    CHECK(one(" , gzip ,") == gzip);
    CHECK(one("zstd") == zstd);
    CHECK(one("ZSTD\t") == zstd);
    for (const auto* other : {"br", "deflate", "compress", "x-zstd", "gzip zstd", "gzip;q=1", "*",
                              "dcb", "\"gzip\"", "gzi", "gzipp"}) {
        CHECK(one(other) == unsupported);
    }
    CHECK(one("gzip, zstd") == unsupported);
    CHECK(one("gzip,gzip") == unsupported);
    CHECK(one("identity, gzip") == unsupported);
    CHECK(coding("Content-Encoding: gzip\r\ncontent-encoding: gzip\r\n") == unsupported);
    CHECK(coding("Content-Encoding: identity\r\nContent-Encoding: zstd\r\n") == unsupported);
    CHECK(coding("Content-Encoding:\r\nContent-Encoding: zstd\r\n") == zstd);
}
