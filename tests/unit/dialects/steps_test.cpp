// Stepping over values that have been validated goes where the walk goes that validates.
#include "dialects/value.hpp"

#include <catch2/catch.hpp>

#include <string>
#include <vector>

using namespace understudy;
using namespace understudy::dialects;

namespace {

/// All that is in a value, by the walk that checks everything.
void walk(wire::JsonCursor& in, std::string& out) {
    wire::JsonKind kind{};
    REQUIRE(in.peek(kind));
    if (kind == wire::JsonKind::object) {
        out += '{';
        REQUIRE(in.each_member([&](std::string_view key) {
            out.append(key).append(1, '=');
            walk(in, out);
            return true;
        }));
        out += '}';
    } else if (kind == wire::JsonKind::array) {
        out += '[';
        REQUIRE(in.each_element([&] {
            walk(in, out);
            return true;
        }));
        out += ']';
    } else {
        wire::JsonValue value;
        REQUIRE(in.take(value));
        out.append(value.raw).append(1, ';');
    }
}

void step(Value value, std::string& out) {
    if (value.is_object()) {
        out += '{';
        value.members([&](std::string_view key, Value one) {
            out.append(key).append(1, '=');
            step(one, out);
        });
        out += '}';
    } else if (value.is_array()) {
        out += '[';
        value.elements([&](Value one) { step(one, out); });
        out += ']';
    } else {
        out.append(value.raw()).append(1, ';');
    }
}

const std::vector<std::string> kTexts{
    R"({})",
    R"([])",
    R"({"a":{}})",
    R"([[[[]]],[]])",
    R"({"a":[1,-2.5e3,true,false,null,""]})",
    R"( { "a" : [ 1 , { "b" : "c" } ] , "d" : "e\\" } )",
    R"({"k\u0065y":"a \" quote","x":"}]{[","\\":"\\\\"})",
    R"({"content":[{"type":"text","text":"{\"a\":[1,2,{\"b\":\"]\"}]}"}],"n":12})",
    "{\"long\":\"" + std::string(100, 'x') + "\\\"" + std::string(40, '}') + "\",\"z\":[\"" +
        std::string(17, '[') + "\"]}",
    "[\n\t1 ,\r\n {\"a\" :\n[ ] } ]",
};

}  // namespace

TEST_CASE("Stepping goes where the walk goes, wherever the text lies") {
    for (const auto& text : kTexts) {
        for (std::size_t shift = 0; shift < 40; ++shift) {
            const std::string list = "[\"" + std::string(shift, 'p') + "\"," + text + "]";
            CAPTURE(list);
            wire::JsonCursor in(list);
            std::string walked;
            walk(in, walked);
            std::string stepped;
            step(Value::standing(list), stepped);
            REQUIRE(stepped == walked);
            const auto checked = Value::of(list);
            REQUIRE(checked.raw() == Value::standing(" \n" + list + "\r\n ").raw());
            REQUIRE(checked.kind() == wire::JsonKind::array);
        }
    }
}

TEST_CASE("Stepping stays inside of a text that is cut, or no JSON at all") {
    for (const auto& text : kTexts) {
        for (std::size_t size = 0; size <= text.size(); ++size) {
            // A copy of its own, so that a byte too far is seen by whoever looks for such.
            const std::vector<char> bytes(text.begin(), text.begin() + static_cast<long>(size));
            std::string stepped;
            step(Value::standing({bytes.data(), bytes.size()}), stepped);
        }
    }
    for (const auto* text : {"{", "[", "\"", "{\"", "{\"a", "{\"a\"", "{\"a\":", "[,", "[1", "{1",
                             "{\"a\":\"\\", "}", "nul", "[}", "{]"}) {
        std::string stepped;
        step(Value::standing(text), stepped);
    }
    CHECK_FALSE(Value::standing("").present());
    CHECK_FALSE(Value::standing(" \n").present());
}

TEST_CASE("What stands in the place of a text is told as its JSON") {
    std::string made;
    CHECK(Value::of(R"("a\nb")").said(made) == R"(a\nb)");
    CHECK(Value::of("7").said(made) == "7");
    CHECK(Value::of(R"({"a":"b"})").said(made) == R"({\"a\":\"b\"})");
    CHECK(Value::of("null").said(made).empty());
    CHECK(Value().said(made).empty());
}
