#define ZSTD_STATIC_LINKING_ONLY  // for what the library says of its own memory
#include "wire/unzstd.hpp"

#include "coding_support.hpp"

#include <catch2/catch.hpp>

#include <cstdint>
#include <string>

using namespace understudy::wire;
using namespace understudy::wire::test;
using namespace std::string_literals;

namespace {

constexpr std::uint64_t kMiB = 1 << 20;

Outcome frames(std::string_view coded) {
    return decode_every_way<ZstdReader>(coded);
}
const auto whole = [](std::string text) { return Outcome{std::move(text), true, false}; };

std::string skippable(std::string_view content, int kind = 0) {
    std::string frame = "\x50\x2a\x4d\x18"s;
    frame[0] = static_cast<char>(frame[0] + kind);
    frame += static_cast<char>(content.size());
    return frame.append(3, '\0').append(content);
}

// Magic, descriptor and what follows it.
std::string header(std::initializer_list<int> bytes) {
    std::string text = "\x28\xb5\x2f\xfd"s;
    for (const int byte : bytes) text += static_cast<char>(byte);
    return text;
}

struct Row {
    std::string bytes;
    std::uint64_t window;
    std::optional<std::uint64_t> content;
};

}  // namespace

TEST_CASE("A frame's header says window, content and its own size") {
    const std::vector<Row> rows{
        {header({0x00, 0x00}), 1024, {}},
        {header({0x00, 0x07}), 1024 + 7 * 128, {}},
        {header({0x00, 13 << 3}), 8 * kMiB, {}},
        {header({0x04, 0x58}), 2 * kMiB, {}},                                  // with a checksum
        {header({0x00, 31 << 3 | 7}), (std::uint64_t{1} << 41) / 8 * 15, {}},  // 3.75 TB
        {header({0x20, 0x05}), 5, 5},                                          // one segment
        {header({0x60, 0x00, 0x01}), 512, 512},
        {header({0x40, 0x58, 0x00, 0x00}), 2 * kMiB, 256},
        {header({0x80, 0x58, 1, 0, 0, 1}), 2 * kMiB, (1 << 24) + 1},
        {header({0xa0, 1, 2, 0, 0}), 513, 513},
        {header({0xc0, 0x58, 1, 0, 0, 0, 1, 0, 0, 0}), 2 * kMiB, (std::uint64_t{1} << 32) + 1},
        {header({0xe0, 255, 255, 255, 255, 255, 255, 255, 255}), UINT64_MAX, UINT64_MAX},
        {header({0x01, 0x58, 9}), 2 * kMiB, {}},  // with a dictionary
        {header({0x43, 0x58, 9, 9, 9, 9, 1, 0}), 2 * kMiB, 257},
    };
    for (const auto& row : rows) {
        ZstdFrame frame;
        for (std::size_t size = 0; size < row.bytes.size(); ++size) {
            CHECK(read_zstd_header(row.bytes.substr(0, size), frame) == ZstdHeader::need_more);
        }
        REQUIRE(read_zstd_header(row.bytes + "behind", frame) == ZstdHeader::whole);
        CHECK_FALSE(frame.skippable);
        CHECK(frame.window == row.window);
        CHECK(frame.content == row.content);
        CHECK(frame.header_size == row.bytes.size());
    }
    ZstdFrame frame;
    CHECK(read_zstd_header(skippable("abc", 15), frame) == ZstdHeader::whole);
    CHECK(frame.skippable);
    CHECK(frame.header_size == 8);
    for (const auto& other :
         {"{\"a\":"s, "\x1f\x8b\x08\0\0"s, "\x27\xb5\x2f\xfd\0"s, "\0\0\0\0\0"s}) {
        CHECK(read_zstd_header(other, frame) == ZstdHeader::none);  // the last: an old version's
    }
}

TEST_CASE("zstd frames in a row are one body, and skippable ones hold nothing") {
    const auto one = zstd_frame("one ");
    CHECK(frames(one) == whole("one "));
    CHECK(frames(one + zstd_frame("two") + zstd_frame("") + zstd_frame("!")) == whole("one two!"));
    CHECK(frames(skippable("xyz") + one + skippable("", 7) + zstd_frame("two")) ==
          whole("one two"));
    CHECK(frames(skippable("xyz")) == whole(""));
    CHECK(frames(zstd_frame("")) == whole(""));
    const auto text = prose(3000);
    for (const bool says_size : {true, false}) {
        for (const bool checksum : {true, false}) {
            CHECK(frames(zstd_frame(text, {3, 0, says_size, checksum})) == whole(text));
        }
    }
}

