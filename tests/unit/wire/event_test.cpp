#include "event_flags.hpp"

using namespace understudy::wire;
using namespace understudy::wire::test;

namespace {

std::string chunk(std::string_view choice) {
    return R"({"id":"c","object":"chat.completion.chunk","model":"m","choices":[)" +
           std::string(choice) + R"(],"usage":null})";
}

std::string delta(std::string_view members) {
    return chunk(R"({"index":0,"delta":{)" + std::string(members) + R"(},"finish_reason":null})");
}

std::string finish(std::string_view reason) {
    return chunk(R"({"index":0,"delta":{},"finish_reason":)" + std::string(reason) + "}");
}

}  // namespace

TEST_CASE("A chat chunk commits with the first thing that the client must see") {
    check(
        AnswerShape::chat,
        {
            {"text", delta(R"("content":"Hi")"), "c"},
            {"a space is text", delta(R"("content":" ")"), "c"},
            {"text beside a role", delta(R"("role":"assistant","content":"Hi")"), "c"},
            {"text as parts", delta(R"("content":[{"type":"text","text":"Hi"}])"), "c"},
            {"a tool call", delta(R"("content":null,"tool_calls":[{"index":0,"id":"x"}])"), "c"},
            {"a call that begins",
             delta(R"("tool_calls":[{"index":0,"id":"x","type":"function",)"
                   R"("function":{"name":"f","arguments":""}}])"),
             "c"},
            {"its arguments", delta(R"("tool_calls":[{"index":0,"function":{"arguments":" "}}])"),
             "c"},
            {"arguments as an object",
             delta(R"("tool_calls":[{"index":0,"function":{"arguments":{"n":1}}}])"), "c"},
            {"numbers under a new name", delta(R"("sketch":{"points":[1,2]})"), "c"},
            {"a legacy function call", delta(R"("function_call":{"name":"f"})"), "c"},
            {"a refusal", delta(R"("refusal":"No")"), "c"},
            {"reasoning", delta(R"("reasoning":"hm")"), "c"},
            {"DeepSeek's reasoning", delta(R"("content":null,"reasoning_content":"hm")"), "c"},
            {"OpenRouter's reasoning details", delta(R"("reasoning_details":[{"text":"x"}])"), "c"},
            {"audio", delta(R"("audio":{"id":"a"})"), "c"},
            {"reasoning under another name", delta(R"("reasoning_text":"hm")"), "c"},
            {"whatever comes next", delta(R"("role":"assistant","sketch":{"svg":"<svg/>"})"), "c"},
            {"a list of something", delta(R"("thinking_blocks":[{"thinking":"x"}])"), "c"},
            {"images", delta(R"("images":[{"type":"image_url"}])"), "c"},
            {"an escaped key", delta(R"("c\u006fntent":"Hi")"), "c"},
            {"message instead of delta", chunk(R"({"message":{"content":"Hi"}})"), "c"},
            {"Together's text", chunk(R"({"text":"Hi","delta":{"content":""}})"), "c"},
            {"in the second choice",
             chunk(R"({"index":0,"delta":{}},{"index":1,"delta":{"content":"x"}})"), "c"},
            {"white space everywhere",
             " { \"choices\" : [ { \"delta\" : { \"content\" : \"x\" } } ] } ", "c"},
            {"text with the finish reason",
             chunk(R"({"delta":{"content":"x"},"finish_reason":"stop"})"), "cf"},
        });
}

