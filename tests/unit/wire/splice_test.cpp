#include "wire/request_body.hpp"

#include <catch2/catch.hpp>

#include <string>

using namespace understudy::wire;

namespace {

struct Wish {
    std::optional<std::string> model;
    bool ask_usage = false;
    BodyRewrite rewrite;
};

std::string spliced(const std::string& body, const Wish& wish) {
    RequestFacts facts;
    REQUIRE_FALSE(scan_request(body, facts));
    const auto edits = plan_edits(body, facts, wish.model, wish.ask_usage, wish.rewrite);
    std::size_t from = 0;
    for (const Edit& edit : edits) {
        CHECK(edit.range.begin >= from);
        CHECK(edit.range.end >= edit.range.begin);
        from = edit.range.end;
    }
    CHECK(from <= body.size());
    std::vector<std::string_view> slices{"stale"};
    slices_of(body, edits, slices);
    std::string out;
    for (const auto slice : slices) {
        CHECK_FALSE(slice.empty());
        out += slice;
    }
    CHECK(edited_size(body, edits) == out.size());
    RequestFacts after;
    CHECK_FALSE(scan_request(out, after));
    return out;
}

struct Row {
    const char* title;
    const char* body;
    Wish wish;
    const char* expected;
};

void check(const std::vector<Row>& rows) {
    for (const Row& row : rows) {
        INFO(row.title);
        CHECK(spliced(row.body, row.wish) == row.expected);
    }
}

Wish model(const char* name) {
    return {name, false, {}};
}
Wish usage() {
    return {std::nullopt, true, {}};
}
Wish drop(std::vector<std::string> keys) {
    return {std::nullopt, false, {{}, std::move(keys), {}}};
}
Wish set(std::vector<std::pair<std::string, std::string>> values) {
    return {std::nullopt, false, {std::move(values), {}, {}}};
}
Wish rename(std::vector<std::pair<std::string, std::string>> names) {
    return {std::nullopt, false, {{}, {}, std::move(names)}};
}

}  // namespace

TEST_CASE("The model is replaced in place") {
    check({
        {"a plain one", R"({"model":"a","x":1.50})", model("b"), R"({"model":"b","x":1.50})"},
        {"white space stays", "\n{ \"model\" :\t\"a\" , \"x\":1 }\n", model("b"),
         "\n{ \"model\" :\t\"b\" , \"x\":1 }\n"},
        {"every duplicate", R"({"model":"a","x":1,"model":null})", model("b"),
         R"({"model":"b","x":1,"model":"b"})"},
        {"an escaped key keeps its spelling", R"({"mod\u0065l":"a"})", model("b"),
         R"({"mod\u0065l":"b"})"},
        {"a missing one comes first", R"({"x":1})", model("b"), R"({"model":"b","x":1})"},
        {"a missing one before white space", "{ \"x\":1}", model("b"),
         "{\"model\":\"b\", \"x\":1}"},
        {"into an empty object", "{ }", model("b"), "{\"model\":\"b\" }"},
        {"behind a BOM", "\xEF\xBB\xBF{}", model("b"), "\xEF\xBB\xBF{\"model\":\"b\"}"},
        {"a name that needs escapes", R"({"model":1})", model("a\"\n"), R"({"model":"a\"\n"})"},
        {"never inside a nested object", R"({"m":{"model":"a"},"model":"a"})", model("b"),
         R"({"m":{"model":"a"},"model":"b"})"},
        {"nothing to do", R"({"model":"a"})", model("a"), R"({"model":"a"})"},
        {"no wish", R"({"model":"a"})", {}, R"({"model":"a"})"},
    });
}

TEST_CASE("A body that already fits needs no edit at all") {
    const std::string body = R"({"model":"a","stream_options":{"include_usage":true}})";
    RequestFacts facts;
    REQUIRE_FALSE(scan_request(body, facts));
    CHECK(plan_edits(body, facts, "a", true, {{}, {"zz"}, {{"q", "r"}}}).empty());
}