TEST_CASE("What needs every byte of a window is decoded, up to 8 MiB") {
    auto text = prose(6 * kMiB);
    text += text;
    for (const int window_log : {10, 17, 23}) {
        const auto coded = zstd_frame(text, {3, window_log, false, true});
        const auto got =
            decode_in_pieces<ZstdReader>(coded, {coded.size() / 2, coded.size()}, 1 << 17);
        CHECK(got.finished);
        CHECK((got.text == text));
    }
}

TEST_CASE("What is no zstd, cut, damaged or has something behind it is no body") {
    const auto one = zstd_frame("{\"model\":\"m\"}", {3, 0, true, true});
    CHECK(frames("{\"model\":\"m\"}").broken);
    CHECK(frames(deflated("{}")).broken);
    CHECK(frames(one + "more behind it").broken);
    CHECK_FALSE(frames(one + "x").finished);
    CHECK(frames(one + std::string(9, '\0')).broken);
    CHECK_FALSE(frames("").finished);
    for (std::size_t size = 0; size < one.size(); ++size) {
        CHECK_FALSE(frames(one.substr(0, size)).finished);
        if (size > 0) CHECK_FALSE(frames(one + one.substr(0, size)).finished);
    }
    for (std::size_t at = 5; at < one.size(); ++at) {
        auto damaged = one;
        damaged[at] = static_cast<char>(damaged[at] ^ 0x55);
        CHECK_FALSE(frames(damaged).finished);
    }
    CHECK(frames(header({0x01, 0x58, 9}) + "\x01\0\0"s).broken);  // a dictionary nobody has
}

TEST_CASE("A window beyond 8 MiB is refused before memory is taken for it") {
    const std::string empty_block = "\x01\0\0"s;
    for (const auto& bytes :
         {header({0x00, 13 << 3 | 1}), header({0x00, 31 << 3 | 7}), header({0xa0, 1, 0, 128, 0})}) {
        ZstdReader reader;
        const auto coded = bytes + empty_block;
        std::string_view input = coded;
        std::string out(100, '\0');
        std::size_t n = 0;
        CHECK(reader.step(input, out, n) == ZstdReader::Step::broken);
        CHECK(reader.too_wide());
        CHECK(reader.memory() == 0);
        CHECK(reader.step(input, out, n) == ZstdReader::Step::broken);
    }
    ZstdReader reader;
    const auto coded = header({0x00, 13 << 3}) + empty_block;
    std::string_view input = coded;
    std::string out(100, '\0');
    std::size_t n = 0;
    CHECK(reader.step(input, out, n) == ZstdReader::Step::need_memory);
    CHECK_FALSE(reader.too_wide());
}

TEST_CASE("The memory it asks for is no less than the library takes, and asked for first") {
    for (const int window_log : {10, 14, 17, 18, 20, 23}) {
        const auto coded = header({0x00, (window_log - 10) << 3}) + "\x01\0\0"s;
        ZstdFrame frame;
        REQUIRE(read_zstd_header(coded, frame) == ZstdHeader::whole);
        REQUIRE(frame.window == std::uint64_t{1} << window_log);
        ZstdReader reader;
        std::string_view input = coded;
        std::string out(1 << 16, '\0');
        std::size_t n = 0;
        CHECK(reader.memory() == 0);
        REQUIRE(reader.step(input, out, n) == ZstdReader::Step::need_memory);
        CHECK(n == 0);
        const auto takes = ZSTD_estimateDStreamSize(frame.window);
        CHECK(reader.memory() >= takes);
        CHECK(reader.memory() <= takes + 200'000);
        CHECK(reader.step(input, out, n) == ZstdReader::Step::need_output);  // asked once
    }
}

TEST_CASE("What a frame says it decodes to is known before it is decoded") {
    const auto first = zstd_frame("1234");
    const auto second = header({0xa0, 0, 0, 16, 0});  // says 1 MiB
    const auto third = header({0xe0, 255, 255, 255, 255, 255, 255, 255, 255});
    ZstdReader reader;
    const auto coded = first + second;
    std::string_view input = coded;
    std::string out(100, '\0');
    std::size_t n = 0;
    auto step = reader.step(input, out, n);
    CHECK(reader.announced() == 4);
    while (!input.empty() && step != ZstdReader::Step::broken) step = reader.step(input, out, n);
    CHECK(reader.announced() == 4 + kMiB);
    ZstdReader other;
    const auto most = first + third;
    input = most;
    for (step = DecodeStep::need_output; !input.empty() && step != DecodeStep::broken;) {
        step = other.step(input, out, n);
    }
    CHECK(other.too_wide());
}
