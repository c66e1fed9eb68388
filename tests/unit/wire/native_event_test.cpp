#include "event_flags.hpp"

#include "wire/event_inspector.hpp"

#include <string>
#include <string_view>

using namespace understudy::wire;
using namespace understudy::wire::test;

namespace {

std::string delta(std::string_view members) {
    return R"({"type":"content_block_delta","index":0,"delta":{)" + std::string(members) + "}}";
}

std::string block(std::string_view members) {
    return R"({"type":"content_block_start","index":1,"content_block":{)" + std::string(members) +
           "}}";
}

std::string message_delta(std::string_view reason, std::string_view more = "") {
    return R"({"type":"message_delta","delta":{"stop_reason":)" + std::string(reason) +
           R"(,"stop_sequence":null},"usage":{"output_tokens":6})" + std::string(more) + "}";
}

std::string message_start(std::string_view content = "") {
    return R"({"type":"message_start","message":{"id":"msg_1","type":"message","role":"assistant",)"
           R"("model":"claude-x-1","content":[)" +
           std::string(content) +
           R"(],"stop_reason":null,"usage":{"input_tokens":14,"cache_creation_input_tokens":3,)"
           R"("cache_read_input_tokens":5,"output_tokens":2}}})";
}

std::string parts(std::string_view members, std::string_view more = "") {
    return R"({"candidates":[{"content":{"parts":[{)" + std::string(members) +
           R"(}],"role":"model"},"index":0)" + std::string(more) +
           R"(}],"usageMetadata":{"promptTokenCount":29,"candidatesTokenCount":4,)"
           R"("totalTokenCount":33},"modelVersion":"gemini-x","responseId":"r"})";
}

}  // namespace

TEST_CASE("A message commits with the first block that has something in it") {
    check(
        AnswerShape::messages,
        {
            {"text", delta(R"("type":"text_delta","text":"Hi")"), "c"},
            {"a space is text", delta(R"("type":"text_delta","text":" ")"), "c"},
            {"thinking", delta(R"("type":"thinking_delta","thinking":"Hm")"), "c"},
            {"its seal", delta(R"("type":"signature_delta","signature":"EqQB")"), "c"},
            {"arguments", delta(R"("type":"input_json_delta","partial_json":"{\"a")"), "c"},
            {"a citation", delta(R"("type":"citations_delta","citation":{"cited_text":"x"})"), "c"},
            {"what comes next", delta(R"("type":"new_delta","novelty":"x")"), "c"},
            {"no text", delta(R"("type":"text_delta","text":"")"), ""},
            {"no arguments yet", delta(R"("type":"input_json_delta","partial_json":"")"), ""},
            {"no delta", R"({"type":"content_block_delta","index":0})", ""},
            {"a call", block(R"("type":"tool_use","id":"toolu_1","name":"f","input":{})"), "c"},
            {"a call of the server's",
             block(R"("type":"server_tool_use","id":"s","name":"web_search","input":{})"), "c"},
            {"its result",
             block(R"("type":"web_search_tool_result","tool_use_id":"s","content":[{"a":1}])"),
             "c"},
            {"redacted thinking", block(R"("type":"redacted_thinking","data":"Eq")"), "c"},
            {"text in the announcement", block(R"("type":"text","text":"Hi")"), "c"},
            {"a text to come", block(R"("type":"text","text":"")"), ""},
            {"with no citations", block(R"("type":"text","text":"","citations":[])"), ""},
            {"thoughts to come", block(R"("type":"thinking","thinking":"","signature":"")"), ""},
            {"the start", message_start(), ""},
            {"a start that has something", message_start(R"({"type":"tool_use","id":"t"})"), "c"},
            {"a ping", R"({"type":"ping"})", ""},
            {"the end of a block", R"({"type":"content_block_stop","index":0})", ""},
            {"an unknown event", R"({"type":"new_event","text":"x"})", ""},
            {"not JSON", "{", "?"},
        });
}

TEST_CASE("A message has ended with its reason, and is over with its last event") {
    check(
        AnswerShape::messages,
        {
            {"end_turn", message_delta("\"end_turn\""), "fu"},
            {"tool_use", message_delta("\"tool_use\""), "fu"},
            {"a refusal", message_delta("\"refusal\""), "fu"},
            {"a reason of tomorrow", message_delta("\"new_reason\""), "fu"},
            {"no reason yet", message_delta("null"), "u"},
            {"an error as reason", message_delta("\"overloaded_error\""), "e"},
            {"the last event", R"({"type":"message_stop"})", "d"},
            {"OpenAI's marker", "[DONE]", "d"},
            {"an error",
             R"({"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}})", "e"},
        });
    // The name stands for a type that is not in the data.
    CHECK(flags(inspected(AnswerShape::messages, R"({"a":1})", "message_stop")) == "d");
    CHECK(flags(inspected(AnswerShape::messages, R"({"message":"x"})", "error")) == "e");
}