TEST_CASE("Usage is asked for wherever stream_options stands") {
    check({
        {"no options", R"({"a":1})", usage(), R"({"a":1,"stream_options":{"include_usage":true}})"},
        {"an empty body", "{}", usage(), R"({"stream_options":{"include_usage":true}})"},
        {"white space before the end stays", "{\"a\":1 \n}", usage(),
         "{\"a\":1,\"stream_options\":{\"include_usage\":true} \n}"},
        {"empty options", R"({"stream_options":{ }})", usage(),
         R"({"stream_options":{"include_usage":true }})"},
        {"other options", R"({"stream_options":{"include_obfuscation":false}})", usage(),
         R"({"stream_options":{"include_usage":true,"include_obfuscation":false}})"},
        {"false", R"({"stream_options":{"x":1, "include_usage": false }})", usage(),
         R"({"stream_options":{"x":1, "include_usage": true }})"},
        {"null inside", R"({"stream_options":{"include_usage":null}})", usage(),
         R"({"stream_options":{"include_usage":true}})"},
        {"an escaped key inside", R"({"stream_options":{"include\u005fusage":0}})", usage(),
         R"({"stream_options":{"include\u005fusage":true}})"},
        {"duplicates inside", R"({"stream_options":{"include_usage":false,"include_usage":true}})",
         usage(), R"({"stream_options":{"include_usage":true,"include_usage":true}})"},
        {"null options", R"({"stream_options":null,"b":2})", usage(),
         R"({"stream_options":{"include_usage":true},"b":2})"},
        {"options of a wrong kind", R"({"stream_options":[1]})", usage(),
         R"({"stream_options":{"include_usage":true}})"},
        {"duplicate options", R"({"stream_options":null,"stream_options":{}})", usage(),
         R"({"stream_options":{"include_usage":true},"stream_options":{"include_usage":true}})"},
    });
}

TEST_CASE("Members are dropped with exactly one comma") {
    check({
        {"the first", R"({"a":1, "b":2,"c":3})", drop({"a"}), R"({"b":2,"c":3})"},
        {"one in the middle", R"({"a":1, "b":2 ,"c":3})", drop({"b"}), R"({"a":1 ,"c":3})"},
        {"the last", R"({"a":1,"b":2 , "c":3 })", drop({"c"}), R"({"a":1,"b":2 })"},
        {"the first two", R"({"a":1,"b":2,"c":3})", drop({"b", "a"}), R"({"c":3})"},
        {"the last two", R"({"a":1,"b":2,"c":3})", drop({"b", "c"}), R"({"a":1})"},
        {"the outer two", R"({"a":1,"b":2,"c":3})", drop({"a", "c"}), R"({"b":2})"},
        {"all", "{ \"a\":1,\"b\":2 }", drop({"a", "b"}), "{  }"},
        {"the only one", R"({"a":{"a":1}})", drop({"a"}), "{}"},
        {"every duplicate", R"({"a":1,"b":2,"a":3,"\u0061":4})", drop({"a"}), R"({"b":2})"},
        {"none of that name", R"({"a":1})", drop({"b"}), R"({"a":1})"},
        {"out of an empty object", "{}", drop({"b"}), "{}"},
    });
}

TEST_CASE("Set replaces every duplicate or appends one member") {
    check({
        {"replace", R"({"a":1,"b":[2]})", set({{"b", "{\"c\":3}"}}), R"({"a":1,"b":{"c":3}})"},
        {"duplicates", R"({"a":1,"a":2})", set({{"a", "0"}}), R"({"a":0,"a":0})"},
        {"append", R"({"a":1})", set({{"b", "\"x\""}}), R"({"a":1,"b":"x"})"},
        {"append two", R"({"a":1 })", set({{"b", "2"}, {"c", "3"}}), R"({"a":1,"b":2,"c":3 })"},
        {"into an empty object", "{}", set({{"b", "2"}, {"c", "3"}}), R"({"b":2,"c":3})"},
        {"the later wish wins", "{}", set({{"b", "2"}, {"b", "3"}}), R"({"b":3})"},
        {"a key that needs escapes", "{}", set({{"a\"", "1"}}), R"({"a\"":1})"},
    });
}

