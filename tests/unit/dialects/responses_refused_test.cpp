#include "dialects/responses/request_reader.hpp"

#include <catch2/catch.hpp>

using namespace understudy::dialects;

namespace {

/// A talk and the body that it is made of slices of.
struct Read {
    explicit Read(std::string text) : body(std::move(text)) {
        problem = responses::read_body(Value::of(body), talk);
    }
    Read(const Read&) = delete;
    Read& operator=(const Read&) = delete;

    std::string body;
    Talk talk;
    std::optional<Problem> problem;
};

}  // namespace

TEST_CASE("A request to /responses: what is lost is named") {
    struct Case {
        const char* member;
        const char* dropped;  // "": nothing
    };
    const auto c = GENERATE(values<Case>({
        {R"("store":false)", ""},
        {R"("store":true)", "store"},
        {R"("background":false)", ""},
        {R"("truncation":"disabled")", ""},
        {R"("truncation":"auto")", "truncation"},
        {R"("include":["reasoning.encrypted_content"])", ""},
        {R"("include":["message.output_text.logprobs"])", "include"},
        {R"("top_logprobs":0)", ""},
        {R"("top_logprobs":2)", "top_logprobs"},
        {R"("metadata":{})", ""},
        {R"("metadata":{"a":"b"})", "metadata"},
        {R"("max_tool_calls":3)", "max_tool_calls"},
        {R"("safety_identifier":"s")", "safety_identifier"},
        {R"("prompt_cache_retention":"24h")", "prompt_cache_retention"},
        {R"("prompt_cache_options":{"ttl":"30m"})", "prompt_cache_options"},
        {R"("client_metadata":{"a":"b"})", "client_metadata"},
        {R"("context_management":[{}])", "context_management"},
        {R"("service_tier":"auto")", ""},
        {R"("service_tier":"flex")", "service_tier"},
        {R"("stream_options":{"include_obfuscation":false})", ""},
        {R"("text":{"verbosity":"low"})", "text.verbosity"},
        {R"("text":{"format":{"type":"json_schema","name":"n","description":"d","schema":{}}})",
         "text.format.description"},
        {R"("reasoning":{"context":"auto"})", "reasoning.context"},
        {R"("moderation":{"model":"m"})", "moderation"},
        {R"("top_k":null,"conversation":null,"previous_response_id":null)", ""},
        {R"("tools":[{"type":"web_search","external_web_access":true}])", "tools[].web_search"},
        {R"("tools":[{"type":"web_search_preview"}])", "tools[].web_search_preview"},
        {R"("tools":[{"type":"tool_search","execution":"client"}])", "tools[].tool_search"},
        {R"("tools":[{"type":"local_shell"}])", "tools[].local_shell"},
    }));
    const Read read(R"({"input":"q",)" + std::string(c.member) + "}");
    INFO(c.member);
    REQUIRE_FALSE(read.problem);
    const std::vector<std::string> expected =
        *c.dropped == '\0' ? std::vector<std::string>{} : std::vector<std::string>{c.dropped};
    CHECK(read.talk.dropped == expected);
}

TEST_CASE("A request to /responses: what cannot be carried is unsupported") {
    const std::string member = GENERATE(
        R"("input":"")", R"("previous_response_id":"resp_1","input":"q")",
        R"("conversation":"c","input":"q")", R"("conversation":{"id":"c"})",
        R"("prompt":{"id":"p"})", R"("background":true,"input":"q")",
        R"("input":[{"type":"item_reference","id":"x"}])",
        R"("input":[{"type":"computer_call","call_id":"x"}])",
        R"("input":[{"role":"user","content":[{"type":"input_video"}]}])",
        R"("input":"q","text":{"format":{"type":"grammar"}})",
        R"("input":[{"type":"mcp_approval_request"}])",
        R"("input":"q","tools":[{"type":"file_search"}])",
        R"("input":"q","tools":[{"type":"code_interpreter","container":{"type":"auto"}}])",
        R"("input":"q","tools":[{"type":"mcp","server_label":"x"}])",
        R"("input":"q","tools":[{"type":"computer_use_preview"}])",
        R"("input":"q","tools":[{"type":"image_generation"}])",
        R"("input":"q","tools":[{"type":"web_search"}],"tool_choice":{"type":"web_search"})",
        R"("input":"q","tools":[{"type":"web_search"}],"tool_choice":"required")");
    const Read read("{" + member + "}");
    INFO(member);
    REQUIRE(read.problem);
    CHECK(read.problem->kind == Problem::Kind::unsupported);
    CHECK_FALSE(read.problem->what.empty());
}

