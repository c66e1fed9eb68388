#include "wire/quality.hpp"

#include "wire/prompt_size.hpp"

#include <catch2/catch.hpp>

#include <string>
#include <vector>

using namespace understudy::wire;
using Class = FailureClass;

namespace {

Class judged(AnswerShape shape, const std::string& request, const std::string& answer,
             FailureSet asked = kQualityClasses) {
    RequestFacts facts;
    REQUIRE_FALSE(scan_request(request, facts));
    const auto verdict = judge_quality(shape, request, facts, answer, asked);
    return verdict ? verdict->failure : Class::none;
}

const std::string kPlain = R"({"model":"m","messages":[]})";

std::string chat(const std::string& message, const std::string& finish = "stop") {
    return R"({"choices":[{"index":0,"message":)" + message + R"(,"finish_reason":")" + finish +
           R"("}]})";
}

std::string says(const std::string& json_string) {
    return chat(R"({"role":"assistant","content":)" + json_string + "}");
}

std::string calls(const std::string& name, const std::string& arguments) {
    return chat(R"({"role":"assistant","content":null,"tool_calls":[{"id":"c","type":"function",)"
                R"("function":{"name":")" +
                    name + R"(","arguments":)" + arguments + "}}]}",
                "tool_calls");
}

struct Row {
    const char* title;
    AnswerShape shape;
    std::string request;
    std::string answer;
    Class expected;
};

void check(const std::vector<Row>& rows) {
    for (const auto& row : rows) {
        INFO(row.title);
        CHECK(name_of(judged(row.shape, row.request, row.answer)) == name_of(row.expected));
    }
}

const std::string kTools =
    R"({"model":"m","messages":[],"tools":[{"type":"function","function":{"name":"weather",)"
    R"("parameters":{"type":"object","properties":{"city":{"type":"string"}},)"
    R"("required":["city"]}}},{"type":"custom","custom":{"name":"shell"}}]})";

}  // namespace