TEST_CASE("Everything that comes before the first content commits nothing") {
    check(
        AnswerShape::chat,
        {
            {"a role", delta(R"("role":"assistant")"), ""},
            {"a role with empty text", delta(R"("role":"assistant","content":"","refusal":null)"),
             ""},
            {"null text", delta(R"("content":null,"reasoning_content":null,"tool_calls":null)"),
             ""},
            {"empty lists", delta(R"("content":[ ],"tool_calls":[],"audio":{},"reasoning":"")"),
             ""},
            {"a call's arguments that are empty",
             delta(R"("tool_calls":[{"index":0,"function":{"arguments":""}}])"), ""},
            {"the same as null",
             delta(R"("tool_calls":[{"index":0,"type":"function","function":{"arguments":null}}])"),
             ""},
            {"the number of a call", delta(R"("tool_calls":[{"index":0}])"), ""},
            {"an empty part", delta(R"("content":[{"type":"text","text":""}])"), ""},
            {"an empty thought in parts",
             delta(R"("content":[{"type":"thinking","thinking":[{"type":"text","text":""}]}])"),
             ""},
            {"OpenRouter's details without text",
             delta(R"("reasoning_details":[{"type":"reasoning.text","text":"",)"
                   R"("format":"anthropic-claude-v1","index":0,"signature":null}])"),
             ""},
            {"names and numbers of things",
             delta(R"("role":"assistant","name":"n","id":"i","index":0,"tool_call_id":"t")"), ""},
            {"flags and numbers under any name", delta(R"("thinking":true,"n":3,"x":null)"), ""},
            {"no delta", chunk(R"({"index":0,"finish_reason":null})"), ""},
            {"a null delta", chunk(R"({"delta":null})"), ""},
            {"an unknown member", delta(R"("provider_specific_fields":{"content":"x"})"), ""},
            {"content in another place", R"({"content":"x","choices":[{"x":{"content":"y"}}]})",
             ""},
            {"Azure's filter results",
             R"({"choices":[],"created":0,"id":"","model":"","object":"",)"
             R"("prompt_filter_results":[{"prompt_index":0,)"
             R"("content_filter_results":{"error":{"code":"x"}}}]})",
             ""},
            {"Azure's late filter results",
             chunk(R"({"finish_reason":null,)"
                   R"("content_filter_results":{"error":{"code":"content_filter_error"}},)"
                   R"("content_filter_offsets":{"check_offset":4}})"),
             ""},
            {"choices that are none", R"({"choices":null})", ""},
            {"an empty object", "{}", ""},
            {"a string", "\"x\"", ""},
            {"an array", "[]", ""},
        });
}

TEST_CASE("A finish reason ends a choice well unless it names a failure") {
    check(AnswerShape::chat, {
                                 {"stop", finish("\"stop\""), "f"},
                                 {"tool calls", finish("\"tool_calls\""), "f"},
                                 {"length", finish("\"length\""), "f"},
                                 {"content filter", finish("\"content_filter\""), "f"},
                                 {"not in OpenAI's set", finish("\"eos\""), "f"},
                                 {"null", finish("null"), ""},
                                 {"an empty string", finish("\"\""), ""},
                                 {"error", finish("\"error\""), "e"},
                                 {"ERROR", finish("\"ERROR\""), "e"},
                                 {"abort", finish("\"abort\""), "e"},
                                 {"no resources", finish("\"insufficient_system_resource\""), "e"},
                                 {"Portkey", finish("\"overloaded_error\""), "e"},
                                 {"a name that only sounds like it", finish("\"error_free\""), "f"},
                             });
}