TEST_CASE("Nothing of a message is taken for OpenAI's, and the other way round") {
    check(AnswerShape::messages,
          {{"a chunk", R"({"choices":[{"delta":{"content":"x"},"finish_reason":"stop"}]})", ""},
           {"a responses delta", R"({"type":"response.output_text.delta","delta":"x"})", ""}});
    check(AnswerShape::chat,
          {{"a message's delta", delta(R"("type":"text_delta","text":"x")"), ""},
           {"its end", R"({"type":"message_stop"})", ""},
           {"a candidate", parts(R"("text":"x")", R"(,"finishReason":"STOP")"), ""}});
    check(AnswerShape::gemini, {{"a message's delta", delta(R"("text":"x")"), "c"}});
}

TEST_CASE("A message's start names model and prompt, its end what it took all together") {
    const auto said = message_start();  // the facts point into it
    const auto start = inspected(AnswerShape::messages, said);
    CHECK(start.model == "claude-x-1");
    REQUIRE(start.usage);
    CHECK(*start.usage == Usage{22, 2, 5, 3, 0, std::nullopt});
    Usage usage = *start.usage;
    const auto merged = [&](std::string_view counts) {
        Usage into = usage;
        const auto facts = inspected(
            AnswerShape::messages, R"({"type":"message_delta","delta":{"stop_reason":"end_turn"},)"
                                   R"("usage":)" +
                                       std::string(counts) + "}");
        if (facts.usage) merge_usage(into, *facts.usage);
        return into;
    };
    CHECK(merged(R"({"output_tokens":310,"output_tokens_details":{"thinking_tokens":190}})") ==
          Usage{22, 310, 5, 3, 190, std::nullopt});
    CHECK(merged(R"({"input_tokens":61,"cache_creation_input_tokens":0,)"
                 R"("cache_read_input_tokens":0,"output_tokens":6})") ==
          Usage{61, 6, 0, 0, 0, std::nullopt});
    // The cache stands in the start alone, or the input does.
    CHECK(merged(R"({"input_tokens":20,"output_tokens":6})") ==
          Usage{28, 6, 5, 3, 0, std::nullopt});
    CHECK(merged(R"({"input_tokens":0,"output_tokens":6})") == Usage{22, 6, 5, 3, 0, std::nullopt});
    CHECK(merged(R"({"input_tokens":null,"output_tokens":6})") ==
          Usage{22, 6, 5, 3, 0, std::nullopt});
    CHECK(merged("null") == usage);
}

