// An event of a chat stream, taken apart.
#include "wire/chat_chunk.hpp"

#include <catch2/catch.hpp>

#include <string>
#include <vector>

using namespace understudy::wire;

namespace {

ChatChunk read(std::string_view data) {
    ChatChunk chunk;
    REQUIRE(read_chunk(data, chunk));
    return chunk;
}

std::string delta(std::string_view members) {
    return R"({"choices":[{"index":0,"delta":{)" + std::string(members) + "}}]}";
}

}  // namespace

TEST_CASE("A chunk's envelope, delta, finish and usage are found where they stand") {
    const std::string_view data =
        R"({ "id": "c-1", "object":"chat.completion.chunk", "created": 17, "model":"m\"x",)"
        R"( "system_fingerprint":null, "service_tier":"default", "choices":[ {"index":0,)"
        R"( "delta":{"role":"assistant","content":"Hi"}, "finish_reason":"stop"} ],)"
        R"( "usage":{"prompt_tokens":1}, "x_groq":{"usage":{"prompt_tokens":2}}, "new":[1] } )";
    const ChatChunk chunk = read(data);
    CHECK(chunk.id.of(data) == "\"c-1\"");
    CHECK(chunk.created.of(data) == "17");
    CHECK(chunk.model.of(data) == R"("m\"x")");
    CHECK(chunk.system_fingerprint.of(data) == "null");
    CHECK(chunk.service_tier.of(data) == "\"default\"");
    CHECK(chunk.choices == 1);
    CHECK(chunk.delta.of(data) == R"({"role":"assistant","content":"Hi"})");
    CHECK(chunk.finish_reason.of(data) == "\"stop\"");
    REQUIRE(chunk.usages.size() == 2);
    CHECK(chunk.usages[0].of(data) == R"({"prompt_tokens":1})");
    CHECK(chunk.usages[1].of(data) == R"({"prompt_tokens":2})");
    REQUIRE(chunk.parts.size() == 2);
    CHECK(chunk.key(chunk.parts[1].at, data) == "content");
    CHECK(chunk.members.size() == 10);
    CHECK(data.substr(chunk.object.end - 1, 1) == "}");
}

