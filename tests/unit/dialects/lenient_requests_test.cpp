// What clients send although the API's own words are others, or more than other APIs take: read as
// it is meant, and never refused.
#include "dialects/translate.hpp"

#include <catch2/catch.hpp>

#include <memory>
#include <string>
#include <vector>

using namespace understudy;
using namespace understudy::dialects;
using wire::AnswerShape;
using wire::Dialect;

namespace {

struct Sent {
    Sent(AnswerShape client, Dialect to, std::string request) : body(std::move(request)) {
        Ask ask;
        ask.shape = client;
        ask.body = body;
        ask.model = "m";
        Target target;
        target.dialect = to;
        target.model = to == Dialect::messages   ? "claude-haiku-4-5"
                       : to == Dialect::converse ? "anthropic.claude-haiku-4-5-20251001-v1:0"
                                                 : "gemini-3.1-pro";
        problem = translate(ask, target, outgoing, translation);
    }
    std::string body;
    Outgoing outgoing;
    std::unique_ptr<Translation> translation;
    std::optional<Problem> problem;
};

using Names = std::vector<std::string>;

/// A request besides what every one has, and what is sent instead: it holds `has`, and not `lacks`.
struct Row {
    std::string members;
    std::string has, lacks;
    Names dropped = {};
};

void check(AnswerShape client, Dialect to, const std::string& front, const Row& row) {
    const Sent sent(client, to, front + row.members + "}");
    CAPTURE(sent.body);
    if (sent.problem) FAIL(sent.problem->what);
    CAPTURE(sent.outgoing.body);
    CHECK(sent.outgoing.body.find(row.has) != std::string::npos);
    if (!row.lacks.empty()) CHECK(sent.outgoing.body.find(row.lacks) == std::string::npos);
    CHECK(sent.outgoing.dropped == row.dropped);
}

const std::string kHi = R"({"messages":[{"role":"user","content":"Hi"}],)";
const std::string kTool = R"("tools":[{"type":"function","function":{"name":"f"}}],)";

std::string part(const std::string& one) {
    return R"("messages":[{"role":"user","content":[)" + one + R"(,{"type":"text","text":"x"}]}])";
}

}  // namespace

TEST_CASE("A Chat client's looser words are read as they are meant") {
    const Row rows[] = {
        {R"("max_tokens":0,"max_completion_tokens":9)", R"("maxOutputTokens":9)", ""},
        {R"("max_tokens":-1)", "contents", "maxOutputTokens"},
        {R"("max_tokens":7,"max_completion_tokens":-1)", R"("maxOutputTokens":7)", ""},
        {R"("reasoning_effort":{"effort":"high","summary":"auto"})", R"("thinkingLevel":"high")",
         ""},
        {R"("logprobs":0)", "contents", ""},
        {R"("user":5)", "contents", "", {"user"}},
        {R"("functions":[],"function_call":"none")", "contents", ""},
        {R"("function_call":"auto")", "contents", ""},
        {R"("response_format":{"type":"json_schema","json_schema":{"name":"x"}})",
         R"("responseMimeType":"application/json")", "responseJsonSchema"},
        {kTool + R"("tool_choice":{"type":"function","name":"f"})",
         R"("allowedFunctionNames":["f"])", ""},
        {kTool + R"("tool_choice":{"function":{"name":"f"}})", R"("allowedFunctionNames":["f"])",
         ""},
        {kTool + R"("tool_choice":"")", "contents", "toolConfig"},
        {kTool + R"("tool_choice":{"type":"auto"})", R"("mode":"AUTO")", ""},
        {kTool + R"("tool_choice":{"type":"none"})", R"("mode":"NONE")", ""},
        {kTool + R"("tool_choice":{"type":"required"})", R"("mode":"ANY")", ""},
        {kTool + R"("tool_choice":{"type":"any"})", R"("mode":"ANY")", ""},
        {part(R"({"type":"file","file":{"file_data":"JVBERi0xLjQK"}})"),
         R"("mimeType":"application/pdf","data":"JVBERi0xLjQK")", ""},
        {part(R"({"type":"redacted_thinking","data":"d"})"),
         R"("parts":[{"text":"x"}])",
         "",
         {"messages[].content[].redacted_thinking"}},
        {part(R"({"type":"reasoning","text":"t"})"),
         R"("parts":[{"text":"x"}])",
         "",
         {"messages[].content[].reasoning"}},
    };
    for (const auto& row : rows) {
        const bool own = row.members.find("messages") < 5;
        check(AnswerShape::chat, Dialect::gemini, own ? "{" : kHi, row);
    }
    check(AnswerShape::chat, Dialect::responses, kHi, {R"("user":5)", R"("user":"5")", ""});
    for (const auto* members : {R"("functions":[{"name":"f"}],"function_call":"auto")",
                                R"("function_call":{"name":"f"})"}) {
        const Sent old(AnswerShape::chat, Dialect::gemini, kHi + members + "}");
        REQUIRE(old.problem);
        CHECK(old.problem->kind == Problem::Kind::unsupported);
    }
}

TEST_CASE("A user's message without words is left out, unless it is what is to be answered") {
    const std::string blank = R"({"role":"user","content":" "})";
    const std::string hi = R"({"role":"user","content":"Hi"})";
    const std::string yes = R"({"role":"assistant","content":"Yes?"})";
    for (const auto to : {Dialect::messages, Dialect::converse, Dialect::gemini}) {
        for (const auto& turns : {hi + "," + yes + "," + blank + "," + hi, hi + "," + blank,
                                  blank + "," + hi, blank + "," + yes + "," + hi}) {
            check(AnswerShape::chat, to, "{", {"\"messages\":[" + turns + "]", "\"Hi\"", "\" \""});
        }
        for (const auto& turns : {blank, hi + "," + yes + "," + blank, blank + "," + yes}) {
            CAPTURE(turns);
            const Sent sent(AnswerShape::chat, to, "{\"messages\":[" + turns + "]}");
            REQUIRE(sent.problem);
            CHECK(sent.problem->kind == Problem::Kind::unsupported);
            CHECK(sent.problem->what == "a user's message is empty");
        }
    }
}

