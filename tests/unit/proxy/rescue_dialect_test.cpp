// What each API's requests want of their answers, and how the rest of one is asked for in it.
#include "proxy/rescue/dialect.hpp"
#include "tests/unit/proxy/rescue_streams.hpp"

#include <catch2/catch.hpp>

#include <memory>
#include <string>
#include <utility>
#include <vector>

using namespace understudy;
using namespace understudy::proxy::rescue;
using namespace understudy::proxy::rescue::test;
using Shape = wire::AnswerShape;

namespace {

const Api& api_of(Shape shape) {
    for (const Api& api : kApis) {
        if (api.shape == shape) return api;
    }
    FAIL("no such API");
    return kApis.front();
}

/// A client that has been told this text, word by word.
std::unique_ptr<Dialect> told(Shape shape, const std::string& text) {
    auto dialect = dialect_of(shape);
    const Api& api = api_of(shape);
    for (const auto& data : api.head("one")) dialect->transcript().sent(event_of(data));
    for (std::size_t at = 0; at < text.size();) {
        const auto end = std::min(text.find(' ', at + 1), text.size());
        const auto token = Json(text.substr(at, end - at)).dump();
        dialect->transcript().sent(event_of(api.text(token, "one")));
        at = end;
    }
    return dialect;
}

/// What is asked for by `rung` behind "So far", where "..." stands for the instruction.
std::string asked(Shape shape, const std::string& body, Rung rung) {
    wire::RequestFacts facts;
    REQUIRE_FALSE(wire::scan_request(body, facts));
    const auto dialect = told(shape, "So far \n");
    static_cast<void>(dialect->wishes(body, facts));
    auto out = dialect->ask(body, rung, config::PrefillKind::none);
    CHECK_FALSE(wire::scan_request(out, facts));
    const auto from = out.find("Your last message was cut off");
    if (from == std::string::npos) return out;
    CHECK(out.find("<last_words>So far</last_words>", from) != std::string::npos);
    return out.replace(from, out.find('"', from) - from, "...");
}

std::string wishes_text(Shape shape, const std::string& members) {
    const std::string body = "{" + members + "}";
    wire::RequestFacts facts;
    REQUIRE_FALSE(wire::scan_request(body, facts));
    const auto wishes = dialect_of(shape)->wishes(body, facts);
    std::string out;
    const auto add = [&](bool is, const char* word) { out += is ? word : ""; };
    add(!wishes.conversation, "none ");
    add(!wishes.one_choice, "several ");
    add(wishes.logprobs, "logprobs ");
    add(wishes.tools, "tools ");
    add(wishes.schema, "schema ");
    add(wishes.audio, "audio ");
    add(wishes.thinking, "thinking ");
    return out;
}

}  // namespace