TEST_CASE("A candidate commits with its first part that has something in it") {
    check(AnswerShape::gemini,
          {
              {"text", parts(R"("text":"Hi")"), "c"},
              {"a thought", parts(R"("text":"Hm","thought":true)"), "c"},
              {"a call", parts(R"("functionCall":{"name":"f"})"), "c"},
              {"an image", parts(R"("inlineData":{"mimeType":"image/png","data":"AA"})"), "c"},
              {"code", parts(R"("executableCode":{"code":"1"})"), "c"},
              {"a seal", parts(R"("text":"","thoughtSignature":"Eq")"), "c"},
              {"no text", parts(R"("text":"")"), ""},
              {"a flag alone", parts(R"("text":"","thought":true)"), ""},
              {"no parts", R"({"candidates":[{"content":{"role":"model"},"index":0}]})", ""},
              {"no candidates", R"({"usageMetadata":{"promptTokenCount":1}})", ""},
              {"an empty list", R"({"candidates":[]})", ""},
              {"parts that are none", R"({"candidates":[{"content":{"parts":"x"}}]})", ""},
              {"not a list", R"({"candidates":{"content":{}}})", ""},
              {"the second candidate",
               R"({"candidates":[{"index":0},{"content":{"parts":[{"text":"x"}]}}]})", "c"},
          });
}

TEST_CASE("A candidate ends with a reason, and a refused prompt is an answer") {
    const auto ended = [](std::string_view reason) {
        return R"({"candidates":[{"finishReason":)" + std::string(reason) + R"(,"index":0}]})";
    };
    check(AnswerShape::gemini,
          {
              {"with its last text", parts(R"("text":"x")", R"(,"finishReason":"STOP")"), "cf"},
              {"with an empty one", parts(R"("text":"")", R"(,"finishReason":"STOP")"), "f"},
              {"alone", ended("\"MAX_TOKENS\""), "f"},
              {"by a filter", ended("\"SAFETY\""), "f"},
              {"to be continued", ended("\"CONTINUATION\""), "f"},
              {"not yet", ended("null"), ""},
              {"not yet, in so many words", ended("\"FINISH_REASON_UNSPECIFIED\""), ""},
              {"nor with a text",
               parts(R"("text":"x")", R"(,"finishReason":"FINISH_REASON_UNSPECIFIED")"), "c"},
              {"nor was the prompt refused",
               R"({"promptFeedback":{"blockReason":"BLOCK_REASON_UNSPECIFIED"}})", ""},
              {"a prompt that was refused", R"({"promptFeedback":{"blockReason":"SAFETY"}})", "f"},
              {"a prompt that was not", R"({"promptFeedback":{"safetyRatings":[]}})", ""},
              {"an error", R"({"error":{"code":503,"status":"UNAVAILABLE","message":"m"}})", "e"},
          });
    for (const auto* reason :
         {"MALFORMED_FUNCTION_CALL", "MALFORMED_RESPONSE", "UNEXPECTED_TOOL_CALL",
          "TOO_MANY_TOOL_CALLS", "MISSING_THOUGHT_SIGNATURE"}) {
        INFO(reason);
        const auto quoted = '"' + std::string(reason) + '"';
        const auto facts = inspected(AnswerShape::gemini, ended(quoted));
        CHECK(flags(facts) == "e");
        CHECK(facts.vain_end);
        const auto beside = parts(R"("text":"x")", R"(,"finishReason":)" + quoted);
        CHECK(flags(inspected(AnswerShape::gemini, beside)) == "cf");
    }
}

TEST_CASE("Google's chunks name the model and what was used so far") {
    const auto said = parts(R"("text":"x")");  // the facts point into it
    const auto facts = inspected(AnswerShape::gemini, said);
    CHECK(facts.model == "gemini-x");
    REQUIRE(facts.usage);
    CHECK(*facts.usage == Usage{29, 4, 0, 0, 0, std::nullopt});
}