TEST_CASE("A Messages client's looser words are read as they are meant") {
    const Row rows[] = {
        {R"("mcp_servers":[])", "messages", ""},
        {R"("output_format":{"type":"json_schema","schema":{"type":"object"}})",
         R"("schema":{"type":"object"},"strict":true)", ""},
        {R"("output_format":{"type":"json_schema","schema":{"title":"old"}},)"
         R"("output_config":{"format":{"type":"json_schema","schema":{"title":"new"}}})",
         R"("schema":{"title":"new"})", "old"},
    };
    for (const auto& row : rows) check(AnswerShape::messages, Dialect::chat, kHi, row);
    for (const auto* members :
         {R"("max_tokens":0)", R"("output_format":{"type":"grammar"})", R"("mcp_servers":[{}])"}) {
        const Sent sent(AnswerShape::messages, Dialect::chat, kHi + members + "}");
        REQUIRE(sent.problem);
        CHECK(sent.problem->kind == Problem::Kind::unsupported);
    }
    const Sent wrong(AnswerShape::messages, Dialect::chat, kHi + R"("output_format":"json"})");
    REQUIRE(wrong.problem);
    CHECK(wrong.problem->kind == Problem::Kind::bad_request);
}

TEST_CASE("A Responses client's looser words are read as they are meant") {
    const Row rows[] = {
        {R"("input":"Hi","tools":[{"type":"image_generation"},{"type":"function","name":"f"}])",
         R"("name":"f")",
         "image_generation",
         {"tools[].image_generation"}},
        {R"("input":[{"role":"user","content":"Hi"},{"role":"assistant","content":)"
         R"([{"type":"output_text","text":null}]},{"role":"user","content":"Go"}])",
         "Go", "assistant"},
        {R"("input":[{"role":"user","content":"Hi"},{"type":"tool_search_call","call_id":"c"},)"
         R"({"type":"tool_search_output","call_id":"c","tools":[{"type":"function","name":"f"},)"
         R"({"type":"namespace","name":"n","tools":[{"type":"function","name":"g"}]}]}])",
         R"({"role":"user","content":[{"type":"text","text":"(tool_search_output) f, g"}]}])",
         "",
         {"input[].tool_search_call"}},
        {R"("input":[{"role":"user","content":"Hi"},{"type":"tool_search_call","call_id":"c"},)"
         R"({"type":"tool_search_output","call_id":"c","tools":[]}])",
         "(tool_search_output) nothing was found",
         "",
         {"input[].tool_search_call"}},
    };
    for (const auto& row : rows) check(AnswerShape::responses, Dialect::messages, "{", row);
}

TEST_CASE("A Google client's looser words are read as they are meant") {
    const std::string hi = R"({"contents":[{"parts":[{"text":"Hi"}]}],)";
    const Row rows[] = {
        {R"("systemInstruction":{"parts":[{},{"text":null},{"text":"Be."}]})",
         R"({"role":"system","content":"Be."})", ""},
        {R"("generationConfig":{"maxOutputTokens":0})", "messages", "max_tokens"},
        {R"("generationConfig":{"responseMimeType":"text/x.enum","responseSchema":)"
         R"({"type":"STRING","enum":["a","b c"]}})",
         R"(without quotes: \"a\", \"b c\"")",
         "response_format",
         {"generationConfig.responseMimeType"}},
    };
    for (const auto& row : rows) check(AnswerShape::gemini, Dialect::chat, hi, row);
    const std::string call = R"({"contents":[{"parts":[{"text":"x"}]},{"role":"model","parts":)"
                             R"([{"functionCall":{"name":"f","args":{}}}]},{"role":")";
    for (const auto* role : {"tool", "function", "user", ""}) {
        check(AnswerShape::gemini, Dialect::chat, call + role,
              {R"(","parts":[{"functionResponse":{"name":"f","response":{"output":"r"}}}]}])",
               R"("content":"r")", ""});
    }
    for (const auto* names : {R"(["g"])", R"(["g","h"])"}) {
        const Sent sent(AnswerShape::gemini, Dialect::chat,
                        hi + R"("tools":[{"functionDeclarations":[{"name":"f"}]}],"toolConfig":)" +
                            R"({"functionCallingConfig":{"mode":"ANY","allowedFunctionNames":)" +
                            names + "}}}");
        REQUIRE(sent.problem);
        CHECK(sent.problem->kind == Problem::Kind::bad_request);
    }
}

TEST_CASE("A stream that is asked for in another word is asked for in the other API's") {
    for (const auto* const word : {"1", R"("true")", R"("yes")"}) {
        for (const auto client : {AnswerShape::chat, AnswerShape::messages}) {
            const auto body = R"({"max_tokens":9,"messages":[{"role":"user","content":"x"}],)"
                              R"("stream":)" +
                              std::string(word) + "}";
            CAPTURE(body);
            Ask ask;
            ask.shape = client;
            ask.body = body;
            ask.model = "m";
            ask.stream = true;  // as the word was read
            Target target;
            target.dialect = Dialect::responses;
            target.model = "gpt-5";
            Outgoing outgoing;
            std::unique_ptr<Translation> translation;
            if (const auto problem = translate(ask, target, outgoing, translation)) {
                FAIL(problem->what);
            }
            CHECK(outgoing.body.find(R"("stream":true)") != std::string::npos);
        }
    }
}