TEST_CASE("The rest is asked for in the client's API, and every other byte stays") {
    struct Row {
        Shape shape;
        Rung rung;
        const char* body;
        const char* asked;
    };
    const std::vector<Row> rows{
        {Shape::messages, Rung::prefill,
         R"({ "max_tokens":64, "messages":[ {"role":"user","content":"Q"} ] ,"x":1.0})",
         R"({ "max_tokens":61, "messages":[ {"role":"user","content":"Q"},{"role":"assistant","content":"So far"} ] ,"x":1.0})"},
        {Shape::messages, Rung::instruct, R"({"messages":[{"role":"user","content":"Q"}]})",
         R"({"messages":[{"role":"user","content":"Q"},{"role":"assistant","content":"So far"},{"role":"user","content":"..."}]})"},
        {Shape::messages, Rung::prefill,
         R"({"messages":[{"role":"assistant","content":[{"type":"text","text":"Well: "}]}]})",
         R"({"messages":[{"role":"assistant","content":[{"type":"text","text":"Well: So far"}]}]})"},
        // A budget for thoughts has to stay below the limit.
        {Shape::messages, Rung::restart,
         R"({"max_tokens":64,"thinking":{"type":"enabled","budget_tokens":63},"messages":[]})",
         R"({"max_tokens":64,"thinking":{"type":"enabled","budget_tokens":63},"messages":[]})"},
        {Shape::responses, Rung::instruct, R"({"input" : "Q\u00e9", "max_output_tokens":64})",
         R"({"input" : [{"role":"user","content":"Q\u00e9"},{"role":"assistant","content":"So far"},{"role":"user","content":"..."}], "max_output_tokens":64})"},
        {Shape::responses, Rung::instruct, R"({"input":[ {"role":"user","content":"Q"} ]})",
         R"({"input":[ {"role":"user","content":"Q"} ,{"role":"assistant","content":"So far"},{"role":"user","content":"..."}]})"},
        {Shape::responses, Rung::instruct, R"({"input":[ ]})",
         R"({"input":[ {"role":"assistant","content":"So far"},{"role":"user","content":"..."}]})"},
        {Shape::responses, Rung::restart, R"({"input":"Q"})", R"({"input":"Q"})"},
        {Shape::gemini, Rung::prefill,
         R"({"contents":[{"parts":[{"text":"Q"}]}],"generationConfig":{"maxOutputTokens":1}})",
         R"({"contents":[{"parts":[{"text":"Q"}]},{"role":"model","parts":[{"text":"So far"}]}],"generationConfig":{"maxOutputTokens":1}})"},
        {Shape::gemini, Rung::instruct,
         R"({"generation_config":{"max_output_tokens":64},"contents":[{"role":"model","parts":[{"text":"A"}]}]})",
         R"({"generation_config":{"max_output_tokens":64},"contents":[{"role":"model","parts":[{"text":"A"},{"text":"So far"}]},{"role":"user","parts":[{"text":"..."}]}]})"},
        {Shape::gemini, Rung::restart, R"({"contents":[]})", R"({"contents":[]})"},
    };
    for (const Row& row : rows) {
        CAPTURE(row.body);
        CHECK(asked(row.shape, row.body, row.rung) == row.asked);
    }
}

namespace {

/// Events in which there may be anything, and those in which nothing can be.
const std::vector<std::string> kUnreadable{
    "{broken", R"({"choices":[{"delta":{"content":"he)", R"(llo"}}]})", R"("text")", "[{}]", "{}{}",
    "}"};
const std::vector<std::string> kWords{"", " ", "ping", "[DONE]", ": keep-alive", "null", "0"};

}  // namespace

TEST_CASE("Behind an event that cannot be read no answer is gone on with") {
    for (const Api& api : kApis) {
        for (const auto& data : kUnreadable) {
            CAPTURE(api.name, data);
            const auto dialect = told(api.shape, "So far");
            REQUIRE(dialect->transcript().obstacle() == nullptr);
            dialect->transcript().sent(event_of(data));
            CHECK(dialect->transcript().obstacle() != nullptr);
        }
        for (const auto& data : kWords) {
            CAPTURE(api.name, data);
            const auto dialect = told(api.shape, "So far");
            dialect->transcript().sent(event_of(data));
            CHECK(dialect->transcript().obstacle() == nullptr);
        }
    }
}

TEST_CASE("An event that cannot be read ends a rescue, whatever the API") {
    for (const Api& api : kApis) {
        const auto rest_behind = [&](const std::string& data) {
            const auto dialect = told(api.shape, "So far");
            const auto rest = dialect->go_on({});
            std::string out;
            for (const auto& event : api.head("two")) rest->feed(event, out);
            rest->feed(api.text("\" so good\"", "two"), out);
            rest->feed(data, out);
            const auto told_before = out.size();
            for (const auto& event : api.tail("two")) rest->feed(event, out);
            return std::pair(rest->state(), out.size() > told_before);
        };
        for (const auto& data : kUnreadable) {
            CAPTURE(api.name, data);
            CHECK(rest_behind(data) == std::pair(Continuation::State::lost, false));
        }
        for (const auto& data : kWords) {
            CAPTURE(api.name, data);
            CHECK(rest_behind(data) == std::pair(Continuation::State::finished, true));
        }
    }
}

