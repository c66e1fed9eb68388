#include "upstreams/body_reader.hpp"

#include <catch2/catch.hpp>

#include <string>
#include <vector>

using namespace understudy::upstreams;
using understudy::wire::BodyKind;
using understudy::wire::Framing;

namespace {

/// What came of one body.
struct Result {
    bool good = true;
    bool complete = false;
    bool surplus = false;
    std::string payload;
    std::uint64_t total = 0;
    bool operator==(const Result&) const = default;
};

std::ostream& operator<<(std::ostream& out, const Result& r) {
    return out << r.good << r.complete << r.surplus << ' ' << r.total << ' ' << r.payload;
}

/// Feeds the pieces between the cuts. `consume`: payload leaves the buffer after each piece, as it
/// does when it is relayed.
Result feed(Framing framing, std::string_view raw, const std::vector<std::size_t>& cuts,
            bool consume) {
    MemoryBudget budget(1 << 20);
    Bytes in(budget);
    BodyReader reader(framing);
    Result result;
    std::size_t from = 0;
    for (const auto cut : cuts) {
        REQUIRE(in.append(raw.substr(from, cut - from)));
        from = cut;
        result.good = reader.digest(in);
        if (!result.good) break;
        REQUIRE(in.size() == reader.payload());  // nothing undigested stays behind
        REQUIRE(reader.digest(in));              // a second look changes nothing
        REQUIRE(in.size() == reader.payload());
        if (consume) {
            result.payload += in.view();
            reader.consumed(reader.payload());
            in.clear();
        }
    }
    result.payload += in.view().substr(0, result.good ? reader.payload() : 0);
    result.complete = reader.complete();
    result.surplus = reader.surplus();
    result.total = reader.total();
    return result;
}

/// Whole, byte by byte, split at every position, held and relayed: always the same.
Result feed_every_way(Framing framing, std::string_view raw) {
    const auto whole = feed(framing, raw, {raw.size()}, false);
    std::vector<std::size_t> all;
    for (std::size_t cut = 0; cut <= raw.size(); ++cut) all.push_back(cut);
    for (const bool consume : {false, true}) {
        if (!whole.good) continue;  // how much was read before it broke depends on the cuts
        CHECK(feed(framing, raw, all, consume) == whole);
        bool same = true;
        for (std::size_t cut = 0; cut <= raw.size(); ++cut) {
            same = same && feed(framing, raw, {cut, raw.size()}, consume) == whole;
        }
        CHECK(same);
    }
    if (!whole.good) {
        CHECK_FALSE(feed(framing, raw, all, false).good);
        CHECK_FALSE(feed(framing, raw, all, true).good);
    }
    return whole;
}

constexpr Framing kChunked{BodyKind::chunked, 0};
constexpr Framing kUntilClose{BodyKind::until_close, 0};

Framing length(std::uint64_t n) {
    return {BodyKind::length, n};
}

}  // namespace

TEST_CASE("A body with a length is complete with its last byte") {
    CHECK(feed_every_way(length(5), "hello") == Result{true, true, false, "hello", 5});
    CHECK(feed_every_way(length(6), "hello") == Result{true, false, false, "hello", 5});
    CHECK(feed_every_way(length(5), "hello!") == Result{true, true, true, "hello", 5});
    CHECK(feed_every_way(length(0), "") == Result{true, true, false, "", 0});
    CHECK(feed_every_way(length(0), "HTTP/1.1 200") == Result{true, true, true, "", 0});
    CHECK(feed_every_way(length(~std::uint64_t{0}), "x") == Result{true, false, false, "x", 1});
}

TEST_CASE("An answer without a body is complete from the start") {
    CHECK(BodyReader(Framing{}).complete());
    CHECK(feed_every_way(Framing{}, "") == Result{true, true, false, "", 0});
    CHECK(feed_every_way(Framing{}, "x") == Result{true, true, true, "", 0});
}

TEST_CASE("A chunked body is decoded in place, split anywhere") {
    CHECK(feed_every_way(kChunked, "5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n") ==
          Result{true, true, false, "hello world", 11});
    CHECK(feed_every_way(kChunked, "5;x=y\r\nhello\r\n0\r\nTrailer: 1\r\n\r\n") ==
          Result{true, true, false, "hello", 5});
    CHECK(feed_every_way(kChunked, "0\r\n\r\n") == Result{true, true, false, "", 0});
    CHECK(feed_every_way(kChunked, "3\r\na\r\n\r\n0\r\n\r\nHTTP/1.1") ==
          Result{true, true, true, "a\r\n", 3});
    CHECK(feed_every_way(kChunked, "5\r\nhel") == Result{true, false, false, "hel", 3});
    CHECK(feed_every_way(kChunked, "5\r\nhello\r\n0\r\n") ==
          Result{true, false, false, "hello", 5});
}

TEST_CASE("A broken chunk is never payload") {
    for (const char* raw : {"x", "5\r\nhelloX", "5\nhello\r\n0\r\n\r\n", "-1\r\n", "\r\n",
                            "5\r\nhello\r\nz", "10000000000000000\r\n", "0x5\r\nhello\r\n"}) {
        INFO(raw);
        CHECK_FALSE(feed_every_way(kChunked, raw).good);
    }
}

TEST_CASE("A body that ends with its connection ends only then") {
    CHECK(feed_every_way(kUntilClose, "anything at all") ==
          Result{true, false, false, "anything at all", 15});
    BodyReader reader(kUntilClose);
    CHECK_FALSE(reader.complete());
    CHECK(reader.end_of_stream());
    CHECK(reader.complete());
}

TEST_CASE("An early end of the connection is noticed where the framing can tell") {
    CHECK_FALSE(BodyReader(length(1)).end_of_stream());
    CHECK_FALSE(BodyReader(kChunked).end_of_stream());
    CHECK(BodyReader(length(0)).end_of_stream());
    CHECK(BodyReader(Framing{}).end_of_stream());
}

TEST_CASE("What is still expected is known with a length only") {
    MemoryBudget budget(1000);
    Bytes in(budget);
    BodyReader reader(length(10));
    CHECK(reader.expected() == 10);
    REQUIRE(in.append("abc"));
    REQUIRE(reader.digest(in));
    CHECK(reader.expected() == 7);
    CHECK(BodyReader(kChunked).expected() == 0);
    CHECK(BodyReader(kUntilClose).expected() == 0);
}

TEST_CASE("Payload half consumed stays in front of what comes next") {
    MemoryBudget budget(1000);
    Bytes in(budget);
    BodyReader reader(kChunked);
    REQUIRE(in.append("5\r\nhello\r\n"));
    REQUIRE(reader.digest(in));
    in.consume(2);
    reader.consumed(2);
    REQUIRE(in.append("3\r\nyou\r\n0\r\n\r\nrest"));
    REQUIRE(reader.digest(in));
    CHECK(in.view() == "lloyou");
    CHECK(reader.payload() == 6);
    CHECK(reader.total() == 8);
    CHECK(reader.complete());
    CHECK(reader.surplus());
}
