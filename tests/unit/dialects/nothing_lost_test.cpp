// Whatever a client says arrives in the other API's words, or its loss is named, or the request is
// unsupported: at every upstream, for every member that the clients' libraries send.
#include "dialects/translate.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

using namespace understudy;
using namespace understudy::dialects;
using wire::AnswerShape;
using wire::Dialect;

namespace {

/// A request's members, what of them is found in what is sent (any of these), and by what name it
/// is lost where it is not.
struct Row {
    std::string members;
    std::vector<std::string> marks;
    std::string name;
};

struct Place {
    Dialect dialect;
    const char* model;
};
// Models of several generations: what one takes another does not.
constexpr Place kPlaces[] = {
    {Dialect::chat, "gpt-5"},
    {Dialect::responses, "gpt-5"},
    {Dialect::messages, "claude-sonnet-5"},
    {Dialect::messages, "claude-haiku-4-5"},
    {Dialect::messages, "claude-3-5-haiku"},
    {Dialect::gemini, "gemini-3.1-pro"},
    {Dialect::gemini, "gemini-2.5-flash"},
    {Dialect::gemini, "gemma-3"},
    {Dialect::converse, "anthropic.claude-haiku-4-5-20251001-v1:0"},
    {Dialect::converse, "amazon.nova-pro-v1:0"},
    {Dialect::converse, "openai.gpt-oss-120b-1:0"},
};

void check(AnswerShape client, const std::string& front, const Row& row) {
    for (const auto& place : kPlaces) {
        if (!can_translate(client, place.dialect)) continue;
        const auto body = "{" + front + row.members + "}";
        Ask ask;
        ask.shape = client;
        ask.body = body;
        ask.model = "m";
        Target target;
        target.dialect = place.dialect;
        target.model = place.model;
        Outgoing out;
        std::unique_ptr<Translation> translation;
        const auto problem = translate(ask, target, out, translation);
        CAPTURE(place.model, body, out.body, out.dropped);
        if (problem) {
            CAPTURE(problem->what);
            CHECK(problem->kind == Problem::Kind::unsupported);
            continue;
        }
        const bool sent = std::any_of(row.marks.begin(), row.marks.end(), [&](const auto& mark) {
            return out.body.find(mark) != std::string::npos;
        });
        const bool named =
            std::any_of(out.dropped.begin(), out.dropped.end(), [&](const std::string& one) {
                return !row.name.empty() && one.find(row.name) != std::string::npos;
            });
        CHECK((sent || named));
    }
}

const std::string kHi = R"("messages":[{"role":"user","content":"Hi"}],)";
const std::string kTool =
    R"("tools":[{"type":"function","function":{"name":"f","description":"zqxd","strict":true,)"
    R"("parameters":{"type":"object","properties":{"zqxp":{"type":"string"}},)"
    R"("required":["zqxp"],"additionalProperties":false}}}])";

std::string part(const std::string& one, const std::string& role = "user") {
    return R"("messages":[{"role":"user","content":"Hi"},{"role":")" + role + R"(","content":[)" +
           one + R"(]},{"role":"user","content":"x"}])";
}

std::string said(const std::string& members) {
    return R"("messages":[{"role":"user","content":"Hi"},{"role":"assistant",)" + members +
           R"(},{"role":"user","content":"x"}])";
}

}  // namespace

