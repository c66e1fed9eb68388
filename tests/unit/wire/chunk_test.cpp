#include "wire/chunk.hpp"

#include <catch2/catch.hpp>

#include <string>
#include <string_view>
#include <vector>

using namespace understudy::wire;
using namespace std::string_literals;
using Status = ChunkDecoder::Status;

namespace {

struct Decoded {
    Status status = Status::need_more;
    std::string payload;
    std::size_t consumed = 0;
    bool operator==(const Decoded&) const = default;
};

// Gives the decoder the pieces of `coded` between the cuts, one after the other.
Decoded decode(std::string_view coded, const std::vector<std::size_t>& cuts) {
    ChunkDecoder decoder;
    Decoded result;
    for (const auto cut : cuts) {
        auto piece = coded.substr(result.consumed, cut - result.consumed);
        for (;;) {
            const auto step = decoder.next(piece);
            result.status = step.status;
            result.payload += step.data;
            result.consumed += step.consumed;
            piece.remove_prefix(step.consumed);
            if (step.status != Status::data) break;
        }
        if (result.status != Status::need_more) break;
    }
    return result;
}

Decoded decode_every_way(std::string_view coded) {
    const auto whole = decode(coded, {coded.size()});
    std::vector<std::size_t> all;
    bool same = true;
    for (std::size_t cut = 0; cut <= coded.size(); ++cut) {
        all.push_back(cut);
        same = same && decode(coded, {cut, coded.size()}) == whole;
    }
    CHECK(same);
    CHECK(decode(coded, all) == whole);

    std::string buffer(coded);
    std::size_t payload = 0;
    std::size_t consumed = 0;
    ChunkDecoder decoder;
    const bool good = decoder.decode_in_place(buffer.data(), buffer.size(), payload, consumed);
    CHECK(good == (whole.status != Status::bad));
    CHECK(consumed == whole.consumed);
    CHECK(buffer.substr(0, payload) == whole.payload);
    CHECK(decoder.done() == (whole.status == Status::done));
    return whole;
}

}  // namespace

TEST_CASE("chunks are decoded to the byte however they arrive") {
    const auto check = [](const std::string& coded, const std::string& payload) {
        INFO(coded);
        const auto result = decode_every_way(coded + "NEXT");
        CHECK(result.status == Status::done);
        CHECK(result.payload == payload);
        CHECK(result.consumed == coded.size());
    };
    check("0\r\n\r\n", "");
    check("5\r\nhello\r\n0\r\n\r\n", "hello");
    check("5\r\nhello\r\n1\r\n!\r\n0\r\n\r\n", "hello!");
    check("A\r\n0123456789\r\n0\r\n\r\n", "0123456789");
    // Payload that looks like the end of the body.
    const auto tricky = "\r\n0\r\n\r\n56\0"s;
    check(std::string("a\r\n").append(tricky).append("\r\n0\r\n\r\n"), tricky);
    check("0000000000000003\r\nabc\r\n000\r\n\r\n", "abc");
    check("3;name=value;q=\"a;b\"\r\nabc\r\n0;last\r\n\r\n", "abc");
    check("3 \t;x\r\nabc\r\n0\r\n\r\n", "abc");
    check("3;\r\nabc\r\n0\r\n\r\n", "abc");
    check("3;a=\"\";b = \"x\\\"y\" ;c=d\r\nabc\r\n0;e=\"\\\\\"\r\n\r\n", "abc");
    check("3\r\nabc\r\n0\r\nX-Trailer: v\r\nContent-Length: 5\r\n\r\n", "abc");
}

TEST_CASE("an incomplete chunked body asks for more and never claims to be done") {
    const auto coded = "3\r\nabc\r\n0\r\nX: y\r\n\r\n"s;
    for (std::size_t size = 0; size < coded.size(); ++size) {
        const auto result = decode(std::string_view(coded).substr(0, size), {size});
        CHECK(result.status == Status::need_more);
        CHECK(result.consumed == size);
    }
}

