// Text of JSON strings comes out exactly as it went in, halves of characters included.
#include "wire/json_text.hpp"

#include <catch2/catch.hpp>

#include <string>
#include <vector>

using namespace understudy::wire;

namespace {

std::string decoded(const std::vector<std::string>& contents) {
    std::string text;
    for (const auto& content : contents) append_exactly(text, content);
    return text;
}

std::string encoded(std::string_view text) {
    std::string out;
    append_encoded(out, text);
    return out;
}

}  // namespace

TEST_CASE("What a JSON string says is decoded without loss, over several strings") {
    struct Row {
        std::vector<std::string> contents;
        std::string text;
    };
    const std::vector<Row> rows{
        {{""}, ""},
        {{"plain"}, "plain"},
        {{R"(a\"b\\c\/d\b\f\n\r\te)"}, "a\"b\\c/d\b\f\n\r\te"},
        {{R"(\u0041\u00e9\u20ac)"}, "A\xC3\xA9\xE2\x82\xAC"},
        {{R"(\ud83d\ude00)"}, "\xF0\x9F\x98\x80"},
        {{R"(\uD83D\uDE00!)"}, "\xF0\x9F\x98\x80!"},
        // A pair that two deltas share.
        {{R"(x\ud83d)", R"(\ude00y)"}, "x\xF0\x9F\x98\x80y"},
        {{R"(\ud83d)"}, "\xED\xA0\xBD"},
        {{R"(\ude00)"}, "\xED\xB8\x80"},
        {{R"(\ud83dx\ude00)"}, "\xED\xA0\xBDx\xED\xB8\x80"},
        // Raw bytes stay, whatever they are.
        {{"\xF0\x9F", "\x98\x80"}, "\xF0\x9F\x98\x80"},
        {{"\xFF\xC3"}, "\xFF\xC3"},
    };
    for (const Row& row : rows) {
        CAPTURE(row.contents);
        CHECK(decoded(row.contents) == row.text);
    }
}

TEST_CASE("Text is encoded so that decoding gives it back") {
    CHECK(encoded("a\"b\\c\n\r\t\x01/") == R"(a\"b\\c\n\r\t\u0001/)");
    CHECK(encoded("\xED\xA0\xBD") == R"(\ud83d)");
    CHECK(encoded("\xED\x9F\xBF") == "\xED\x9F\xBF");  // the last character below the halves
    for (const std::string text : {"", "caf\xC3\xA9 \xF0\x9F\x98\x80\n", "\xED\xA0\xBD|",
                                   "|\xED\xB8\x80", "\xFF\xED", "\x7F"}) {
        CAPTURE(text);
        CHECK(decoded({encoded(text)}) == text);
    }
}

TEST_CASE("The end of a text tells what of a character is missing") {
    struct Row {
        std::string text;
        std::size_t unfinished;
        std::uint32_t half;
    };
    const std::vector<Row> rows{
        {"", 0, 0},
        {"abc", 0, 0},
        {"\xC3\xA9", 0, 0},
        {"a\xC3", 1, 0},
        {"a\xE2\x82", 2, 0},
        {"a\xF0\x9F\x98", 3, 0},
        {"a\xF0\x9F\x98\x80", 0, 0},
        {"a\xED\xA0\xBD", 3, 0xD83D},
        {"a\xED\xB8\x80", 0, 0},  // a low half waits for nothing
        {"a\x80", 0, 0},
        {"\x80\x80\x80\x80", 0, 0},
    };
    for (const Row& row : rows) {
        CAPTURE(row.text);
        CHECK(unfinished_bytes(row.text) == row.unfinished);
        CHECK(high_half_at_end(row.text) == row.half);
    }
}
