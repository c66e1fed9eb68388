#include "wire/json_scan.hpp"

#include <catch2/catch.hpp>

#include <string>
#include <vector>

using namespace understudy::wire;

namespace {

struct Scan {
    std::optional<JsonProblem> problem;
    std::vector<JsonMember> members;
    Span object;
};

Scan scan(std::string_view text) {
    Scan result;
    result.problem = scan_object(text, result.members, result.object);
    return result;
}

std::string nested(std::size_t depth) {
    return R"({"a":)" + std::string(depth - 1, '[') + std::string(depth - 1, ']') + "}";
}

}  // namespace

TEST_CASE("The members of the outermost object are found with their exact bytes") {
    const std::string text =
        " \t{ \"a\" : 1 ,\n\"b\":[1, {\"model\":2}],\"a\":\"x\\\"}\" , \"c\":{},\"d\":true, "
        "\"e\":null}\r\n";
    const Scan found = scan(text);
    REQUIRE_FALSE(found.problem);
    CHECK(found.object.of(text) == text.substr(2, text.size() - 4));
    const std::vector<std::tuple<std::string, std::string, JsonKind>> expected{
        {"\"a\"", "1", JsonKind::number},          {"\"b\"", "[1, {\"model\":2}]", JsonKind::array},
        {"\"a\"", "\"x\\\"}\"", JsonKind::string}, {"\"c\"", "{}", JsonKind::object},
        {"\"d\"", "true", JsonKind::boolean},      {"\"e\"", "null", JsonKind::null}};
    REQUIRE(found.members.size() == expected.size());
    for (std::size_t i = 0; i < expected.size(); ++i) {
        CHECK(found.members[i].key.of(text) == std::get<0>(expected[i]));
        CHECK(found.members[i].value.of(text) == std::get<1>(expected[i]));
        CHECK(found.members[i].kind == std::get<2>(expected[i]));
    }
}

TEST_CASE("Well-formed objects pass whatever they look like") {
    const std::string_view text =
        GENERATE(as<std::string_view>{}, "{}", " { } ", "\xEF\xBB\xBF{}", R"({"":""})",
                 R"({"a":-0.0e-10,"b":1E+2,"c":0})", R"({"a":"\u0000\uD800\n\/\b\f\r\t\\\""})",
                 R"({"a":[[],[{}],{"b":[]}]})", "{\"a\":\"\xff\xfe\x80\"}",
                 R"({"a":123456789012345678901234567890.5e400})", "{\"a\":\"\x7f\"}",
                 "{\n\"a\"\t:\r\n[ 1 , 2 ]\n}");
    CAPTURE(text);
    CHECK_FALSE(scan(text).problem);
}

TEST_CASE("Anything that is not one well-formed object is refused, with its place") {
    struct Row {
        std::string text;
        std::string what;
        std::size_t offset;
    };
    const std::vector<Row> rows{
        {"", "empty text", 0},
        {" \n ", "empty text", 3},
        {"[]", "not a JSON object", 0},
        {"null", "not a JSON object", 0},
        {"\xEF\xBB", "not a JSON object", 0},
        {"{", "unterminated object", 1},
        {"{\"a\"", "expected ':'", 4},
        {"{\"a\":", "value missing", 5},
        {"{\"a\":1", "unterminated object", 6},
        {"{\"a\":1,", "unterminated object", 7},
        {"{\"a\":1,}", "expected a key", 7},
        {"{,}", "expected a key", 1},
        {"{a:1}", "expected a key", 1},
        {"{'a':1}", "expected a key", 1},
        {"{\"a\" 1}", "expected ':'", 5},
        {"{\"a\":1 \"b\":2}", "expected ',' or '}'", 7},
        {"{\"a\":[1 2]}", "expected ',' or ']'", 8},
        {"{\"a\":[1}", "expected ',' or ']'", 7},
        {"{\"a\":{\"b\":1]}", "expected ',' or '}'", 11},
        {"{\"a\":[1,]}", "expected a value", 8},
        {"{\"a\":[", "value missing", 6},
        {"{\"a\":[1", "unterminated array", 7},
        {"{\"a\":{\"b\"", "expected ':'", 9},
        {"{\"a\":{", "unterminated object", 6},
        {"{\"a\":{1}}", "expected a key", 6},
        {"{\"a\":01}", "invalid number", 6},
        {"{\"a\":-}", "invalid number", 6},
        {"{\"a\":1.}", "invalid number", 7},
        {"{\"a\":.5}", "expected a value", 5},
        {"{\"a\":+1}", "expected a value", 5},
        {"{\"a\":1e}", "invalid number", 7},
        {"{\"a\":1e+}", "invalid number", 8},
        {"{\"a\":NaN}", "expected a value", 5},
        {"{\"a\":nul}", "invalid literal", 5},
        {"{\"a\":True}", "expected a value", 5},
        {"{\"a\":trueish}", "expected ',' or '}'", 9},
        {"{\"a\":\"x}", "unterminated string", 8},
        {"{\"a\":\"\\x\"}", "invalid escape in a string", 6},
        {"{\"a\":\"\\u12g4\"}", "invalid \\u escape in a string", 6},
        {"{\"a\":\"\\u12", "unterminated string", 10},
        {"{\"a\":\"\\", "unterminated string", 7},
        {"{\"a\":\"x\ny\"}", "control character in a string", 7},
        {std::string("{\"a\":\"x\0y\"}", 11), "control character in a string", 7},
        {std::string("{\"a\":1}\0", 8), "text behind the end of the JSON value", 7},
        {"{} {}", "text behind the end of the JSON value", 3},
        {"{\"a\":1} // note", "text behind the end of the JSON value", 8},
        {"{\"a\":\"x\"\v}", "expected ',' or '}'", 8},
    };
    for (const Row& row : rows) {
        CAPTURE(row.text);
        const auto problem = scan(row.text).problem;
        REQUIRE(problem);
        CHECK(problem->what == row.what);
        CHECK(problem->offset == row.offset);
    }
}