TEST_CASE("chunked coding that is not strictly valid is refused however it arrives") {
    const std::vector<std::pair<const char*, std::string>> table{
        {"no size", "\r\nabc"},
        {"empty size with an extension", ";x\r\n"},
        {"sign", "+3\r\nabc\r\n"},
        {"negative size", "-1\r\n"},
        {"hex prefix", "0x3\r\nabc\r\n"},
        {"not hex", "g\r\n"},
        {"space in front of the size", " 3\r\nabc\r\n"},
        {"space behind the size and no extension", "3 \r\nabc\r\n"},
        {"space within the size", "3 3\r\nabc\r\n"},
        {"bare LF behind the size", "3\nabc\r\n"},
        {"bare CR behind the size", "3\rabc\r\n"},
        {"bare LF behind an extension", "3;x\nabc\r\n"},
        {"bare CR in an extension", "3;x\ry\r\n"},
        {"a quote that is not closed", "3;x=\"y\r\n"},
        {"a quote that hides a line end", "3;x=\"\r\nabc\r\n0\r\n\r\n\"\r\n"},
        {"a quote whose end is escaped", "3;x=\"y\\\"\r\n"},
        {"an escape at the end of a line", "3;x=\"y\\\r\n"},
        {"a quote without a name", "3;\"x\"\r\n"},
        {"a quote inside a word", "3;x=y\"z\"\r\n"},
        {"a word behind a quote", "3;x=\"y\"z\r\n"},
        {"NUL in an extension", "3;\0\r\n"s},
        {"17 digits", "00000000000000003\r\nabc\r\n"},
        {"size beyond 62 bits", "ffffffffffffffff\r\n"},
        {"size beyond 62 bits, one digit less", "8000000000000000\r\n"},
        {"chunk longer than its size", "3\r\nabcd\r\n"},
        {"chunk shorter than its size", "5\r\nabc\r\n0\r\n\r\n"},
        {"bare LF behind the chunk", "3\r\nabc\n0\r\n\r\n"},
        {"no CRLF behind the chunk", "3\r\nabc0\r\n\r\n"},
        {"trailer with a bare LF", "0\r\nX: y\n\r\n"},
        {"trailer without a colon", "0\r\nX\r\n\r\n"},
        {"trailer with an empty name", "0\r\n: y\r\n\r\n"},
        {"trailer with obs-fold", "0\r\nX: y\r\n z\r\n\r\n"},
        {"trailer with NUL", "0\r\nX: \0\r\n\r\n"s},
        {"bare LF at the end", "0\r\n\n"},
        {"bare CR at the end", "0\r\n\rX"},
    };
    for (const auto& [what, coded] : table) {
        INFO(what);
        CHECK(decode_every_way(coded).status == Status::bad);
    }
}

TEST_CASE("extensions and trailers are bounded") {
    CHECK(decode("1;" + std::string(1000, 'x') + "\r\n", {1004}).status == Status::need_more);
    const auto long_extension = "1;" + std::string(10'000, 'x') + "\r\n";
    CHECK(decode(long_extension, {long_extension.size()}).status == Status::bad);
    const auto blanks = "1" + std::string(10'000, ' ') + ";\r\n";
    CHECK(decode(blanks, {blanks.size()}).status == Status::bad);
    auto trailers = "0\r\n"s;
    for (int i = 0; i < 1000; ++i) trailers += "X: 12345678\r\n";
    CHECK(decode(trailers, {trailers.size()}).status == Status::bad);
    // The bound is per chunk: a long body may have an extension on each.
    std::string body;
    for (int i = 0; i < 200; ++i) body += "1;chunk-signature=" + std::string(64, 'a') + "\r\nx\r\n";
    body += "0\r\n\r\n";
    CHECK(decode(body, {body.size()}).payload == std::string(200, 'x'));
}

TEST_CASE("a decoder stays bad, stays done, and starts anew after reset") {
    ChunkDecoder decoder;
    CHECK(decoder.next("x").status == Status::bad);
    CHECK(decoder.next("0\r\n\r\n").status == Status::bad);
    decoder.reset();
    CHECK(decoder.next("0\r\n\r\n").status == Status::done);
    CHECK(decoder.done());
    const auto step = decoder.next("5\r\n");
    CHECK(step.status == Status::done);
    CHECK(step.consumed == 0);
}

TEST_CASE("payload slices point into the input") {
    const auto coded = "5\r\nhello\r\n"s;
    ChunkDecoder decoder;
    const auto step = decoder.next(coded);
    REQUIRE(step.status == Status::data);
    CHECK(step.data.data() == coded.data() + 3);
    CHECK(step.consumed == 8);
}

TEST_CASE("chunk headers are what the decoder reads") {
    CHECK(ChunkHeader(1).view() == "1\r\n");
    CHECK(ChunkHeader(26).view() == "1a\r\n");
    CHECK(ChunkHeader(0x10000).view() == "10000\r\n");
    CHECK(ChunkHeader(static_cast<std::size_t>(-1)).view() == "ffffffffffffffff\r\n");
    std::string coded(ChunkHeader(300).view());
    coded += std::string(300, 'y') + std::string(kChunkEnd) + std::string(kLastChunk);
    CHECK(decode(coded, {coded.size()}).payload == std::string(300, 'y'));
    CHECK(decode(coded, {coded.size()}).status == Status::done);
}