TEST_CASE("A request to /responses: what is wrong is a bad request, with a word on what") {
    struct Case {
        const char* body;
        const char* what;
    };
    const auto c = GENERATE(values<Case>({
        {"{}", "input is missing"},
        {R"({"input":null})", "input is missing"},
        {R"({"input":7})", "input is neither text nor a list"},
        {R"({"input":[]})", "there is nothing in input"},
        {R"({"input":["x"]})", "input[0] is no object"},
        {R"({"input":[{"type":4}]})", "input[0].type is no text"},
        {R"({"input":[{"role":"user","content":"a"},{"role":"tool","content":"x"}]})",
         "input[1].role is none of user, assistant, system and developer"},
        {R"({"input":[{"content":"x"}]})",
         "input[0].role is none of user, assistant, system and developer"},
        {R"({"input":[{"role":"user","content":5}]})",
         "input[0].content is neither text nor a list of parts"},
        {R"({"input":[{"role":"user","content":[{"kind":"video"}]}]})",
         "input[0]: a part of the content has no type"},
        {R"({"input":[{"role":"user","content":[{"type":"input_text"}]}]})",
         "input[0]: a part has no text"},
        {R"({"input":[{"role":"user","content":[{"type":"input_image"}]}]})",
         "input[0]: an input_image has neither image_url nor file_id"},
        {R"({"input":[{"role":"user","content":[{"type":"input_image","image_url":"data:x"}]}]})",
         "input[0]: image_url is data, but not in base64"},
        {R"({"input":[{"role":"user","content":[{"type":"input_file"}]}]})",
         "input[0]: an input_file has no file_data, file_url or file_id"},
        {R"({"input":[{"role":"user","content":[{"type":"input_audio"}]}]})",
         "input[0]: an input_audio has no data or no format"},
        {R"({"input":[{"type":"function_call","name":"f"}]})",
         "input[0].call_id is missing, or no text"},
        {R"({"input":[{"type":"function_call","call_id":"c"}]})",
         "input[0].name is missing, or no text"},
        {R"({"input":[{"type":"function_call","call_id":"c","name":"f","arguments":{}}]})",
         "input[0].arguments is no text"},
        {R"({"input":[{"type":"custom_tool_call","call_id":"c","name":"f","input":[]}]})",
         "input[0].input is no text"},
        {R"({"input":[{"type":"function_call_output","output":"x"}]})",
         "input[0].call_id is missing, or no text"},
        {R"({"input":[{"type":"function_call_output","call_id":"c","output":{}}]})",
         "input[0].output is neither text nor a list of parts"},
        {R"({"input":"q","tools":{}})", "tools is no list"},
        {R"({"input":"q","tools":[{"name":"f"}]})", "tools[0].type is missing, or no text"},
        {R"({"input":"q","tools":[{"type":"function"}]})", "tools[0].name is missing, or no text"},
        {R"({"input":"q","tools":[{"type":"function","name":"f","parameters":[]}]})",
         "tools[0].parameters is no object"},
        {R"({"input":"q","tools":[{"type":"function","name":"f","description":1}]})",
         "tools[0].description is no text"},
        {R"({"input":"q","tools":[{"type":"namespace","tools":[]}]})",
         "tools[0].name is missing, or no text"},
        {R"({"input":"q","tools":[{"type":"namespace","name":"n","tools":[{"type":"function"}]}]})",
         "tools[0].tools[0].name is missing, or no text"},
        {R"({"input":"q","tool_choice":"sometimes"})", "tool_choice is none that is known"},
        {R"({"input":"q","tool_choice":{"type":"function","name":"f"}})",
         "tool_choice names a tool that is not in tools"},
        {R"({"input":"q","tool_choice":"required"})",
         "tool_choice asks for a call, but there is no tool"},
        {R"({"input":"q","tool_choice":{"type":"allowed_tools"}})", "tool_choice.tools is no list"},
        {R"({"input":"q","max_output_tokens":"9"})", "max_output_tokens is no number"},
        {R"({"input":"q","max_output_tokens":0})",
         "max_output_tokens is no whole number of at least 1"},
        {R"({"input":"q","temperature":"hot"})", "temperature is no number"},
        {R"({"input":"q","text":"json"})", "text is no object"},
        {R"({"input":"q","text":{"format":{"kind":"xml"}}})",
         "text.format.type is none of text, json_object and json_schema"},
        {R"({"input":"q","text":{"format":{"type":"json_schema","name":"n"}}})",
         "text.format.schema is missing, or no object"},
        {R"({"input":"q","reasoning":"high"})", "reasoning is no object"},
        {R"({"input":"q","reasoning":{"effort":3}})", "reasoning.effort is no text"},
        {R"({"input":"q","stop":3})", "stop is neither text nor a list of texts"},
        {R"({"input":"q","instructions":["x"]})", "instructions is no text"},
        {R"({"input":"q","metadata":[]})", "metadata is no object"},
    }));
    const Read read(c.body);
    INFO(c.body);
    REQUIRE(read.problem);
    CHECK(read.problem->kind == Problem::Kind::bad_request);
    CHECK(read.problem->what == c.what);
}