TEST_CASE("Every prefix of an object is incomplete and never crashes") {
    const std::string text =
        R"({"model":"gpt\u002d4o","a":[1,-2.5e3,{"b":[true,false,null,"\"\\"]}],"c":{"d":{}}})";
    for (std::size_t cut = 0; cut < text.size(); ++cut) {
        // A copy of its own, so that a sanitizer sees any read behind the end.
        const std::string prefix(text, 0, cut);
        CAPTURE(prefix);
        CHECK(scan(prefix).problem);
    }
    CHECK_FALSE(scan(text).problem);
}

TEST_CASE("Nesting is bounded by depth and not by the call stack") {
    CHECK_FALSE(scan(nested(kMaxJsonDepth)).problem);
    const auto problem = scan(nested(kMaxJsonDepth + 1)).problem;
    REQUIRE(problem);
    CHECK(problem->what == std::string("nesting deeper than 512"));
    CHECK(scan("{\"a\":" + std::string(5'000'000, '[')).problem);
    std::string objects;
    for (int i = 0; i < 511; ++i) objects += "{\"a\":";
    CHECK_FALSE(scan(objects + "{}" + std::string(511, '}')).problem);
    CHECK(scan(objects + "[{}]" + std::string(511, '}')).problem);
}

TEST_CASE("Strings of every length end where they end") {
    for (std::size_t length = 0; length < 200; ++length) {
        for (const char* tail : {"", "\\n", "\\\"", "\\u00e9x"}) {
            const std::string value = '"' + std::string(length, 'A') + tail + '"';
            const std::string text = "{\"k\":" + value + "}";
            const Scan found = scan(text);
            REQUIRE_FALSE(found.problem);
            REQUIRE(found.members.at(0).value.of(text) == value);
        }
        std::string bad = "{\"k\":\"" + std::string(length, 'A') + "\x1f" + "AA\"}";
        const auto problem = scan(bad).problem;
        REQUIRE(problem);
        REQUIRE(problem->offset == 6 + length);
    }
}

TEST_CASE("Every byte from 0x20 up except quote and backslash is plain text in a string") {
    for (int byte = 0; byte < 256; ++byte) {
        for (std::size_t before : {0U, 5U, 15U, 16U, 40U, 90U}) {
            std::string text = "{\"k\":\"" + std::string(before, 'z') + static_cast<char>(byte) +
                               std::string(30, 'z') + "\"}";
            const bool plain = byte >= 0x20 && byte != '"' && byte != '\\';
            REQUIRE(scan(text).problem.has_value() == !plain);
        }
    }
}

TEST_CASE("check_json takes any one value and tells its kind") {
    const std::vector<std::pair<std::string, JsonKind>> rows{
        {"null", JsonKind::null},       {" true ", JsonKind::boolean},
        {"-1.5e3", JsonKind::number},   {"\"x\"", JsonKind::string},
        {"[1,[2]]", JsonKind::array},   {"{\"a\":1}", JsonKind::object},
        {"\n\n{}\n", JsonKind::object}, {"\xEF\xBB\xBF[]", JsonKind::array}};
    for (const auto& [text, expected] : rows) {
        CAPTURE(text);
        JsonKind kind = JsonKind::null;
        CHECK_FALSE(check_json(text, kind));
        CHECK(kind == expected);
    }
    JsonKind kind = JsonKind::null;
    for (const std::string_view text :
         {"", "  ", "nul", "1 2", "[1", "<html>", "\"a", "data: {}"}) {
        CAPTURE(text);
        CHECK(check_json(text, kind));
    }
}