TEST_CASE("A chat answer that says something, to its end, is good") {
    const auto shape = AnswerShape::chat;
    check({
        {"text", shape, kPlain, says(R"("Four.")"), Class::none},
        {"parts", shape, kPlain, says(R"([{"type":"text","text":"Four."}])"), Class::none},
        {"nothing", shape, kPlain, says("null"), Class::empty},
        {"an empty text", shape, kPlain, says(R"("")"), Class::empty},
        {"white space", shape, kPlain, says(R"(" \n ")"), Class::empty},
        {"only thoughts", shape, kPlain,
         chat(R"({"role":"assistant","content":"","reasoning_content":"Hm."})"), Class::empty},
        {"thoughts as parts", shape, kPlain, says(R"([{"type":"thinking","thinking":[]}])"),
         Class::empty},
        {"audio", shape, kPlain, chat(R"({"content":null,"audio":{"id":"a","data":"AA"}})"),
         Class::none},
        {"images", shape, kPlain, chat(R"({"content":"","images":[{"image_url":{}}]})"),
         Class::none},
        {"cut", shape, kPlain, chat(R"({"content":"Fo"})", "length"), Class::length},
        {"cut, Mistral", shape, kPlain, chat(R"({"content":"Fo"})", "model_length"), Class::length},
        {"cut in thought", shape, kPlain, chat(R"({"content":null})", "length"), Class::length},
        {"a refusal", shape, kPlain, chat(R"({"content":null,"refusal":"I can't."})"),
         Class::refusal},
        {"a refusal as a part", shape, kPlain, says(R"([{"type":"refusal","refusal":"No."}])"),
         Class::refusal},
        {"a filter", shape, kPlain, chat(R"({"content":""})", "content_filter"), Class::refusal},
        {"words of regret are no refusal", shape, kPlain, says(R"("I'm sorry, I can't.")"),
         Class::none},
        {"one good choice", shape, kPlain,
         R"({"choices":[{"message":{"content":""}},{"message":{"content":"x"}}]})", Class::none},
        {"no good choice", shape, kPlain,
         R"({"choices":[{"message":{"content":""}},{"finish_reason":"length"}]})", Class::empty},
    });
    CHECK(judged(shape, kPlain, chat(R"({"content":null})", "length"), {Class::empty}) ==
          Class::empty);
    CHECK(judged(shape, kPlain, chat(R"({"content":"x"})", "length"), {Class::empty}) ==
          Class::none);
    CHECK(judged(shape, kPlain, says(R"("")"), {}) == Class::none);
}

TEST_CASE("The JSON that was asked for") {
    const auto shape = AnswerShape::chat;
    const std::string object =
        R"({"model":"m","messages":[],"response_format":{"type":"json_object"}})";
    const std::string schema =
        R"({"model":"m","messages":[],"response_format":{"type":"json_schema","json_schema":)"
        R"({"name":"n","schema":{"type":"object","properties":{"a":{"type":"integer"}},)"
        R"("required":["a"],"additionalProperties":false}}},"tools":[{"type":"function",)"
        R"("function":{"name":"look"}}]})";
    check({
        {"an object", shape, object, says(R"(" {\"a\": 1}\n")"), Class::none},
        {"none", shape, object, says(R"("Here you are: {}")"), Class::invalid_json},
        {"in a fence", shape, object, says(R"("```json\n{}\n```")"), Class::invalid_json},
        {"cut", shape, object, says(R"("{\"a\":")"), Class::invalid_json},
        {"a list", shape, object, says(R"("[1]")"), Class::invalid_json},
        {"not asked for", shape, kPlain, says(R"("[1")"), Class::none},
        {"text", shape, R"({"model":"m","response_format":{"type":"text"}})", says(R"("[1")"),
         Class::none},
        {"by the schema", shape, schema, says(R"("{\"a\":1}")"), Class::none},
        {"not by the schema", shape, schema, says(R"("{\"a\":\"1\"}")"), Class::invalid_json},
        {"a member missing", shape, schema, says(R"("{}")"), Class::invalid_json},
        {"a call comes first", shape, schema,
         chat(R"({"content":"I will look.","tool_calls":[{"function":{"name":"look",)"
              R"("arguments":"{}"}}]})"),
         Class::none},
        {"responses", AnswerShape::responses,
         R"({"model":"m","input":"x","text":{"format":{"type":"json_schema","schema":)"
         R"({"type":"object","required":["a"]}}}})",
         R"({"status":"completed","output":[{"type":"reasoning"},{"type":"message","content":)"
         R"([{"type":"output_text","text":"{\"b\":1}"}]}]})",
         Class::invalid_json},
        {"messages", AnswerShape::messages,
         R"({"model":"m","messages":[],"output_config":{"format":{"type":"json_schema","schema":)"
         R"({"type":"object"}}}})",
         R"({"content":[{"type":"text","text":"no"}],"stop_reason":"end_turn"})",
         Class::invalid_json},
        {"gemini", AnswerShape::gemini,
         R"({"contents":[],"generationConfig":{"responseMimeType":"application/json",)"
         R"("responseSchema":{"type":"OBJECT","properties":{"a":{"type":"INTEGER"}}}}})",
         R"({"candidates":[{"content":{"parts":[{"text":"{\"a\":"},{"text":"\"x\"}"}]},)"
         R"("finishReason":"STOP"}]})",
         Class::invalid_json},
    });
    CHECK(judged(shape, object, says("null"), {Class::invalid_json}) == Class::invalid_json);
    CHECK(judged(shape, object, chat(R"({"content":null,"refusal":"No."})"),
                 {Class::invalid_json}) == Class::none);
}

TEST_CASE("Calls of what was offered, as it was described") {
    const auto shape = AnswerShape::chat;
    check({
        {"good", shape, kTools, calls("weather", R"("{\"city\":\"Ulm\"}")"), Class::none},
        {"an object instead of its text", shape, kTools, calls("weather", R"({"city":"Ulm"})"),
         Class::none},
        {"cut", shape, kTools, calls("weather", R"("{\"city\":\"U")"), Class::invalid_tool_call},
        {"no object", shape, kTools, calls("weather", R"("[]")"), Class::invalid_tool_call},
        {"a member missing", shape, kTools, calls("weather", R"("{}")"), Class::invalid_tool_call},
        {"nothing, which is no member", shape, kTools, calls("weather", R"("")"),
         Class::invalid_tool_call},
        {"of another type", shape, kTools, calls("weather", R"("{\"city\":7}")"),
         Class::invalid_tool_call},
        {"not offered", shape, kTools, calls("news", R"("{}")"), Class::invalid_tool_call},
        {"nothing was offered", shape, kPlain, calls("news", R"("{}")"), Class::invalid_tool_call},
        {"a custom tool takes any text", shape, kTools,
         chat(R"({"tool_calls":[{"type":"custom","custom":{"name":"shell","input":"ls"}}]})"),
         Class::none},
        {"the form before tools", shape,
         R"({"model":"m","functions":[{"name":"f","parameters":{"required":["a"]}}]})",
         chat(R"({"content":null,"function_call":{"name":"f","arguments":"{}"}})"),
         Class::invalid_tool_call},
        {"without a schema", shape,
         R"({"model":"m","tools":[{"type":"function","function":{"name":"f"}}]})",
         calls("f", R"("")"), Class::none},
        {"responses", AnswerShape::responses,
         R"({"model":"m","input":"x","tools":[{"type":"function","name":"f","parameters":)"
         R"({"required":["a"]}}]})",
         R"({"status":"completed","output":[{"type":"function_call","name":"f",)"
         R"("arguments":"{\"b\":1}"}]})",
         Class::invalid_tool_call},
        {"what a connector brings is not known", AnswerShape::responses,
         R"({"model":"m","input":"x","tools":[{"type":"mcp"}]})",
         R"({"status":"completed","output":[{"type":"function_call","name":"g",)"
         R"("arguments":"{}"}]})",
         Class::none},
        {"messages", AnswerShape::messages,
         R"({"model":"m","messages":[],"tools":[{"name":"f","input_schema":{"type":"object",)"
         R"("required":["a"]}},{"type":"bash_20250124","name":"bash"}]})",
         R"({"content":[{"type":"tool_use","name":"f","input":{}}],"stop_reason":"tool_use"})",
         Class::invalid_tool_call},
        {"Anthropic's own tool", AnswerShape::messages,
         R"({"model":"m","messages":[],"tools":[{"type":"bash_20250124","name":"bash"}]})",
         R"({"content":[{"type":"tool_use","name":"bash","input":{"command":"ls"}}]})",
         Class::none},
        {"gemini", AnswerShape::gemini,
         R"({"contents":[],"tools":[{"functionDeclarations":[{"name":"f","parameters":)"
         R"({"type":"OBJECT","required":["a"]}}]}]})",
         R"({"candidates":[{"content":{"parts":[{"functionCall":{"name":"f","args":{}}}]}}]})",
         Class::invalid_tool_call},
        {"converse", AnswerShape::converse,
         R"({"messages":[],"toolConfig":{"tools":[{"toolSpec":{"name":"f","inputSchema":{"json":)"
         R"({"type":"object","required":["a"]}}}},{"cachePoint":{"type":"default"}}]}})",
         R"({"output":{"message":{"content":[{"toolUse":{"name":"f","input":{}}}]}}})",
         Class::invalid_tool_call},
        {"converse, another tool", AnswerShape::converse, R"({"messages":[]})",
         R"({"output":{"message":{"content":[{"toolUse":{"name":"f","input":{}}}]}}})",
         Class::invalid_tool_call},
        {"Google says so itself", AnswerShape::gemini, R"({"contents":[]})",
         R"({"candidates":[{"finishReason":"MALFORMED_FUNCTION_CALL"}]})", Class::empty},
    });
    CHECK(judged(AnswerShape::gemini, R"({"contents":[]})",
                 R"({"candidates":[{"finishReason":"MALFORMED_FUNCTION_CALL"}]})",
                 {Class::invalid_tool_call}) == Class::invalid_tool_call);
}

TEST_CASE("The other APIs' words for an end and a refusal") {
    const std::string request = R"({"model":"m"})";
    check({
        {"completion", AnswerShape::completion, request,
         R"({"choices":[{"text":"Four","finish_reason":"stop"}]})", Class::none},
        {"completion, empty", AnswerShape::completion, request,
         R"({"choices":[{"text":"","finish_reason":"stop"}]})", Class::empty},
        {"responses, cut", AnswerShape::responses, request,
         R"({"status":"incomplete","incomplete_details":{"reason":"max_output_tokens"},)"
         R"("output":[]})",
         Class::length},
        {"responses, refused", AnswerShape::responses, request,
         R"({"output":[{"type":"message","content":[{"type":"refusal","refusal":"No."}]}]})",
         Class::refusal},
        {"responses, a search", AnswerShape::responses, request,
         R"({"output":[{"type":"web_search_call"}]})", Class::none},
        {"messages, cut", AnswerShape::messages, request,
         R"({"content":[{"type":"text","text":"x"}],"stop_reason":"max_tokens"})", Class::length},
        {"messages, refused", AnswerShape::messages, request,
         R"({"content":[],"stop_reason":"refusal"})", Class::refusal},
        {"messages, empty", AnswerShape::messages, request,
         R"({"content":[{"type":"thinking","thinking":"Hm."}],"stop_reason":"end_turn"})",
         Class::empty},
        {"gemini, cut", AnswerShape::gemini, request,
         R"({"candidates":[{"content":{"parts":[{"text":"x"}]},"finishReason":"MAX_TOKENS"}]})",
         Class::length},
        {"gemini, blocked", AnswerShape::gemini, request,
         R"({"promptFeedback":{"blockReason":"SAFETY"}})", Class::refusal},
        {"gemini, thoughts alone", AnswerShape::gemini, request,
         R"({"candidates":[{"content":{"parts":[{"text":"Hm","thought":true}]}}]})", Class::empty},
        {"converse, cut", AnswerShape::converse, request,
         R"({"output":{"message":{"content":[{"text":"x"}]}},"stopReason":"max_tokens"})",
         Class::length},
        {"converse, refused", AnswerShape::converse, request,
         R"({"output":{"message":{"content":[]}},"stopReason":"guardrail_intervened"})",
         Class::refusal},
        {"converse, thoughts alone", AnswerShape::converse, request,
         R"({"output":{"message":{"content":[{"reasoningContent":{"reasoningText":{"text":"Hm"}}}]}}})",
         Class::empty},
        {"embeddings are not judged", AnswerShape::embeddings, request,
         R"({"data":[{"embedding":[]}]})", Class::none},
    });
}

TEST_CASE("What is too large, or cannot be read, is not judged") {
    const auto padded = chat(R"({"content":""})") + std::string(kMostJudged, ' ');
    CHECK(judged(AnswerShape::chat, kPlain, padded) == Class::none);
    CHECK(judged(AnswerShape::chat, kPlain, R"({"choices":[{"message":{"content":"\ud800"}}]})") ==
          Class::none);
}

TEST_CASE("Only a prompt that is surely too long is called so") {
    const auto least = [](AnswerShape shape, const std::string& body) {
        RequestFacts facts;
        REQUIRE_FALSE(scan_request(body, facts));
        return least_prompt(shape, body, facts);
    };
    const std::string text(80'000, 'x');
    const auto body = [&](const std::string& more) {
        return R"({"model":"m","messages":[{"role":"user","content":")" + text + R"("}])" + more +
               "}";
    };
    CHECK(least(AnswerShape::chat, body("")) == 10'000);
    CHECK(least(AnswerShape::messages, body("")) == 10'000);
    CHECK(least(AnswerShape::responses, body(R"(,"truncation":"auto")")) == 0);
    CHECK(least(AnswerShape::chat, body(R"(,"transforms":["middle-out"])")) == 0);
    CHECK(least(AnswerShape::embeddings, R"({"model":"m","input":[")" + text + R"("]})") == 0);
    CHECK(least(AnswerShape::completion, R"({"model":"m","prompt":[")" + text + R"("]})") == 0);
    const std::string image =
        R"({"model":"m","messages":[{"role":"user","content":[{"type":"image_url","image_url":)"
        R"({"url":"data:image/png;base64,)" +
        text + R"("}}]}]})";
    CHECK(least(AnswerShape::chat, image) == 0);
    CHECK(may_be_too_long(80'000, 19'999));
    CHECK_FALSE(may_be_too_long(80'000, 20'000));
}
