#include "wire/json_schema.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <string>
#include <vector>

using understudy::wire::misfit;
using Json = nlohmann::json;

namespace {

struct Row {
    const char* schema;
    std::vector<const char*> fit;
    std::vector<const char*> misfit;
};

void check(const std::vector<Row>& rows) {
    for (const auto& row : rows) {
        const auto schema = Json::parse(row.schema);
        for (const auto* value : row.fit) {
            INFO(row.schema << " fits " << value);
            CHECK(misfit(schema, Json::parse(value)) == nullptr);
        }
        for (const auto* value : row.misfit) {
            INFO(row.schema << " does not fit " << value);
            CHECK(misfit(schema, Json::parse(value)) != nullptr);
        }
    }
}

}  // namespace

TEST_CASE("Types, with those that a list names and Google's capitals") {
    check({
        {R"({"type":"string"})", {R"("a")"}, {"1", "null", "{}", "[]", "true"}},
        {R"({"type":"integer"})", {"1", "-2", "3.0"}, {"1.5", R"("1")"}},
        {R"({"type":"number"})", {"1", "1.5"}, {R"("1")", "null"}},
        {R"({"type":["string","null"]})", {R"("a")", "null"}, {"1"}},
        {R"({"type":"STRING","nullable":true})", {R"("a")", "null"}, {"1"}},
        {R"({"type":"OBJECT"})", {"{}"}, {"[]", "null"}},
        {R"({"type":"unheard of"})", {"1", "null"}, {}},
        {R"(true)", {"1"}, {}},
        {R"(false)", {}, {"1"}},
        {R"({})", {"1", "null"}, {}},
    });
}

TEST_CASE("Members: those that must be there, those that may not, and what is in them") {
    const char* const weather =
        R"({"type":"object","properties":{"city":{"type":"string"},"days":{"type":"integer"}},)"
        R"("required":["city"],"additionalProperties":false})";
    check({
        {weather,
         {R"({"city":"Ulm"})", R"({"city":"Ulm","days":3})"},
         {"{}", R"({"days":3})", R"({"city":7})", R"({"city":"Ulm","days":"3"})",
          R"({"city":"Ulm","hours":1})", "[]"}},
        {R"({"additionalProperties":{"type":"integer"}})", {R"({"a":1})"}, {R"({"a":"b"})"}},
        {R"({"additionalProperties":false,"patternProperties":{"^x":{}}})", {R"({"x1":1})"}, {}},
        {R"({"minProperties":1,"maxProperties":2})",
         {R"({"a":1})", R"({"a":1,"b":2})"},
         {"{}", R"({"a":1,"b":2,"c":3})"}},
        {R"({"required":["a"]})", {R"({"a":null})", "7"}, {"{}"}},
    });
}

TEST_CASE("Elements, by one schema or by place") {
    check({
        {R"({"type":"array","items":{"type":"integer"},"minItems":1,"maxItems":2})",
         {"[1]", "[1,2]"},
         {"[]", "[1,2,3]", R"(["a"])", R"([1,"a"])"}},
        {R"({"prefixItems":[{"type":"string"}],"items":{"type":"integer"}})",
         {R"(["a",1,2])", "[]"},
         {R"([1])", R"(["a","b"])"}},
        {R"({"items":[{"type":"string"}]})", {R"(["a",1])"}, {"[1]"}},
        {R"({"prefixItems":[{"type":"string"}],"items":false})", {R"(["a"])"}, {R"(["a",1])"}},
    });
}

TEST_CASE("Values: enumerations, constants and bounds") {
    check({
        {R"({"enum":["a",1,null]})", {R"("a")", "1", "null"}, {R"("b")", "2"}},
        {R"({"const":{"a":[1]}})", {R"({"a":[1]})"}, {R"({"a":[2]})"}},
        {R"({"minimum":1,"maximum":3})", {"1", "3", "2.5"}, {"0.9", "4"}},
        {R"({"exclusiveMinimum":1,"exclusiveMaximum":3})", {"2"}, {"1", "3"}},
        {R"({"minimum":1,"exclusiveMinimum":true})", {"2"}, {"1"}},
        {R"({"minLength":2,"maxLength":3})", {R"("äö")", R"("abc")"}, {R"("ä")", R"("abcd")"}},
        {R"({"pattern":"^a","format":"date"})", {R"("b")"}, {}},
    });
}

TEST_CASE("Alternatives and references") {
    check({
        {R"({"anyOf":[{"type":"string"},{"type":"integer"}]})", {R"("a")", "1"}, {"1.5"}},
        {R"({"oneOf":[{"type":"number"},{"type":"integer"}]})", {"1"}, {R"("a")"}},
        {R"({"allOf":[{"required":["a"]},{"required":["b"]}]})",
         {R"({"a":1,"b":2})"},
         {R"({"a":1})"}},
        {R"({"$defs":{"n":{"type":"integer"}},"properties":{"a":{"$ref":"#/$defs/n"}}})",
         {R"({"a":1})"},
         {R"({"a":"x"})"}},
        {R"({"definitions":{"a/b":[{"type":"null"}]},"$ref":"#/definitions/a~1b/0"})",
         {"null"},
         {"1"}},
        {R"({"$ref":"https://a.example/other.json"})", {"1"}, {}},
        {R"({"$ref":"#/nowhere"})", {"1"}, {}},
        // A tree of itself.
        {R"({"type":"object","properties":{"next":{"$ref":"#"}},"required":["id"]})",
         {R"({"id":1,"next":{"id":2}})"},
         {R"({"id":1,"next":{"next":{"id":3}}})"}},
    });
}

TEST_CASE("What never ends, or takes too long, forbids nothing") {
    CHECK(misfit(Json::parse(R"({"$ref":"#"})"), 1) == nullptr);
    CHECK(misfit(Json::parse(R"({"allOf":[{"$ref":"#"},{"$ref":"#"}]})"), 1) == nullptr);
    Json many = Json::array();
    for (int i = 0; i < 400'000; ++i) many.push_back(i);
    many.push_back("x");
    CHECK(misfit(Json::parse(R"({"items":{"type":"integer"}})"), many) == nullptr);
}
