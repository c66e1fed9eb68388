#include "wire/text_size.hpp"

#include <catch2/catch.hpp>

#include <string>
#include <vector>

using namespace understudy::wire;

namespace {

std::string repeated(const std::string& text, int times) {
    std::string out;
    for (int i = 0; i < times; ++i) out += text;
    return out;
}

}  // namespace

TEST_CASE("Text is what somebody wrote, and data is none wherever it stands") {
    const std::string base64 = repeated("iVBORw0KGgoAAAANSUhEUgAA1b", 40);
    struct Row {
        std::string value;
        std::uint64_t bytes;
    };
    for (
        const Row& row : std::vector<Row>{
            {R"("Hello.")", 6},
            {R"(["One", "two", 3])", 6},
            {R"({"role":"user","name":"x","content":"Hello."})", 6},
            {R"([{"type":"text","text":"Hello."},{"type":"image_url","image_url":{"url":"x"}}])",
             6},
            {R"({"type":"input_image","image_url":"data:image/png;base64,AAAA","detail":"high"})",
             0},
            {R"({"type":"input_audio","input_audio":{"data":"AAAA","format":"wav"}})", 0},
            {R"({"type":"file","file":{"filename":"a.pdf","file_data":"AAAA"}})", 0},
            {R"({"type":"image","source":{"type":"base64","media_type":"image/png","data":"AAAA"}})",
             0},
            {R"({"type":"document","source":{"type":"text","media_type":"text/plain","data":"Hello."}})",
             6},
            {R"({"type":"document","source":{"data":"Hello.","media_type":"text/plain","type":"text"}})",
             6},
            {R"({"inlineData":{"mimeType":"text/plain","data":"SGVsbG8u"}})", 0},
            {R"({"type":"reasoning","encrypted_content":"gAAAA","summary":[{"text":"Hm."}]})", 3},
            {R"({"type":"thinking","thinking":"Hm.","signature":"EqQB"})", 3},
            {R"({"functionCall":{"name":"f","args":{"q":"fox"}},"thoughtSignature":"CqQB"})", 3},
            {R"({"type":"tool_use","id":"t","name":"f","input":{"q":"fox"}})", 3},
            {R"({"role":"tool","tool_call_id":"c","content":")" + base64 + R"("})", 0},
            {R"("Look: data:image/png;base64,iVBORw0KGgo= there")", 6 + 14 + 6},
            {R"("data:text/plain;charset=utf-8,Hello")", 35},
            {"\"" + repeated("x", 600) + "\"", 600},
            {"\"" + repeated("word ", 200) + "\"", 1000},
            {"\"" + base64.substr(0, 500) + "\"", 500},
            {R"("\u00e4\u00f6")", 4},
            {R"("a\\u00e4")", 7},
            {R"("\u0041\u007f\n\"\/")", 5},
            {R"("\u0080\u07FF")", 4},
            {R"("\u0800\u65e5\uD7ff\uE000")", 12},
            {R"("\uD83D\uDE00\ud83d\ude00")", 8},
            {"null", 0},
            {"", 0},
        }) {
        CAPTURE(row.value);
        CHECK(measure_text(row.value).bytes == row.bytes);
    }
}

TEST_CASE("Base64 counts as far as it goes, and what is written behind it is text") {
    const std::string piece = "iVBORw0KGgoAAAANSUhEUgAA1b";
    const std::string prose = "Please read all of this, and then say what it is. ";
    for (const int data : {20, 40, 1000, 40'000}) {
        for (const int words : {0, 1, 2, 20, 2000, 20'000}) {
            CAPTURE(data, words);
            const auto base64 = repeated(piece, data);
            const auto text = words > 0 ? " " + repeated(prose, words) : "";
            const auto size = measure_text('"' + base64 + text + '"');
            CHECK(size.bytes == text.size());
            CHECK(size.data == base64.size());
            CHECK(text_bytes(base64 + text) == text.size());
        }
    }
    // In lines, as mail has it, and padded; both as JSON writes them.
    const auto lines = repeated(piece + piece + piece + "\\r\\n", 400) + "AAA=";
    CHECK(text_bytes(lines) == 0);
    CHECK(text_bytes(lines + " What is it?") == 12);
    // Escapes, and data that says what it is, behind it.
    CHECK(text_bytes(repeated(piece, 40) + R"( \u00e4 data:image/png;base64,AAAA end)") ==
          1 + 2 + 1 + 14 + 4);
}

TEST_CASE("Base64 in the middle of a text is none of it, wherever it stands") {
    const std::string piece = "iVBORw0KGgoAAAANSUhEUgAA1b";
    const std::string prose = "Please read all of this, and then say what it is. ";
    for (const int words : {1, 2, 19, 20, 21, 500}) {
        for (const int data : {40, 41, 79, 1000, 40'000}) {  // 1,040 characters and more
            CAPTURE(words, data);
            const auto before = repeated(prose, words), base64 = repeated(piece, data);
            const auto size = measure_text('"' + before + base64 + " " + before + base64 + '"');
            CHECK(size.bytes == 2 * before.size() + 1);
            CHECK(size.data == 2 * base64.size());
        }
    }
    // What a tool has read, in lines; and what only looks like it.
    CHECK(text_bytes("cat a.pem: " + repeated(piece + piece + piece + "\\n", 400) + " done.") ==
          11 + 6);
    for (const auto& text : {prose + repeated("0123456789abcdef", 400), prose + repeated("x", 6000),
                             repeated("/usr/lib/Python3 ", 400), prose + piece}) {
        CHECK(text_bytes(text) == text.size());
    }
}

TEST_CASE("Text that is written in escapes is no base64, whatever letters are in it") {
    const std::string chinese =
        R"(\u8bf7\u9605\u8bfbHTTP\u6587\u6863)";  // lines of no space at all
    const auto bytes = 100 * (5 * 3 + 4);
    for (const std::string front : {"", "Read: "}) {
        const auto text = front + repeated(chinese, 100);
        CHECK(text_bytes(text) == front.size() + bytes);
        CHECK(measure_text('"' + text + '"').bytes == front.size() + bytes);
    }
    // As some write what is in its alphabet.
    const auto base64 = repeated(R"(iVBORw0KGgo\u002BAAAANSU\u002fEUgAA1b)", 100);
    CHECK(text_bytes(base64) == 0);
    CHECK(text_bytes("Read: " + base64 + " please") == 6 + 7);
}

TEST_CASE("Escapes count for what they stand for, whatever comes behind the backslash") {
    CHECK(decoded_bytes("") == 0);
    CHECK(decoded_bytes("plain") == 5);
    CHECK(decoded_bytes(R"(\\)") == 1);
    CHECK(decoded_bytes(R"(\u00e9\u65E5)") == 2 + 3);
    CHECK(decoded_bytes(R"(\u65)") == 4);  // cut: nothing is known of it
    CHECK(decoded_bytes("\\") == 1);
}

TEST_CASE("Numbers count in lists alone, and images are seen") {
    CHECK(measure_text("[1,2,[3,4]]").numbers == 4);
    CHECK(measure_text(R"({"a":1,"b":[2]})").numbers == 1);
    CHECK(measure_text(R"([{"image_url":"x"}])").images);
    CHECK(measure_text(R"([{"source":{"media_type":"image/png"}}])").images);
    CHECK_FALSE(measure_text(R"([{"type":"text","text":"an image"}])").images);
}