TEST_CASE("What a member of a delta is to a reader") {
    struct Row {
        const char* members;
        DeltaPart part;
    };
    const std::vector<Row> rows{
        {R"("role":"assistant")", DeltaPart::role},
        {R"("content":"x")", DeltaPart::text},
        {R"("content":" ")", DeltaPart::text},
        {R"("content":[{"type":"text","text":"x"}])", DeltaPart::text},
        {R"("content":"")", DeltaPart::bare},
        {R"("content":null)", DeltaPart::bare},
        {R"("content":[])", DeltaPart::bare},
        {R"("reasoning_content":"x")", DeltaPart::reasoning},
        {R"("reasoning":"x")", DeltaPart::reasoning},
        {R"("reasoning_details":[{"type":"reasoning.text","text":"x"}])", DeltaPart::reasoning},
        {R"("tool_calls":[{"index":0}])", DeltaPart::bare},
        {R"("tool_calls":[{"index":0,"function":{"arguments":""}}])", DeltaPart::bare},
        {R"("tool_calls":[{"index":0,"id":"c"}])", DeltaPart::tool_call},
        {R"("tool_calls":[{"index":0,"function":{"arguments":"{"}}])", DeltaPart::tool_call},
        {R"("tool_calls":[{"function":{"arguments":{"ok":true}}}])", DeltaPart::tool_call},
        {R"("tool_calls":[{"function":{"arguments":{"status":"on","why":""}}}])",
         DeltaPart::tool_call},
        {R"("tool_calls":[])", DeltaPart::bare},
        {R"("function_call":{"name":"f"})", DeltaPart::tool_call},
        {R"("refusal":"no")", DeltaPart::other},
        {R"("refusal":null)", DeltaPart::bare},
        {R"("audio":{"id":"a"})", DeltaPart::other},
        {R"("something_new":"x")", DeltaPart::other},
        {R"("name":"x")", DeltaPart::bare},
    };
    for (const Row& row : rows) {
        CAPTURE(row.members);
        const auto chunk = read(delta(row.members));
        REQUIRE(chunk.parts.size() == 1);
        CHECK(chunk.parts[0].part == row.part);
        CHECK(chunk.content() == (row.part != DeltaPart::bare && row.part != DeltaPart::role));
    }
}

TEST_CASE("What stands in the way of a continuation is seen") {
    CHECK(read(R"({"choices":[{"index":1,"delta":{"content":"x"}}]})").other_choice);
    CHECK(read(R"({"choices":[{"index":0,"delta":{}},{"index":1,"delta":{}}]})").choices == 2);
    CHECK(read(R"({"choices":[{"delta":{},"logprobs":{"content":[]}}]})").logprobs);
    CHECK_FALSE(read(R"({"choices":[{"delta":{},"logprobs":null}]})").logprobs);
    CHECK(read(R"({"error":{"message":"x"}})").error);
    CHECK_FALSE(read(R"({"error":null,"choices":[]})").error);
    CHECK(read(R"({"choices":[{"delta":{},"finish_reason":""}]})").finish_reason.size() == 0);
    CHECK(read(R"({"choices":[{"delta":{},"finish_reason":null}]})").finish_reason.size() == 0);
    CHECK(read(R"({"choices":[],"usage":null})").usages.empty());
    CHECK(read(R"({"choices":null})").choices == 0);
    CHECK(read(R"({"choices":[{"delta":null}]})").parts.empty());
}

TEST_CASE("What is no JSON object is no chunk, and leaves nothing of the one before") {
    ChatChunk chunk = read(delta(R"("content":"x")"));
    for (const char* data : {"", "[DONE]", "{", "{\"a\":1}x",
                             "{\"choices\":[{\"delta\":{\"content\":\"}", "\"x\"", "null"}) {
        CAPTURE(data);
        CHECK_FALSE(read_chunk(data, chunk));
    }
    REQUIRE(read_chunk("{}", chunk));
    CHECK(chunk.parts.empty());
    CHECK(chunk.choices == 0);
}

TEST_CASE("Text and thoughts are taken out of strings and out of lists of parts") {
    struct Row {
        const char* value;
        bool reasoning;
        const char* text;
        const char* thought;
    };
    const std::vector<Row> rows{
        {R"("a\nb")", false, "a\nb", ""},
        {R"("a")", true, "", "a"},
        {R"([{"type":"text","text":"a"},{"text":"b","type":"text"}])", false, "ab", ""},
        // Mistral
        {R"([{"type":"thinking","thinking":[{"type":"text","text":"t"}]},{"type":"text","text":"a"}])",
         false, "a", "t"},
        // OpenRouter, LiteLLM
        {R"([{"type":"reasoning.text","text":"t","signature":"s"}])", true, "", "t"},
        {R"([{"type":"reasoning.summary","summary":"t"},{"type":"reasoning.encrypted","data":"d"}])",
         true, "", "t"},
        {R"([{"type":"thinking","thinking":"t","signature":"s"}])", true, "", "t"},
        {"[]", false, "", ""},
        {"null", false, "", ""},
    };
    for (const Row& row : rows) {
        CAPTURE(row.value);
        std::string text;
        std::string thought;
        append_part(row.value, row.reasoning, text, thought);
        CHECK(text == row.text);
        CHECK(thought == row.thought);
    }
}

TEST_CASE("The end marker, as servers write it") {
    for (const char* data : {"[DONE]", " [DONE]", "[done]", "[DONE] "}) CHECK(is_done_event(data));
    for (const char* data : {"", "DONE", "{}", "[DON"}) CHECK_FALSE(is_done_event(data));
}
