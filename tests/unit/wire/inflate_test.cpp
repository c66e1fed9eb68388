#include "wire/inflate.hpp"

#include "coding_support.hpp"

#include <catch2/catch.hpp>

#include <string>

using namespace understudy::wire;
using namespace understudy::wire::test;
using namespace std::string_literals;

namespace {

Outcome members(std::string_view coded) {
    return decode_every_way<Inflater>(coded, Inflater::Form::members);
}
Outcome any(std::string_view coded) {
    return decode_every_way<Inflater>(coded, Inflater::Form::any);
}
const auto whole = [](std::string text) { return Outcome{std::move(text), true, false}; };

}  // namespace

TEST_CASE("gzip members in a row are one body") {
    const auto one = deflated("one ");
    CHECK(members(one) == whole("one "));
    CHECK(members(one + deflated("two") + deflated("") + deflated("!")) == whole("one two!"));
    CHECK(members(deflated("")) == whole(""));
    CHECK(members(deflated(prose(3000))) == whole(prose(3000)));
}

TEST_CASE("What is no gzip, cut, damaged or has something behind it is no body") {
    const auto one = deflated("{\"model\":\"m\"}");
    CHECK(members("{\"model\":\"m\"}").broken);
    CHECK(members(deflated("{}", 15)).broken);   // zlib's own form, which is "deflate"
    CHECK(members(deflated("{}", -15)).broken);  // neither header nor checksum
    CHECK(members(one + "x").finished == false);
    CHECK(members(one + "more behind it").broken);
    CHECK(members(one + std::string(20, '\0')).broken);
    CHECK(members(zstd_frame("{}")).broken);
    CHECK_FALSE(members("").finished);
    for (std::size_t size = 0; size < one.size(); ++size) {
        const auto cut = members(one.substr(0, size));
        CHECK_FALSE(cut.finished);
        CHECK_FALSE(cut.broken);
        CHECK_FALSE(members(one + one.substr(0, std::max<std::size_t>(size, 1))).finished);
    }
    for (std::size_t at = 10; at < one.size(); ++at) {  // behind the header, which has no checksum
        auto damaged = one;
        damaged[at] = static_cast<char>(damaged[at] ^ 0x55);
        CHECK_FALSE(members(damaged).finished);
    }
}

TEST_CASE("Of an answer members in a row are one body, and what is no member is left alone") {
    const auto one = deflated("one ");
    const auto all = one + deflated("two") + deflated("") + deflated(prose(3000));
    CHECK(any(all) == whole("one two" + prose(3000)));
    std::string out;
    CHECK(inflate_whole(one + deflated("two"), 100, out));
    CHECK(out == "one two");
    CHECK(inflate_whole(one + deflated("two"), 7, out));
    CHECK_FALSE(inflate_whole(one + deflated("two"), 6, out));
    CHECK_FALSE(inflate_whole(one + deflated("two"), 4, out));
    CHECK(inflate_whole(one + deflated(""), 4, out));
    // Half of a member is half of the body.
    for (std::size_t size = 2; size < one.size(); ++size)
        CHECK_FALSE(any(one + one.substr(0, size)).finished);
    auto damaged = one;
    damaged.back() = static_cast<char>(damaged.back() ^ 0x55);
    CHECK(any(one + damaged).broken);
    // Padding and the like; a byte that another member begins with is none.
    for (const auto& behind : {std::string(20, '\0'), "x"s, "\x1f"s, "\x1f\x1f\x8b"s, "\x1fx"s}) {
        Inflater inflater;
        std::string text(100, '\0');
        std::size_t n = 0;
        const auto coded = one + behind;
        std::string_view input = coded;
        while (inflater.step(input, text, n) == Inflater::Step::need_output) {
        }
        CHECK(inflater.finished());
        CHECK(inflater.step(input, text, n) == Inflater::Step::finished);
        CHECK(n == 0);
        for (const char c : behind + one) {  // nor does it become one later
            input = std::string_view(&c, 1);
            CHECK(inflater.step(input, text, n) == Inflater::Step::finished);
        }
    }
}

TEST_CASE("Of an answer in zlib's form one stream is read, and what follows is left alone") {
    Inflater inflater;
    const auto coded = deflated("text", 15) + "behind";
    std::string_view input = coded;
    std::string out(100, '\0');
    std::size_t n = 0;
    CHECK(inflater.step(input, out, n) == Inflater::Step::finished);
    CHECK(out.substr(0, n) == "text");
    CHECK(input == "behind");
    CHECK(inflater.step(input, out, n) == Inflater::Step::finished);
    CHECK(n == 0);
    CHECK(any("neither").broken);
}

TEST_CASE("What is called deflate may have any form, and none") {
    const auto bare = [](std::string_view coded) {
        return decode_every_way<Inflater>(coded, Inflater::Form::bare);
    };
    std::string noise;  // which no code makes shorter: it is stored
    for (unsigned i = 0, x = 1; i < 3000; ++i) {
        x = x * 1664525 + 1013904223;
        noise += static_cast<char>(x >> 24U);
    }
    for (const auto& text :
         {""s, "a"s, "{\"model\":\"m\"}"s, "data: {}\n\n"s, prose(3000), noise}) {
        for (const int format : {31, 15, -15}) {
            CAPTURE(text.substr(0, 20), format);
            CHECK(bare(deflated(text, format)) == whole(text));
        }
        CHECK(any(deflated(text, -15)).finished == false);
    }
    const auto coded = deflated("{\"model\":\"m\"}", -15);
    for (std::size_t size = 0; size < coded.size(); ++size)
        CHECK_FALSE(bare(coded.substr(0, size)).finished);
    CHECK_FALSE(bare("{\"model\":\"m\"}").finished);
    CHECK_FALSE(bare("data: {}\n\n").finished);
    CHECK_FALSE(bare("<html></html>").finished);
}
