#include "wire/answer.hpp"

#include <catch2/catch.hpp>

#include <string>
#include <vector>

using namespace understudy::wire;

namespace {

struct Row {
    const char* title;
    AnswerShape shape;
    std::string body;
    const char* problem;  // nullptr: an answer
};

std::string message(std::string_view content = R"({"type":"text","text":"Four."})") {
    return R"({"id":"msg_1","type":"message","role":"assistant","model":"claude-x-1","content":[)" +
           std::string(content) +
           R"(],"stop_reason":"end_turn","stop_sequence":null,"usage":{"input_tokens":120,)"
           R"("cache_creation_input_tokens":2048,"cache_read_input_tokens":4096,)"
           R"("cache_creation":{"ephemeral_5m_input_tokens":2048,"ephemeral_1h_input_tokens":0},)"
           R"("output_tokens":310,"output_tokens_details":{"thinking_tokens":190},)"
           R"("server_tool_use":{"web_search_requests":0},"service_tier":"standard"}})";
}

std::string candidate(std::string_view members) {
    return R"({"candidates":[{)" + std::string(members) +
           R"(}],"usageMetadata":{"promptTokenCount":29,"candidatesTokenCount":15,)"
           R"("thoughtsTokenCount":804,"totalTokenCount":848},"modelVersion":"gemini-x"})";
}

const std::string kText =
    R"("content":{"parts":[{"text":"x"}],"role":"model"},"finishReason":"STOP")";

}  // namespace

TEST_CASE("A whole message gives usage, model and reason; its input does not include the cache") {
    const auto facts = inspect_answer(AnswerShape::messages, message());
    CHECK(facts.complete);
    CHECK(facts.problem == nullptr);
    REQUIRE(facts.usage);
    CHECK(*facts.usage == Usage{120 + 2048 + 4096, 310, 4096, 2048, 190, std::nullopt});
    CHECK(facts.model == "claude-x-1");
    CHECK(facts.finish_reason == "end_turn");
    CHECK(facts.service_tier == "standard");
}

TEST_CASE("A whole candidate gives usage, model and reason") {
    const auto facts = inspect_answer(AnswerShape::gemini, candidate(kText));
    CHECK(facts.complete);
    REQUIRE(facts.usage);
    CHECK(*facts.usage == Usage{29, 819, 0, 0, 804, std::nullopt});
    CHECK(facts.model == "gemini-x");
    CHECK(facts.finish_reason == "STOP");
    CHECK(facts.service_tier.empty());
}

TEST_CASE("The tier of service is told at the top, else in the usage block") {
    using enum AnswerShape;
    struct Row {
        AnswerShape shape;
        const char *answer, *tier;
    };
    for (const Row& row : std::vector<Row>{
             {messages, R"({"usage":{"input_tokens":1,"service_tier":"batch"}})", "batch"},
             {messages, R"({"usage":{"input_tokens":1,"service_tier":null}})", ""},
             {messages, R"({"usage":{"input_tokens":1,"service_tier":["batch"]}})", ""},
             {gemini, R"({"usageMetadata":{"serviceTier":"flex","promptTokenCount":1}})", "flex"},
             {gemini, R"({"usageMetadata":{"promptTokenCount":1,"serviceTier":1}})", ""},
             {chat, R"({"service_tier":"flex","usage":{"service_tier":"priority"}})", "flex"},
             {chat, R"({"usage":{"service_tier":"priority"},"service_tier":"flex"})", "flex"},
             {chat, R"({"usage":{"service_tier":"priority"},"service_tier":null})", "priority"},
             {converse, R"({"usage":{"inputTokens":1},"serviceTier":{"type":"flex"}})", "flex"},
             {converse, R"({"usage":{"inputTokens":1},"serviceTier":{"type":null}})", ""},
             {converse, R"({"usage":{"inputTokens":1},"serviceTier":"flex"})", ""}}) {
        CAPTURE(row.answer);
        CHECK(inspect_answer(row.shape, row.answer).service_tier == row.tier);
        if (row.shape == converse) continue;
        EventFacts facts;
        inspect_event(row.shape, row.answer, {}, facts);
        CHECK(facts.service_tier == row.tier);
    }
    EventFacts facts;
    inspect_event(messages,
                  R"({"type":"message_start","message":{"usage":{"service_tier":"priority"}}})", {},
                  facts);
    CHECK(facts.service_tier == "priority");
    inspect_event(converse, R"({"usage":{},"serviceTier":{"type":"flex"}})", "metadata", facts);
    CHECK(facts.service_tier == "flex");
}

