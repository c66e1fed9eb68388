// What does not go to another provider: either it is named, or it was for nobody.
#include "dialects/schema.hpp"
#include "dialects/translate.hpp"

#include <catch2/catch.hpp>

#include <algorithm>

using namespace understudy::dialects;
using understudy::wire::AnswerShape;
using understudy::wire::Dialect;
using understudy::wire::name_of;

namespace {

Outgoing asked(AnswerShape shape, Dialect to, std::string_view model, std::string_view body) {
    Ask ask;
    ask.shape = shape;
    ask.body = body;
    Target target;
    target.dialect = to;
    target.model = model;
    Outgoing outgoing;
    std::unique_ptr<Translation> translation;
    const auto problem = translate(ask, target, outgoing, translation);
    if (problem) FAIL(problem->what);
    return outgoing;
}

bool names(const Outgoing& outgoing, std::string_view member) {
    return std::find(outgoing.dropped.begin(), outgoing.dropped.end(), member) !=
           outgoing.dropped.end();
}

}  // namespace

TEST_CASE("The line that Claude Code bills itself by goes to no other API") {
    constexpr std::string_view kBody =
        R"({"max_tokens":9,"system":[{"type":"text","text":"x-anthropic-billing-header: cc_version=2;"},)"
        R"({"type":"text","text":"Be kind."}],"messages":[{"role":"user","content":"x"}]})";
    for (const auto to : {Dialect::chat, Dialect::responses, Dialect::gemini, Dialect::converse}) {
        CAPTURE(name_of(to));
        const auto body = asked(AnswerShape::messages, to, "m", kBody).body;
        CHECK(body.find("billing-header") == std::string::npos);
        CHECK(body.find("Be kind.") != std::string::npos);
    }
}

TEST_CASE("Keywords of a schema that Anthropic refuses are named where they are left out") {
    constexpr std::string_view kFormat =
        R"({"messages":[{"role":"user","content":"x"}],"response_format":{"type":"json_schema",)"
        R"("json_schema":{"name":"n","strict":true,"schema":{"type":"object","properties":{"a":)"
        R"({"type":"string","minLength":3,"format":"mac"},"b":{"type":"integer","minimum":1}}}}}})";
    constexpr std::string_view kTool =
        R"({"messages":[{"role":"user","content":"x"}],"tools":[{"type":"function","function":)"
        R"({"name":"f","strict":true,"parameters":{"type":"object","properties":{"a":)"
        R"({"type":"array","maxItems":3}}}}}]})";
    const auto format = asked(AnswerShape::chat, Dialect::messages, "claude-sonnet-4-5", kFormat);
    for (const auto* name :
         {"json_schema.minLength", "json_schema.format", "json_schema.minimum"}) {
        INFO(name);
        CHECK(names(format, name));
    }
    CHECK(format.body.find("minLength") == std::string::npos);
    const auto tool = asked(AnswerShape::chat, Dialect::messages, "claude-sonnet-4-5", kTool);
    CHECK(names(tool, "json_schema.maxItems"));
    CHECK_FALSE(names(tool, "json_schema.minLength"));
}