TEST_CASE("A rename never makes a duplicate") {
    check({
        {"plain", R"({"max_tokens":5,"x":1})", rename({{"max_tokens", "max_completion_tokens"}}),
         R"({"max_completion_tokens":5,"x":1})"},
        {"the target is there", R"({"a":1,"b":2})", rename({{"a", "b"}}), R"({"b":2})"},
        {"of duplicates the last survives", R"({"a":1,"x":0,"a":2})", rename({{"a", "b"}}),
         R"({"x":0,"b":2})"},
        {"to itself", R"({"a":1})", rename({{"a", "a"}}), R"({"a":1})"},
        {"in a row", R"({"a":1})", rename({{"a", "b"}, {"b", "c"}}), R"({"c":1})"},
        {"swapped names do not swap", R"({"a":1,"b":2})", rename({{"a", "b"}, {"b", "a"}}),
         R"({"a":2})"},
        {"nothing of that name", R"({"x":1})", rename({{"a", "b"}}), R"({"x":1})"},
    });
}

TEST_CASE("A number is moved into its range, and left as written where it is in it") {
    Wish wish;
    wish.rewrite.bounds = {{"n", 1, 1}, {"temperature", 0, 1.5}};
    check({
        {"above", R"({"n":3,"temperature":2})", wish, R"({"n":1,"temperature":1.5})"},
        {"below", R"({"n":0,"temperature":-0.1})", wish, R"({"n":1,"temperature":0})"},
        {"inside", R"({"n":1.0,"temperature":1.50})", wish, R"({"n":1.0,"temperature":1.50})"},
        {"absent", R"({"m":7})", wish, R"({"m":7})"},
        {"no number", R"({"n":null,"temperature":"2"})", wish, R"({"n":null,"temperature":"2"})"},
        {"too large for a double", R"({"n":1e999,"temperature":-1e999})", wish,
         R"({"n":1,"temperature":0})"},
        {"too small for one", R"({"temperature":1e-999})", wish, R"({"temperature":1e-999})"},
        {"twice", R"({"n":2,"n":3})", wish, R"({"n":1,"n":1})"},
    });
    wish.rewrite.set = {{"n", "5"}};
    check({{"set wins", R"({"n":3})", wish, R"({"n":5})"}});
}

TEST_CASE("Wishes combine in their order: model and usage, rename, drop, set") {
    check({
        {"everything at once",
         R"({"model":"a","max_tokens":5,"logit_bias":{},"stream":true})",
         {"b", true, {{{"t", "0"}}, {"logit_bias"}, {{"max_tokens", "max_completion_tokens"}}}},
         R"({"model":"b","max_completion_tokens":5,"stream":true,)"
         R"("stream_options":{"include_usage":true},"t":0})"},
        {"an upstream that refuses stream_options never gets them",
         R"({"stream":true})",
         {"b", true, {{}, {"stream_options"}, {}}},
         R"({"model":"b","stream":true})"},
        {"what is dropped can be set anew",
         R"({"a":1,"b":2})",
         {std::nullopt, false, {{{"b", "3"}}, {"b"}, {}}},
         R"({"a":1,"b":3})"},
        {"all dropped, model and usage new",
         R"({"a":1,"b":2})",
         {"m", true, {{}, {"a", "b"}, {}}},
         R"({"model":"m","stream_options":{"include_usage":true}})"},
        {"renamed, then dropped under the new name",
         R"({"a":1,"b":2})",
         {std::nullopt, false, {{}, {"c"}, {{"a", "c"}}}},
         R"({"b":2})"},
        {"renamed, then set under the new name",
         R"({"a":1})",
         {std::nullopt, false, {{{"c", "9"}}, {}, {{"a", "c"}}}},
         R"({"c":9})"},
        {"a configured model wins",
         R"({"model":"a"})",
         {"b", false, {{{"model", "\"c\""}}, {}, {}}},
         R"({"model":"c"})"},
        {"configured options win over the question for usage",
         R"({"stream_options":{"x":1}})",
         {std::nullopt, true, {{{"stream_options", "null"}}, {}, {}}},
         R"({"stream_options":null})"},
        {"the last member kept is changed, what follows goes",
         R"({"a":1,"b":2,"c":3})",
         {std::nullopt, false, {{{"a", "0"}, {"d", "4"}}, {"b", "c"}, {}}},
         R"({"a":0,"d":4})"},
    });
}

TEST_CASE("Bytes that are no JSON are left alone") {
    CHECK(plan_edits("opaque", RequestFacts{}, "m", true, {{{"a", "1"}}, {}, {}}).empty());
}