TEST_CASE("An answer of another API is one when it has what that API gives") {
    using enum AnswerShape;
    const std::string error = R"({"error":{"code":429,"status":"RESOURCE_EXHAUSTED"}})";
    const std::vector<Row> rows{
        {"a message", messages, message(), nullptr},
        {"a refusal says nothing", messages, message(""), nullptr},
        {"no content", messages, R"({"type":"message","role":"assistant"})", "no content"},
        {"content that is text", messages, R"({"content":"x"})", "no content"},
        {"an error", messages, R"({"type":"error","error":{"type":"api_error","message":"m"}})",
         "error object inside"},
        {"a chat answer", messages, R"({"choices":[{"message":{"content":"x"}}]})", "no content"},
        {"a page", messages, "<html>", "HTML"},
        {"a cut one", messages, message().substr(0, 80), "truncated JSON"},
        {"a count", messages_count, R"({"input_tokens":12})", nullptr},
        {"an error in place of it", messages_count, R"({"type":"error","error":{"type":"x"}})",
         "error object inside"},
        {"a candidate", gemini, candidate(kText), nullptr},
        {"only a reason", gemini, candidate(R"("finishReason":"MAX_TOKENS")"), nullptr},
        {"no reason in so many words", gemini,
         candidate(R"("finishReason":"FINISH_REASON_UNSPECIFIED")"), "candidate without content"},
        {"a refused prompt", gemini, R"({"promptFeedback":{"blockReason":"SAFETY"}})", nullptr},
        {"an empty candidate", gemini, candidate(R"("index":0)"), "candidate without content"},
        {"none", gemini, R"({"candidates":[]})", "empty candidates"},
        {"nothing", gemini, R"({"modelVersion":"x"})", "no candidates"},
        {"an error", gemini, error, "error object inside"},
        {"a call that cannot be read", gemini,
         candidate(R"("finishReason":"MALFORMED_FUNCTION_CALL")"), "no answer was made"},
        {"one behind text", gemini,
         candidate(
             R"("content":{"parts":[{"text":"x"}]},"finishReason":"MALFORMED_FUNCTION_CALL")"),
         nullptr},
        {"a list", gemini, "[" + candidate(kText) + "]", "not a JSON object"},
        {"a count", gemini_count, R"({"totalTokens":31})", nullptr},
    };
    for (const Row& row : rows) {
        INFO(row.title);
        const auto facts = inspect_answer(row.shape, row.body);
        CHECK(std::string(facts.problem == nullptr ? "" : facts.problem) ==
              (row.problem == nullptr ? "" : row.problem));
        CHECK((facts.complete && !facts.error_inside) == (row.problem == nullptr));
    }
}

TEST_CASE("A list of chunks is whole when one of them says how it ended") {
    const std::string first =
        R"({"candidates":[{"content":{"parts":[{"text":"a"}]}}],"usageMetadata":)"
        R"({"promptTokenCount":29,"totalTokenCount":29},"modelVersion":"gemini-x"})";
    const auto judged = [](const std::string& body) {
        return inspect_answer(AnswerShape::gemini_list, body);
    };
    const auto facts = judged("[" + first + "\n,\r\n" + candidate(kText) + "\n]\n");
    CHECK(facts.complete);
    CHECK(facts.problem == nullptr);
    REQUIRE(facts.usage);
    CHECK(*facts.usage == Usage{29, 819, 0, 0, 804, std::nullopt});
    CHECK(facts.model == "gemini-x");
    CHECK_FALSE(judged("[" + first + "]").complete);
    CHECK(std::string(judged("[" + first + "]").problem) == "no finishReason");
    CHECK_FALSE(judged("[]").complete);
    CHECK(std::string(judged("[" + first + ",").problem) == "truncated JSON");
    CHECK_FALSE(judged("[" + first + "] x").well_formed);
    CHECK(judged(R"([{"error":{"code":429,"message":"m"}}])").error_inside);
    CHECK(judged("[" + first + R"(,{"error":{"code":503,"message":"m"}}])").error_inside);
    CHECK(judged("[1]").error_inside);
    CHECK(judged("[" + candidate(R"("finishReason":"UNEXPECTED_TOOL_CALL")") + "]").error_inside);
    CHECK_FALSE(
        judged("[" + first + "," + candidate(R"("finishReason":"UNEXPECTED_TOOL_CALL")") + "]")
            .error_inside);
    // What refuses the whole may come without the list around it.
    CHECK(judged(R"({"error":{"code":400,"message":"m"}})").error_inside);
}