TEST_CASE("Nothing that a client of Chat says is lost in silence") {
    const Row rows[] = {
        {R"("temperature":0.4321)", {"0.4321"}, "temperature"},
        {R"("top_p":0.4321)", {"0.4321"}, "top_p"},
        {R"("top_k":43)", {":43"}, "top_k"},
        {R"("seed":4321)", {"4321"}, "seed"},
        {R"("presence_penalty":0.4321)", {"0.4321"}, "presence_penalty"},
        {R"("frequency_penalty":0.4321)", {"0.4321"}, "frequency_penalty"},
        {R"("stop":["zqx"])", {"zqx"}, "stop"},
        {R"("stop":[" "])", {R"([" "])"}, "stop"},
        {R"("stop":["a","b","c","d","zqx"])", {"zqx"}, "stop"},
        {R"("user":"zqx")", {"zqx"}, "user"},
        {R"("metadata":{"a":"zqx"})", {}, "metadata"},
        {R"("service_tier":"priority")", {}, "service_tier"},
        {R"("prediction":{"type":"content","content":"zqx"})", {}, "prediction"},
        {R"("verbosity":"low")", {}, "verbosity"},
        {R"("logit_bias":{"5":1})", {}, "logit_bias"},
        {R"("prompt_cache_key":"zqx")", {"zqx"}, "prompt_cache_key"},
        {R"("prompt_cache_retention":"24h")", {}, "prompt_cache_retention"},
        {R"("safety_identifier":"zqx")", {"zqx"}, "safety_identifier"},
        {R"("store":true)", {}, "store"},
        {R"("moderation":{"a":1})", {}, "moderation"},
        {R"("extra_body":{"a":1})", {}, "extra_body"},
        {R"("logprobs":true,"top_logprobs":3)", {}, ""},
        {R"("n":2)", {}, ""},
        {R"("modalities":["text","audio"],"audio":{"voice":"a","format":"wav"})", {}, ""},
        {R"("web_search_options":{})", {}, ""},
        {R"("max_completion_tokens":4321)", {"4321"}, ""},
        {R"("reasoning_effort":"high")", {"\"high\"", "udget", "HIGH"}, "reasoning_effort"},
        {R"("reasoning_effort":"minimal")",
         {"\"minimal\"", "\"low\"", "udget"},
         "reasoning_effort"},
        {R"("reasoning":{"max_tokens":4321})",
         {"4321", "\"medium\"", "budget"},
         "reasoning_effort"},
        {kTool, {"zqxd"}, ""},
        {R"("tools":[{"type":"function","function":{"name":"f","examples":[1]}}])",
         {},
         "tools[].examples"},
        {kTool, {"zqxp"}, ""},
        {kTool, {R"("strict":true)", "VALIDATED"}, "strict"},
        {kTool + R"(,"parallel_tool_calls":false)",
         {R"("parallel_tool_calls":false)", R"("disable_parallel_tool_use":true)"},
         "parallel_tool_calls"},
        {kTool + R"(,"tool_choice":"none")",
         {R"("none")", "NONE", R"({"messages":[{"role":"user","content":[{"text":"Hi"}]}],"inf)"},
         "tool_choice"},
        {kTool + R"(,"tool_choice":"required")", {"required\"", "any", "ANY"}, ""},
        {R"("response_format":{"type":"json_schema","json_schema":{"name":"zqx","schema":)"
         R"({"type":"object","properties":{"zqxp":{"type":"string"}}}}})",
         {"zqxp"},
         ""},
        {R"("response_format":{"type":"json_schema","json_schema":{"name":"zqx","description":"d",)"
         R"("schema":{"type":"object","properties":{"zqxp":{"type":"string"}}}}})",
         {},
         "response_format.json_schema.description"},
        {R"("response_format":{"type":"json_object"})", {"json_object", "application/json"}, ""},
    };
    for (const auto& row : rows) check(AnswerShape::chat, kHi, row);
    const std::string mark = R"("cache_control":{"type":"ephemeral"})";
    const std::vector<std::string> marks{"cache_control", "cachePoint"};
    const Row own[] = {
        {part(R"({"type":"text","text":"zqx",)" + mark + "}"), marks, "cache_control"},
        {part(R"({"type":"image_url","image_url":{"url":"https://x.test/zqx.png"},)" + mark + "}"),
         marks, "cache_control"},
        {R"("messages":[{"role":"system","content":"s",)" + mark +
             R"(},{"role":"user","content":"x"}])",
         marks, "cache_control"},
        {R"("messages":[{"role":"user","content":"x",)" + mark + "}]", marks, "cache_control"},
        {R"("messages":[{"role":"developer","content":"zqx"},{"role":"user","content":"x"}])",
         {"zqx"},
         ""},
        {R"("messages":[{"role":"user","content":"x"},{"role":"developer","content":"zqx"}])",
         {"zqx"},
         ""},
        {R"("messages":[{"role":"user","name":"zqx","content":"x"}])", {"zqx"}, "name"},
        {part(R"({"type":"image_url","image_url":{"url":"https://x.test/zqx.png"}})"), {"zqx"}, ""},
        {part(
             R"({"type":"image_url","image_url":{"url":"https://x.test/zqx.png","detail":"low"}})"),
         {R"("detail":"low")"},
         "detail"},
        {part(R"({"type":"input_audio","input_audio":{"data":"UklGRg==","format":"wav"}})"),
         {"UklGRg=="},
         ""},
        {part(R"({"type":"file","file":{"file_data":"data:application/pdf;base64,JVBERi0x",)"
              R"("filename":"zqx.pdf"}})"),
         {"zqx"},
         "title"},
        {said(R"("refusal":"zqx")"), {"zqx"}, ""},
        {said(R"("content":[{"type":"refusal","refusal":"zqx"}])"), {"zqx"}, ""},
        {said(R"("content":"x","annotations":[{"a":1}])"), {}, "annotations"},
        {said(R"("content":"x","annotations":[],"audio":null,"refusal":null)"), {"x"}, ""},
        {said(R"("content":"x","audio":{"id":"a"})"), {}, ""},
        {said(R"("content":"x","reasoning_content":"zqx")"), {"zqx"}, "ing"},
        {said(R"("content":"x","reasoning_details":[{"type":"reasoning.text"}])"),
         {},
         "reasoning_details"},
        {said(R"("content":"x","thinking_blocks":[{"type":"thinking","thinking":"zqx",)"
              R"("signature":"s"}])"),
         {"zqx"},
         "ing"},
        {said(R"("content":"x","thinking_blocks":[{"type":"redacted_thinking","data":"zqx"}])"),
         {"zqx"},
         "ing"},
        {said(R"("content":"x","prefix":true)"), {}, "prefix"},
        {said(R"("tool_calls":[{"id":"c","type":"function","function":{"name":"f",)"
              R"("arguments":"{\"a\":\"zqx\"}"}}])"),
         {"zqx"},
         ""},
        {said(R"("tool_calls":[{"id":"c","type":"custom","custom":{"name":"f","input":"zqx"}}])"),
         {"zqx"},
         ""},
        {said(
             R"("tool_calls":[{"id":"c","type":"function","function":{"name":"f","arguments":"{}"},)"
             R"("extra_content":{"google":{"thought_signature":"zqx"}}}])"),
         {"zqx"},
         "thoughtSignature"},
    };
    for (const auto& row : own) check(AnswerShape::chat, "", row);
}

TEST_CASE("Nothing that a client of Messages says is lost in silence") {
    const std::string front = R"("max_tokens":4000,)";
    const std::string mark = R"("cache_control":{"type":"ephemeral","ttl":"1h"})";
    const std::vector<std::string> marks{"cache_control", "cachePoint"};
    const std::string tool =
        R"("tools":[{"name":"f","description":"zqxd","input_schema":{"type":"object",)"
        R"("properties":{"zqxp":{"type":"string"}}})";
    const Row rows[] = {
        {R"("temperature":0.4321)", {"0.4321"}, "temperature"},
        {R"("top_k":43)", {":43"}, "top_k"},
        {R"("stop_sequences":["zqx"])", {"zqx"}, "stop"},
        {R"("metadata":{"user_id":"zqx"})", {"zqx"}, "user"},
        {R"("metadata":{"user_id":"u","a":"zqx"})", {}, "metadata"},
        {R"("service_tier":"standard_only")", {}, "service_tier"},
        {R"("container":"zqx")", {}, ""},
        {R"("context_management":{"edits":[]})", {}, "context_management"},
        {R"("inference_geo":"eu")", {}, "inference_geo"},
        {mark, marks, "cache_control"},
        {R"("system":[{"type":"text","text":"zqx",)" + mark + "}]", marks, "cache_control"},
        {R"("system":[{"type":"text","text":"a"},{"type":"text","text":"zqx"}])", {"zqx"}, ""},
        {R"("thinking":{"type":"enabled","budget_tokens":2048})",
         {"2048", "\"medium\"", "udget", "\"low\""},
         "reasoning_effort"},
        {R"("thinking":{"type":"adaptive"},"output_config":{"effort":"high"})",
         {"high", "HIGH", "udget"},
         "reasoning_effort"},
        {R"("output_config":{"effort":"high","task_budget":{"tokens":9}})", {}, "task_budget"},
        {R"("output_config":{"format":{"type":"json_schema","schema":{"type":"object",)"
         R"("properties":{"zqxp":{"type":"string"}}}}})",
         {"zqxp"},
         ""},
        {tool + "}]", {"zqxp"}, ""},
        {tool + "," + mark + "}]", marks, "cache_control"},
        {tool + R"(,"strict":true}])", {R"("strict":true)", "VALIDATED"}, "strict"},
        {tool + R"(,"input_examples":[{}]}])", {}, "input_examples"},
        {tool + R"(,"defer_loading":true}])", {}, "defer_loading"},
        {tool + R"(}],"tool_choice":{"type":"auto","disable_parallel_tool_use":true})",
         {R"("parallel_tool_calls":false)", R"("disable_parallel_tool_use":true)"},
         "parallel_tool_calls"},
        {tool + R"(},{"type":"web_search_20250305","name":"web_search"}])", {}, ""},
        {tool + R"(},{"type":"bash_20250124","name":"bash"}])", {}, ""},
    };
    for (const auto& row : rows) check(AnswerShape::messages, front + kHi, row);
    const std::string result = R"("messages":[{"role":"user","content":"Hi"},{"role":"assistant",)"
                               R"("content":[{"type":"tool_use","id":"t","name":"f","input":)"
                               R"({"a":"zqxa"}}]},{"role":"user","content":[{"type":)"
                               R"("tool_result","tool_use_id":"t",)";
    const Row own[] = {
        {result + R"("content":"r"}]}])", {"zqxa"}, ""},
        {result + R"("is_error":true,"content":"zqx"}]}])",
         {"rror: zqx", "is_error", "\"error\"", "Error:"},
         ""},
        {result + R"("content":"r",)" + mark + "}]}]", marks, "cache_control"},
        {result + R"("content":[{"type":"text","text":"r",)" + mark + "}]}]}]", marks,
         "cache_control"},
        {result +
             R"("content":[{"type":"image","source":{"type":"url","url":"https://x.test/zqx.png"}}]}]}])",
         {"zqx"},
         ""},
        {result + R"("content":[{"type":"document","title":"zqx","source":{"type":"base64",)"
                  R"("media_type":"application/pdf","data":"JVBERi0x"}}]}]}])",
         {"zqx"},
         "title"},
        {result + R"("content":[{"type":"search_result","title":"t","source":"zqx",)"
                  R"("content":[{"type":"text","text":"x"}]}]}]}])",
         {"zqx"},
         ""},
        {part(R"({"type":"text","text":"zqx",)" + mark + "}"), marks, "cache_control"},
        {part(R"({"type":"document","title":"zqx","context":"c","source":{"type":"text",)"
              R"("media_type":"text/plain","data":"d"},"citations":{"enabled":true}})"),
         {"zqx"},
         "title"},
        {part(R"({"type":"document","title":"t","context":"zqx","source":{"type":"text",)"
              R"("media_type":"text/plain","data":"d"},"citations":{"enabled":true}})"),
         {"zqx"},
         ""},
        {part(R"({"type":"document","source":{"type":"text","media_type":"text/plain",)"
              R"("data":"d"},"citations":{"enabled":true}})"),
         {},
         "citations"},
        {part(R"({"type":"document","source":{"type":"content","content":[{"type":"text",)"
              R"("text":"zqx"}]}})"),
         {"zqx"},
         ""},
        {part(R"({"type":"image","source":{"type":"file","file_id":"zqx"}})"), {}, ""},
        {part(R"({"type":"thinking","thinking":"zqx","signature":"s"},{"type":"text","text":"a"})",
              "assistant"),
         {"zqx"},
         "ing"},
        {part(R"({"type":"redacted_thinking","data":"zqx"},{"type":"text","text":"a"})",
              "assistant"),
         {"zqx"},
         "ing"},
        {part(R"({"type":"text","text":"a","citations":[{"type":"char_location"}]})", "assistant"),
         {},
         "citations"},
        {part(R"({"type":"server_tool_use","id":"s","name":"web_search","input":{}},)"
              R"({"type":"web_search_tool_result","tool_use_id":"s","content":[]},)"
              R"({"type":"text","text":"a"})",
              "assistant"),
         {},
         "web_search_tool_result"},
        {R"("messages":[{"role":"user","content":"x"},{"role":"system","content":"zqx"}])",
         {"zqx"},
         ""},
    };
    for (const auto& row : own) check(AnswerShape::messages, front, row);
}

TEST_CASE("Nothing that a client of Responses says is lost in silence") {
    const std::string front = R"("input":"Hi",)";
    const std::string tool =
        R"("tools":[{"type":"function","name":"f","description":"zqxd","strict":true,)"
        R"("parameters":{"type":"object","properties":{"zqxp":{"type":"string"}}}}])";
    const Row rows[] = {
        {R"("temperature":0.4321)", {"0.4321"}, "temperature"},
        {R"("user":"zqx")", {"zqx"}, "user"},
        {R"("safety_identifier":"zqx")", {"zqx"}, "safety_identifier"},
        {R"("prompt_cache_key":"zqx")", {"zqx"}, "prompt_cache_key"},
        {R"("metadata":{"a":"zqx"})", {}, "metadata"},
        {R"("max_output_tokens":4321)", {"4321"}, ""},
        {R"("max_tool_calls":3)", {}, "max_tool_calls"},
        {R"("truncation":"auto")", {}, "truncation"},
        {R"("service_tier":"flex")", {}, "service_tier"},
        {R"("text":{"verbosity":"low"})", {}, "verbosity"},
        {R"("reasoning":{"effort":"high","summary":"auto"})",
         {"\"high\"", "udget"},
         "reasoning_effort"},
        {R"("text":{"format":{"type":"json_schema","name":"n","schema":{"type":"object",)"
         R"("properties":{"zqxp":{"type":"string"}}},"strict":true}})",
         {"zqxp"},
         ""},
        {R"("instructions":"zqx")", {"zqx"}, ""},
        {tool, {"zqxp"}, ""},
        {tool, {R"("strict":true)", "VALIDATED"}, "strict"},
        {tool + R"(,"parallel_tool_calls":false)",
         {R"("parallel_tool_calls":false)", R"("disable_parallel_tool_use":true)"},
         "parallel_tool_calls"},
        {R"("tools":[{"type":"function","name":"f","defer_loading":true}])", {}, "defer_loading"},
        {R"("include":["message.output_text.logprobs"])", {}, "include"},
        {R"("top_logprobs":3)", {}, "top_logprobs"},
        {R"("stop":"zqx")", {"zqx"}, "stop"},
    };
    for (const auto& row : rows) check(AnswerShape::responses, front, row);
    const auto items = [](const std::string& some) {
        return R"("input":[{"role":"user","content":"Hi"},)" + some +
               R"(,{"role":"user","content":"Go on"}])";
    };
    const auto content = [](const std::string& one) {
        return R"("input":[{"role":"user","content":[)" + one +
               R"(,{"type":"input_text","text":"x"}]}])";
    };
    const Row own[] = {
        {items(R"({"type":"reasoning","id":"r","summary":[{"type":"summary_text","text":"zqx"}]})"),
         {"zqx"},
         "ing"},
        {items(R"({"type":"reasoning","id":"r","summary":[],"encrypted_content":"zqx"})"),
         {"zqx"},
         "ing"},
        {items(R"({"type":"message","role":"assistant","phase":"commentary","content":"zqx"})"),
         {},
         "phase"},
        {items(R"({"role":"assistant","content":[{"type":"output_text","text":"a",)"
               R"("annotations":[{"type":"url_citation"}]}]})"),
         {},
         "annotations"},
        {items(R"({"role":"assistant","content":[{"type":"refusal","refusal":"zqx"}]})"),
         {"zqx"},
         ""},
        {items(R"({"type":"web_search_call","id":"w","action":{"query":"zqx"}})"), {"zqx"}, ""},
        {items(R"({"type":"custom_tool_call","call_id":"c","name":"p","input":"zqx"},)"
               R"({"type":"custom_tool_call_output","call_id":"c","output":"r"})"),
         {"zqx"},
         ""},
        {items(R"({"type":"function_call","call_id":"c","name":"f","arguments":"{}"},)"
               R"({"type":"function_call_output","call_id":"c","output":[{"type":"input_image",)"
               R"("image_url":"https://x.test/zqx.png"}]})"),
         {"zqx"},
         ""},
        {content(R"({"type":"input_image","image_url":"https://x.test/zqx.png","detail":"low"})"),
         {R"("detail":"low")"},
         "detail"},
        {content(R"({"type":"input_file","file_data":"data:application/pdf;base64,JVBERi0x",)"
                 R"("filename":"zqx.pdf"})"),
         {"zqx"},
         "title"},
    };
    for (const auto& row : own) check(AnswerShape::responses, "", row);
}

TEST_CASE("Nothing that a client of Google's says is lost in silence") {
    const std::string front = R"("contents":[{"role":"user","parts":[{"text":"Hi"}]}],)";
    const std::string tool =
        R"("tools":[{"functionDeclarations":[{"name":"f","description":"zqxd","parameters":)"
        R"({"type":"OBJECT","properties":{"zqxp":{"type":"STRING"}}}}]}])";
    const Row rows[] = {
        {R"("generationConfig":{"temperature":0.4321})", {"0.4321"}, "temperature"},
        {R"("generationConfig":{"topK":43})", {":43"}, "top_k"},
        {R"("generationConfig":{"top_p":0.4321})", {"0.4321"}, "top_p"},
        {R"("generation_config":{"stop_sequences":["zqx"]})", {"zqx"}, "stop"},
        {R"("generationConfig":{"seed":4321})", {"4321"}, "seed"},
        {R"("generationConfig":{"presencePenalty":0.4321})", {"0.4321"}, "presence_penalty"},
        {R"("generationConfig":{"maxOutputTokens":4321})", {"4321"}, ""},
        {R"("generationConfig":{"candidateCount":2})", {}, ""},
        {R"("generationConfig":{"mediaResolution":"MEDIA_RESOLUTION_LOW"})", {}, "mediaResolution"},
        {R"("generationConfig":{"speechConfig":{"a":1}})", {}, "speechConfig"},
        {R"("generationConfig":{"responseModalities":["IMAGE"]})", {}, ""},
        {R"("generationConfig":{"responseMimeType":"application/json","responseSchema":)"
         R"({"type":"OBJECT","properties":{"zqxp":{"type":"STRING"}}}})",
         {"zqxp"},
         ""},
        {R"("generationConfig":{"responseMimeType":"application/json","responseJsonSchema":)"
         R"({"type":"object","properties":{"zqxp":{"type":"string"}}}})",
         {"zqxp"},
         ""},
        {R"("generationConfig":{"thinkingConfig":{"thinkingLevel":"HIGH"}})",
         {"\"high\"", "udget"},
         "reasoning_effort"},
        {R"("generationConfig":{"thinkingConfig":{"thinkingBudget":4321}})",
         {"4321", "\"medium\""},
         "reasoning_effort"},
        {R"("safetySettings":[{"category":"a","threshold":"b"}])", {}, "safetySettings"},
        {R"("labels":{"a":"b"})", {}, "labels"},
        {R"("cachedContent":"zqx")", {}, ""},
        {R"("systemInstruction":{"parts":[{"text":"zqx"}]})", {"zqx"}, ""},
        {R"("system_instruction":"zqx")", {"zqx"}, ""},
        {tool, {"zqxp"}, ""},
        {tool +
             R"(,"toolConfig":{"functionCallingConfig":{"mode":"ANY","allowedFunctionNames":["f"]}})",
         {R"("name":"f"})", R"("type":"tool","name":"f")"},
         ""},
        {tool + R"(,"toolConfig":{"functionCallingConfig":{"mode":"NONE"}})",
         {"none", R"("messages":[{"role":"user","content":[{"text":"Hi"}]}],"inf)"},
         "tool_choice"},
        {tool + R"(,"toolConfig":{"retrievalConfig":{"languageCode":"zqx"}})",
         {},
         "retrievalConfig"},
        {R"("tools":[{"googleSearch":{}}])", {}, ""},
        {R"("tools":[{"codeExecution":{}}])", {}, ""},
    };
    for (const auto& row : rows) check(AnswerShape::gemini, front, row);
    const auto parts = [](const std::string& some) {
        return R"("contents":[{"parts":[{"text":"x"},)" + some + "]}]";
    };
    const auto model = [](const std::string& some) {
        return R"("contents":[{"parts":[{"text":"x"}]},{"role":"model","parts":[)" + some +
               R"(]},{"parts":[{"text":"y"}]}])";
    };
    const Row own[] = {
        {parts(R"({"fileData":{"fileUri":"https://x.test/zqx.png","mimeType":"image/png"}})"),
         {"zqx"},
         ""},
        {parts(R"({"fileData":{"fileUri":"https://x.test/zqx.mp3","mimeType":"audio/mp3"}})"),
         {"zqx"},
         ""},
        {parts(R"({"fileData":{"fileUri":"gs://b/zqx.png","mimeType":"image/png"}})"), {}, ""},
        {parts(R"({"inlineData":{"data":"JVBERi0x","mimeType":"application/pdf",)"
               R"("displayName":"zqx"}})"),
         {"zqx"},
         "title"},
        {parts(R"({"inlineData":{"data":"AAAA","mimeType":"video/mp4"}})"), {}, ""},
        {parts(R"({"text":"y","videoMetadata":{"fps":1}})"), {}, "videoMetadata"},
        {parts(R"({"text":"y","mediaResolution":{"level":"a"}})"), {}, "mediaResolution"},
        {model(R"({"text":"zqx","thought":true,"thoughtSignature":"s"},{"text":"a"})"),
         {"zqx"},
         "ing"},
        {model(R"({"text":"a","thoughtSignature":"zqx"})"), {}, "thoughtSignature"},
        {model(R"({"functionCall":{"name":"f","args":{"a":"zqx"}}})"), {"zqx"}, ""},
        {model(R"({"executableCode":{"code":"zqx"}},{"text":"a"})"), {}, "executableCode"},
        {R"("contents":[{"parts":[{"text":"x"}]},{"role":"model","parts":[{"functionCall":)"
         R"({"name":"f"}}]},{"parts":[{"functionResponse":{"name":"f","response":{"a":"zqx"},)"
         R"("willContinue":true}}]}])",
         {"zqx"},
         "willContinue"},
    };
    for (const auto& row : own) check(AnswerShape::gemini, "", row);
}
