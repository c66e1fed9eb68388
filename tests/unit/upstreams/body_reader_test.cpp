#include "upstreams/body_reader.hpp"

#include <zlib.h>

#include <catch2/catch.hpp>

#include <string>
#include <vector>

using namespace understudy;
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
    net::MemoryBudget budget(1 << 20);
    net::Bytes in(budget);
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
    net::MemoryBudget budget(1000);
    net::Bytes in(budget);
    BodyReader reader(length(10));
    CHECK(reader.expected() == 10);
    REQUIRE(in.append("abc"));
    REQUIRE(reader.digest(in));
    CHECK(reader.expected() == 7);
    CHECK(BodyReader(kChunked).expected() == 0);
    CHECK(BodyReader(kUntilClose).expected() == 0);
}

TEST_CASE("Payload half consumed stays in front of what comes next") {
    net::MemoryBudget budget(1000);
    net::Bytes in(budget);
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

namespace {

std::string number(std::size_t value) {
    std::string out;
    for (int shift = 24; shift >= 0; shift -= 8) out += static_cast<char>(value >> shift & 0xffU);
    return out;
}

std::string sum(const std::string& bytes) {
    return number(
        crc32(0, reinterpret_cast<const Bytef*>(bytes.data()), static_cast<uInt>(bytes.size())));
}

/// A message of an AWS event stream; `headers` as they are packed.
std::string message(const std::string& payload) {
    const std::string headers("\x0b:event-type\7\0\1a\x0d:message-type\7\0\5event", 38);
    auto out = number(16 + headers.size() + payload.size()) + number(headers.size());
    out += sum(out);
    out += headers + payload;
    return out + sum(out);
}

}  // namespace

TEST_CASE("The messages of an event stream become the payload, wherever it is cut") {
    const std::string text = "event: a\ndata: {\"x\":1}\n\nevent: a\ndata: {}\n\n";
    const std::string raw = message(R"({"x":1})") + message("{}");
    std::string chunked;
    for (std::size_t at = 0; at < raw.size(); at += 9) {
        const auto part = raw.substr(at, 9);
        chunked += std::to_string(part.size()) + "\r\n" + part + "\r\n";
    }
    chunked += "0\r\n\r\n";
    Framing framing;
    framing.kind = BodyKind::chunked;
    for (const bool consume : {false, true}) {
        for (std::size_t cut = 0; cut <= chunked.size(); ++cut) {
            CAPTURE(cut, consume);
            net::MemoryBudget budget(1 << 20);
            net::Bytes in(budget);
            BodyReader reader(framing);
            reader.read_messages(1 << 20);
            std::string seen;
            for (const auto part : {std::string_view(chunked).substr(0, cut),
                                    std::string_view(chunked).substr(cut)}) {
                REQUIRE(in.append(part));
                REQUIRE(reader.digest(in));
                REQUIRE(reader.digest(in));  // a second look changes nothing
                if (!consume) continue;
                seen += in.view().substr(0, reader.payload());
                in.consume(reader.payload());
                reader.consumed(reader.payload());
            }
            seen += in.view().substr(0, reader.payload());
            REQUIRE(seen == text);
            REQUIRE(reader.complete());
            REQUIRE(reader.total() == raw.size());
        }
    }
}

TEST_CASE("An event stream may not end inside a message, nor have one that is broken") {
    const auto run = [](std::string raw, BodyKind kind, std::size_t most = 1 << 20) {
        net::MemoryBudget budget(1 << 20);
        net::Bytes in(budget);
        Framing framing;
        framing.kind = kind;
        framing.length = raw.size();
        BodyReader reader(framing);
        reader.read_messages(most);
        REQUIRE(in.append(raw));
        if (!reader.digest(in)) return std::string(reader.problem());
        return std::string(reader.end_of_stream() ? "whole" : "cut");
    };
    const auto good = message("{}");
    CHECK(run(good, BodyKind::length) == "whole");
    CHECK(run(good, BodyKind::until_close) == "whole");
    const auto half = good + good.substr(0, 30);
    CHECK(run(half, BodyKind::until_close) == "cut");
    CHECK(run(half, BodyKind::length) == "event stream: it ends inside a message");
    auto bad = good;
    bad[20] = static_cast<char>(bad[20] ^ 4);
    CHECK(run(good + bad, BodyKind::length).find("checksum") != std::string::npos);
    CHECK(run(message(std::string(100, ' ')), BodyKind::until_close, 90).find("larger") ==
          std::string::npos);  // it is there already
    CHECK(run(message(std::string(100, ' ')).substr(0, 20), BodyKind::until_close, 90)
              .find("larger") != std::string::npos);
}

TEST_CASE("What is left of an event stream is dropped for the end of its body") {
    net::MemoryBudget budget(1 << 20);
    net::Bytes in(budget);
    Framing framing;
    framing.kind = BodyKind::chunked;
    BodyReader reader(framing);
    reader.read_messages(1 << 20);
    REQUIRE(in.append("a\r\n" + message("{}").substr(0, 10) + "\r\n"));
    REQUIRE(reader.digest(in));
    reader.drop_rest(in);
    CHECK(in.empty());
    REQUIRE(in.append("3\r\nxyz\r\n0\r\n\r\n"));
    REQUIRE(reader.digest(in));
    CHECK(reader.complete());
}