TEST_CASE("Google's counts are brought to OpenAI's meaning") {
    struct Row {
        const char* title;
        const char* json;
        Usage expected;
    };
    const auto counts = [](std::uint64_t prompt, std::uint64_t completion, std::uint64_t read = 0,
                           std::uint64_t reasoning = 0) {
        return Usage{prompt, completion, read, 0, reasoning, std::nullopt};
    };
    for (const Row& row : std::vector<Row>{
             {"thoughts apart",
              R"({"promptTokenCount":29,"candidatesTokenCount":15,"thoughtsTokenCount":804,)"
              R"("totalTokenCount":848})",
              counts(29, 819, 0, 804)},
             {"thoughts among the candidates",
              R"({"promptTokenCount":29,"candidatesTokenCount":819,"thoughtsTokenCount":804,)"
              R"("totalTokenCount":848})",
              counts(29, 819, 0, 804)},
             {"a cache that is part of the prompt",
              R"({"promptTokenCount":100,"cachedContentTokenCount":60,"candidatesTokenCount":1,)"
              R"("totalTokenCount":101})",
              counts(100, 1, 60)},
             {"what a tool brought in",
              R"({"promptTokenCount":10,"toolUsePromptTokenCount":5,"candidatesTokenCount":2,)"
              R"("totalTokenCount":17})",
              counts(15, 2)},
             {"the prompt alone", R"({"promptTokenCount":10,"totalTokenCount":10})", counts(10, 0)},
             {"candidates that are told by the total",
              R"({"promptTokenCount":20,"thoughtsTokenCount":198,"totalTokenCount":623})",
              counts(20, 603, 0, 198)},
             {"details and nulls beside it",
              R"({"promptTokenCount":3,"candidatesTokenCount":null,"promptTokensDetails":)"
              R"([{"modality":"TEXT","tokenCount":3}],"trafficType":"ON_DEMAND"})",
              counts(3, 0)},
         }) {
        INFO(row.title);
        const auto usage = parse_usage_metadata(row.json);
        REQUIRE(usage);
        CHECK(*usage == row.expected);
    }
    for (const auto* json : {"null", "{}", "[]", R"({"trafficType":"ON_DEMAND"})",
                             R"({"promptTokenCount":-1})", R"({"promptTokenCount":1.5})",
                             R"({"promptTokenCount":"12"})", R"({"promptTokenCount":100000001})",
                             R"({"promptTokenCount":1)", R"({"totalTokenCount":0})"}) {
        INFO(json);
        CHECK_FALSE(parse_usage_metadata(json));
    }
}

TEST_CASE("Later counts of a stream replace what they say and keep what they do not") {
    auto usage = *parse_usage_metadata(
        R"({"promptTokenCount":29,"thoughtsTokenCount":800,"totalTokenCount":829})");
    merge_usage(usage, *parse_usage_metadata(R"({"promptTokenCount":29,"candidatesTokenCount":15,)"
                                             R"("thoughtsTokenCount":804,"totalTokenCount":848})"));
    CHECK(usage == Usage{29, 819, 0, 0, 804, std::nullopt});
}

TEST_CASE(
    "Events that differ in their text alone are judged without a walk, and Google's in counts too") {
    const auto repeats = [](AnswerShape shape, const std::vector<std::string>& events) {
        EventInspector inspector(shape);
        for (const auto& event : events) {
            EventFacts expected;
            inspect_event(shape, event, {}, expected);
            const auto& facts = inspector.inspect(event, {});
            CHECK(flags(facts) == flags(expected));
            CHECK(facts.usage == expected.usage);
            CHECK(facts.model == expected.model);
        }
        return inspector.repeats();
    };
    const auto text = [](const char* words) {
        return delta(R"("type":"text_delta","text":")" + std::string(words) + '"');
    };
    CHECK(repeats(AnswerShape::messages,
                  {text("a"), text("b"), text(""), text("longer \\u00e9"), text("x")}) == 3);
    const auto arguments = [](const char* json) {
        return delta(R"("type":"input_json_delta","partial_json":")" + std::string(json) + '"');
    };
    CHECK(repeats(AnswerShape::messages, {arguments("{\\\"a"), arguments("\\\":1}")}) == 1);
    // Their counts grow with each of them.
    const auto chunk = [](int count) {
        return R"({"candidates":[{"content":{"parts":[{"text":"x"}]}}],"usageMetadata":)"
               R"({"promptTokenCount":2,"candidatesTokenCount":)" +
               std::to_string(count) + "}}";
    };
    CHECK(repeats(AnswerShape::gemini, {chunk(1), chunk(2), chunk(3), chunk(3)}) == 3);
}