TEST_CASE("What a request wants of its answer is read in its own API") {
    struct Row {
        Shape shape;
        const char* members;
        const char* wishes;
    };
    const std::vector<Row> rows{
        {Shape::chat, R"("messages":[],"reasoning_effort":"low")", "thinking "},
        {Shape::chat, R"("messages":[],"reasoning_effort":"none")", ""},
        {Shape::messages, R"("messages":[])", ""},
        {Shape::messages, R"("messages":"x")", "none "},
        {Shape::messages, R"("messages":[],"tools":[{"name":"f"}])", "tools "},
        {Shape::messages, R"("messages":[],"tools":[])", ""},
        {Shape::messages, R"("messages":[],"mcp_servers":[{"url":"x"}])", "tools "},
        {Shape::messages, R"("messages":[],"output_config":{"format":{"type":"json_schema"}})",
         "schema "},
        {Shape::messages, R"("messages":[],"output_config":{"effort":"low"})", ""},
        {Shape::messages, R"("messages":[],"output_format":{"type":"json_schema"})", "schema "},
        {Shape::messages, R"("messages":[],"thinking":{"type":"adaptive"})", "thinking "},
        {Shape::messages, R"("messages":[],"thinking":{"type":"disabled"})", ""},
        {Shape::responses, R"("input":"Q")", ""},
        {Shape::responses, R"("prompt":{"id":"p"})", "none "},
        {Shape::responses, R"("input":[],"background":true)", "none "},
        {Shape::responses, R"("input":[],"tools":[{"type":"web_search"}])", "tools "},
        {Shape::responses, R"("input":[],"text":{"format":{"type":"json_object"}})", "schema "},
        {Shape::responses, R"("input":[],"text":{"format":{"type":"text"},"verbosity":"low"})", ""},
        {Shape::responses, R"("input":[],"include":["message.output_text.logprobs"])", "logprobs "},
        {Shape::responses, R"("input":[],"top_logprobs":2)", "logprobs "},
        {Shape::gemini, R"("contents":[])", ""},
        {Shape::gemini, R"("systemInstruction":{})", "none "},
        {Shape::gemini, R"("contents":[],"generationConfig":{"candidateCount":2})", "several "},
        {Shape::gemini, R"("contents":[],"generation_config":{"candidate_count":2})", "several "},
        {Shape::gemini, R"("contents":[],"generationConfig":{"responseLogprobs":true})",
         "logprobs "},
        {Shape::gemini,
         R"("contents":[],"generationConfig":{"responseMimeType":"application/json"})", "schema "},
        {Shape::gemini, R"("contents":[],"generationConfig":{"responseMimeType":"text/plain"})",
         ""},
        {Shape::gemini, R"("contents":[],"generationConfig":{"responseSchema":{}})", "schema "},
        {Shape::gemini,
         R"("contents":[],"generationConfig":{"responseModalities":["TEXT","IMAGE"]})", "audio "},
        {Shape::gemini, R"("contents":[],"tools":[{"googleSearch":{}}])", "tools "},
        {Shape::gemini, R"("contents":[],"generationConfig":{"thinkingConfig":{}})", "thinking "},
    };
    for (const Row& row : rows) {
        CAPTURE(row.members);
        CHECK(wishes_text(row.shape, row.members) == row.wishes);
    }
}

TEST_CASE("Shapes whose streams have no one text are not gone on with") {
    for (const auto shape : {Shape::completion, Shape::gemini_list, Shape::messages_count,
                             Shape::embeddings, Shape::images, Shape::transcription}) {
        CHECK(dialect_of(shape) == nullptr);
    }
}