TEST_CASE("Errors are found at every place where servers put them") {
    check(AnswerShape::chat,
          {
              {"an object", R"({"error":{"message":"x"}})", "e"},
              {"a string", R"({"code":"c","error":"overloaded"})", "e"},
              {"true", R"({"error":true})", "e"},
              {"a status", R"({"error":503})", "e"},
              {"beside choices",
               R"({"error":{"code":502},"choices":[{"delta":{"content":""},)"
               R"("finish_reason":"error"}]})",
               "e"},
              {"in a choice", chunk(R"({"error":{"code":502,"message":"x"}})"), "e"},
              {"Groq", R"({"choices":[],"x_groq":{"id":"r","error":"over capacity"}})", "e"},
              {"vLLM without a wrapper", R"({"object":"error","message":"x","code":400})", "e"},
              {"Anthropic's", R"({"type":"error","error":{"type":"overloaded_error"}})", "e"},
              {"Cloudflare's", R"({"success":false,"errors":[{"code":1}]})", "e"},
              {"null is none",
               R"({"error":null,"choices":[{"error":null}],"x_groq":{"error":null}})", ""},
              {"an empty string is none", R"({"error":""})", ""},
              {"an empty object is none", R"({"error":{ }})", ""},
              {"false is none", R"({"error":false})", ""},
              {"zero is none", R"({"error":0.0e5})", ""},
              {"in the text is none", delta(R"("content":"\"error\":{}")"), "c"},
          });
    CHECK(flags(inspected(AnswerShape::chat, R"({"message":"x"})", "error")) == "e");
    CHECK(flags(inspected(AnswerShape::chat, "overloaded", "error")) == "?e");
    CHECK(flags(inspected(AnswerShape::chat, "[DONE]", "error")) == "e");
    CHECK(flags(inspected(AnswerShape::responses, R"({"type":"error","code":"x"})", "error")) ==
          "e");
}

TEST_CASE("The end marker is known in every spelling") {
    for (const char* data : {"[DONE]", " [DONE] ", "[done]", "[DONE]\n"}) {
        CAPTURE(data);
        CHECK(flags(inspected(AnswerShape::chat, data)) == "d");
    }
    for (const char* data : {"[DONE", "DONE", "[ DONE ]"}) {
        CAPTURE(data);
        CHECK(flags(inspected(AnswerShape::chat, data)) == "?");
    }
}

TEST_CASE("A malformed event says nothing at all") {
    const std::string good = delta(R"("content":"Hi")");
    for (std::size_t cut = 0; cut < good.size(); ++cut) {
        const std::string data(good, 0, cut);
        CAPTURE(data);
        const EventFacts facts = inspected(AnswerShape::chat, data);
        CHECK(flags(facts) == "?");
        CHECK_FALSE(facts.usage);
        CHECK(facts.model.empty());
        CHECK(facts.service_tier.empty());
    }
    check(AnswerShape::chat, {{"two values", good + good, "?"},
                              {"deep nesting", std::string(100'000, '['), "?"},
                              {"text", "hello", "?"}});
}

TEST_CASE("Usage is found at every place and in the order of trust") {
    const auto prompt = [](std::string_view data) -> int {
        const auto usage = inspected(AnswerShape::chat, data).usage;
        return usage ? static_cast<int>(usage->prompt) : -1;
    };
    CHECK(prompt(R"({"choices":[],"usage":{"prompt_tokens":5}})") == 5);
    CHECK(prompt(R"({"choices":[{"delta":{}}],"x_groq":{"usage":{"prompt_tokens":6}}})") == 6);
    CHECK(prompt(R"({"choices":[{"delta":{},"usage":{"prompt_tokens":7}}]})") == 7);
    CHECK(prompt(R"({"message":{"usage":{"input_tokens":8}}})") == 8);
    CHECK(prompt(R"({"response":{"usage":{"input_tokens":9}}})") == 9);
    CHECK(prompt(R"({"x_groq":{"usage":{"prompt_tokens":1}},"usage":{"prompt_tokens":2}})") == 2);
    CHECK(prompt(R"({"usage":{},"x_groq":{"usage":{"prompt_tokens":3}}})") == 3);
    CHECK(prompt(R"({"usage":null,"choices":[]})") == -1);
    CHECK(prompt(R"({"usage":{"prompt_tokens":0,"completion_tokens":0}})") == -1);
}

TEST_CASE("Only usage without choices is there because it was asked for") {
    check(AnswerShape::chat,
          {
              {"the usage chunk", R"({"choices":[],"usage":{"prompt_tokens":5}})", "u"},
              {"the other order", R"({"usage":{"prompt_tokens":5},"choices":[ ]})", "u"},
              {"an empty usage object", R"({"choices":[],"usage":{}})", "u"},
              {"DeepSeek's last chunk",
               chunk(R"({"delta":{},"finish_reason":"stop"})")
                   .replace(0, 1, R"({"usage":{"prompt_tokens":5},)"),
               "f"},
              {"no choices", R"({"usage":{"prompt_tokens":5}})", "u"},
              {"null choices", R"({"choices":null,"usage":{"prompt_tokens":5}})", "u"},
              {"null usage", R"({"choices":[],"usage":null})", ""},
              {"an error", R"({"choices":[],"usage":{"prompt_tokens":5},"error":"x"})", "e"},
          });
}

TEST_CASE("Model and service tier are slices of the event") {
    const std::string data = R"({"model":"gpt-4o-2024","service_tier":"priority","choices":[]})";
    const EventFacts facts = inspected(AnswerShape::chat, data);
    CHECK(facts.model == "gpt-4o-2024");
    CHECK(facts.service_tier == "priority");
    CHECK(facts.model.data() > data.data());
    CHECK(facts.model.data() < data.data() + data.size());
    CHECK(inspected(AnswerShape::chat, R"({"model":null,"service_tier":5})").model.empty());
    CHECK(inspected(AnswerShape::chat, "{}").model.empty());
}

TEST_CASE("Completions commit with text") {
    check(AnswerShape::completion,
          {
              {"text", chunk(R"({"text":"Hi","index":0,"finish_reason":null})"), "c"},
              {"no text", chunk(R"({"text":"","index":0,"finish_reason":null})"), ""},
              {"the end", chunk(R"({"text":"","finish_reason":"stop"})"), "f"},
              {"usage", R"({"choices":[],"usage":{"prompt_tokens":1}})", "u"},
          });
}

TEST_CASE("Events of the responses endpoint are judged by their type") {
    const auto typed = [](std::string_view type, std::string_view rest = {}) {
        return R"({"type":"response.)" + std::string(type) + R"(","sequence_number":1)" +
               (rest.empty() ? "" : ",") + std::string(rest) + "}";
    };
    check(
        AnswerShape::responses,
        {
            {"created", typed("created", R"("response":{"error":null,"usage":null,"output":[]})"),
             ""},
            {"in progress", typed("in_progress"), ""},
            {"a message begins", typed("output_item.added", R"("item":{"type":"message"})"), ""},
            {"reasoning begins", typed("output_item.added", R"("item":{"type":"reasoning"})"), ""},
            {"a call begins",
             typed("output_item.added", R"("item":{"type":"function_call","name":"f"})"), "c"},
            {"a custom call begins",
             typed("output_item.added", R"("item":{"type":"custom_tool_call"})"), "c"},
            {"a part begins",
             typed("content_part.added", R"("part":{"type":"output_text","text":""})"), ""},
            {"text", typed("output_text.delta", R"("delta":"Hi")"), "c"},
            {"no text", typed("output_text.delta", R"("delta":"")"), ""},
            {"a refusal", typed("refusal.delta", R"("delta":"No")"), "c"},
            {"arguments", typed("function_call_arguments.delta", R"("delta":"{")"), "c"},
            {"custom input", typed("custom_tool_call_input.delta", R"("delta":"x")"), "c"},
            {"a summary", typed("reasoning_summary_text.delta", R"("delta":"x")"), "c"},
            {"reasoning", typed("reasoning_text.delta", R"("delta":"x")"), "c"},
            {"an image", typed("image_generation_call.partial_image", R"("partial_image_b64":"x")"),
             "c"},
            {"text in one piece", typed("output_text.done", R"("text":"Hi")"), "c"},
            {"an item in one piece", typed("output_item.done", R"("item":{"type":"message"})"),
             "c"},
            {"an empty thought", typed("output_item.done", R"("item":{"type":"reasoning"})"), ""},
            {"completed", typed("completed", R"("response":{"status":"completed","error":null})"),
             "fd"},
            {"incomplete", typed("incomplete", R"("response":{"status":"incomplete"})"), "fd"},
            {"failed", typed("failed", R"("response":{"error":{"code":"insufficient_quota"}})"),
             "e"},
            {"failed without a reason", typed("failed", R"("response":{"error":null})"), "e"},
            {"a flat error", R"({"type":"error","code":"x","message":"y"})", "e"},
            {"a nested error", R"({"type":"error","error":{"code":"x"}})", "e"},
        });
    CHECK(flags(inspected(AnswerShape::responses, R"({"delta":"x"})",
                          "response.output_text.delta")) == "c");
    // The facts hold slices of it.
    const std::string completed =
        typed("completed",
              R"("response":{"model":"gpt-5","service_tier":"flex","usage":{"input_tokens":3,)"
              R"("output_tokens":4}})");
    const EventFacts facts = inspected(AnswerShape::responses, completed);
    CHECK(facts.model == "gpt-5");
    CHECK(facts.service_tier == "flex");
    REQUIRE(facts.usage);
    CHECK(facts.usage->prompt == 3);
    CHECK(facts.usage->completion == 4);
}

TEST_CASE("Speech, transcription and image streams commit at once and end with their last event") {
    check(AnswerShape::other_json,
          {
              {"a delta", R"({"type":"transcript.text.delta","delta":"Hi"})", "c"},
              {"the end", R"({"type":"transcript.text.done","usage":{"input_tokens":1}})", "cfd"},
              {"a picture", R"({"type":"image_generation.completed","usage":{"input_tokens":1}})",
               "cfd"},
              {"an error", R"({"type":"error","error":{"message":"x"}})", "e"},
          });
}

TEST_CASE("An error that no library of a client raises is known as such") {
    struct Row {
        AnswerShape shape;
        const char* data;
        bool untold;
        bool done;
    };
    using enum AnswerShape;
    for (const auto& row :
         {Row{chat, R"({"choices":[{"delta":{},"finish_reason":"abort"}]})", true, false},
          Row{chat, R"({"choices":[{"delta":{},"error":{"code":502}}]})", true, false},
          Row{chat, R"({"error":{"code":1},"choices":[{"finish_reason":"error"}]})", false, false},
          Row{chat, R"({"choices":[{"finish_reason":"error"}],"error":null})", true, false},
          Row{messages, R"({"type":"error","error":{"type":"overloaded_error"}})", false, false},
          Row{messages, R"({"type":"message_delta","delta":{"stop_reason":"api_error"}})", true,
              false},
          Row{gemini, R"({"candidates":[{"finishReason":"ERROR"}]})", true, false},
          Row{responses, R"({"type":"response.failed","response":{"error":{"code":"x"}}})", false,
              false},
          Row{responses, R"({"type":"response.completed","response":{"status":"failed"}})", true,
              true},
          Row{responses, R"({"type":"response.completed","response":{"status":"cancelled"}})", true,
              true},
          Row{responses, R"({"type":"response.completed","response":{"status":"in_progress"}})",
              true, true},
          Row{responses, R"({"type":"response.completed","response":{"status":"queued"}})", true,
              true},
          Row{responses, R"({"type":"response.completed","response":{"status":"unheard of"}})",
              true, true},
          Row{responses, R"({"type":"response.incomplete","response":{"status":"in_progress"}})",
              true, true},
          Row{messages, R"({"error":{"type":"overloaded_error","message":"m"}})", true, false}}) {
        CAPTURE(row.data);
        const auto facts = inspected(row.shape, row.data);
        CHECK(facts.error);
        CHECK(facts.untold == row.untold);
        CHECK(facts.done == row.done);
    }
}

TEST_CASE("A usage of null is there because usage was asked for") {
    const auto null_usage = [](const char* data) {
        const auto facts = inspected(AnswerShape::chat, data);
        CHECK(facts.asked_for == (facts.null_usage || facts.usage_only));
        return facts.null_usage;
    };
    CHECK(null_usage(R"({"choices":[{"delta":{"content":"a"}}],"usage":null})"));
    CHECK(null_usage(R"({"choices":[],"usage":null})"));
    CHECK_FALSE(null_usage(R"({"choices":[{"delta":{"content":"a"},"usage":null}]})"));
    CHECK_FALSE(null_usage(R"({"choices":[{"delta":{"content":"\"usage\":null"}}]})"));
    CHECK_FALSE(null_usage(R"({"choices":[],"usage":{"prompt_tokens":1}})"));
}

TEST_CASE("A usage event is alone when the envelope is all there is beside it") {
    struct Row {
        const char* data;
        bool alone;
    };
    const Row rows[] = {
        {R"({"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[],"usage":{"prompt_tokens":1}})",
         true},
        {R"({"choices":null,"usage":{"prompt_tokens":1},"system_fingerprint":null,"service_tier":"x"})",
         true},
        {R"({"choices":[],"provider":"P","obfuscation":"ab","usage":{"prompt_tokens":1}})", true},
        {R"({"choices":[],"usage":{"prompt_tokens":1},"timings":{"n":1}})", false},
        {R"({"choices":[],"usage":{"prompt_tokens":1},"x_groq":{"id":"r"}})", false},
        {R"({"choices":[],"usage":{"prompt_tokens":1},"idx":null})", false},
        {R"({"choices":[{"delta":{"content":"a"}}],"usage":{"prompt_tokens":1}})", false},
    };
    for (const Row& row : rows) {
        CAPTURE(row.data);
        EventFacts facts;
        inspect_event(AnswerShape::chat, row.data, {}, facts);
        CHECK(facts.usage_alone == row.alone);
    }
}