TEST_CASE("A key counts under every spelling, and only under its own name") {
    CHECK(key_equals(R"("model")", "model"));
    CHECK(key_equals(R"("mod\u0065l")", "model"));
    CHECK(key_equals(R"("\u006D\u006f\u0064\u0065\u006C")", "model"));
    CHECK(key_equals(R"("")", ""));
    CHECK_FALSE(key_equals(R"("Model")", "model"));
    CHECK_FALSE(key_equals(R"("model ")", "model"));
    CHECK_FALSE(key_equals(R"("mod\u0065")", "model"));
    CHECK_FALSE(key_equals(R"("model\u0000")", "model"));
    CHECK_FALSE(key_equals(R"("mod\\u0065l")", "model"));
    CHECK_FALSE(key_equals("", ""));
    CHECK_FALSE(key_equals("\"", ""));
}

TEST_CASE("Strings decode to valid UTF-8 whatever they hold") {
    const std::vector<std::pair<std::string, std::string>> rows{
        {R"("")", ""},
        {R"("plain")", "plain"},
        {R"("\"\\\/\b\f\n\r\t")", "\"\\/\b\f\n\r\t"},
        {R"("\u0041\u00e9\u20AC")", "A\xC3\xA9\xE2\x82\xAC"},
        {R"("\ud83d\ude00")", "\xF0\x9F\x98\x80"},
        {R"("\uDBFF\uDFFF")", "\xF4\x8F\xBF\xBF"},
        {R"("\ud83d")", "\xEF\xBF\xBD"},
        {R"("\ud83dx")", "\xEF\xBF\xBDx"},
        {R"("\ude00\ud83d")", "\xEF\xBF\xBD\xEF\xBF\xBD"},
        {R"("\ud83d\ud83d\ude00")", "\xEF\xBF\xBD\xF0\x9F\x98\x80"},
        {"\"\xC3\xA9\"", "\xC3\xA9"},
        {"\"\xF0\x9F\x98\x80\"", "\xF0\x9F\x98\x80"},
        {"\"a\xFFz\"", "a\xEF\xBF\xBDz"},
        {"\"\xC3\"", "\xEF\xBF\xBD"},
        {"\"\xE0\x80\x80\"", "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD"},
        {"\"\xED\xA0\x80\"", "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD"},
    };
    for (const auto& [token, expected] : rows) {
        CAPTURE(token);
        const auto decoded = decode_string(token);
        REQUIRE(decoded);
        CHECK(*decoded == expected);
    }
    CHECK(decode_string(R"("\u0000")") == std::string(1, '\0'));
    for (const std::string_view token :
         {"", "\"", "x", "12", "\"a", "a\"", R"("\x")", R"("\")", "\"a\"b\"", "[\"a\"]"}) {
        CAPTURE(token);
        CHECK_FALSE(decode_string(token));
    }
}

TEST_CASE("What is not plain is found wherever it stands in a string of any length") {
    for (std::size_t size = 1; size <= 24; ++size) {
        for (std::size_t at = 0; at <= size; ++at) {
            CAPTURE(size, at);
            const std::string before(at, 'a'), behind(size - at, 'b');
            CHECK(decode_string('"' + before + behind + '"') == before + behind);
            CHECK(decode_string('"' + before + "\\n" + behind + '"') == before + '\n' + behind);
            CHECK(decode_string('"' + before + '\xFF' + behind + '"') ==
                  before + "\xEF\xBF\xBD" + behind);
            const auto two = before + "\xC3\xA9" + behind + "\xC3\xA9";
            CHECK(decode_string('"' + two + '"') == two);
            CHECK(encode_string(before + '\x7f' + behind) == '"' + before + '\x7f' + behind + '"');
        }
    }
}

TEST_CASE("Encoded strings are JSON and decode to what they were") {
    CHECK(encode_string("") == "\"\"");
    CHECK(encode_string("gpt-4o") == "\"gpt-4o\"");
    CHECK(encode_string("a\"b\\c\n\r\t\x01/\x7f") == "\"a\\\"b\\\\c\\n\\r\\t\\u0001/\x7f\"");
    CHECK(encode_string("\xC3\xA9\xF0\x9F\x98\x80") == "\"\xC3\xA9\xF0\x9F\x98\x80\"");
    CHECK(encode_string("\xFF") == "\"\xEF\xBF\xBD\"");
    std::string ascii;
    for (int c = 0; c < 128; ++c) ascii += static_cast<char>(c);
    CHECK(decode_string(encode_string(ascii)) == ascii);
}
