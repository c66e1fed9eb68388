// Answers of Bedrock's Converse, whole and event by event.
#include "event_flags.hpp"

#include "wire/answer_traits.hpp"
#include "wire/event_inspector.hpp"

#include <string>
#include <string_view>

using namespace understudy::wire;
using namespace understudy::wire::test;

namespace {

std::string answer(std::string_view content, std::string_view reason = "end_turn") {
    return R"({"output":{"message":{"role":"assistant","content":)" + std::string(content) +
           R"(}},"stopReason":")" + std::string(reason) +
           R"(","usage":{"inputTokens":5,"outputTokens":3,"totalTokens":8},)"
           R"("metrics":{"latencyMs":7}})";
}

/// The problem of a whole answer; empty: it is one.
std::string problem_of(std::string_view body) {
    const auto facts = inspect_answer(AnswerShape::converse, body);
    const bool good = facts.well_formed && facts.complete && !facts.error_inside;
    CHECK(good == (facts.problem == nullptr));
    return facts.problem == nullptr ? "" : facts.problem;
}

/// As event_flags writes them: c commits, f finish, d done, e error.
std::string flags_of(std::string_view name, std::string_view data) {
    EventFacts facts;
    inspect_event(AnswerShape::converse, data, name, facts);
    return flags(facts);
}

std::string delta(std::string_view members) {
    return R"({"contentBlockIndex":0,"delta":{)" + std::string(members) + R"(},"p":"abc"})";
}

}  // namespace

TEST_CASE("A whole answer of Converse has a message") {
    CHECK(problem_of(answer(R"([{"text":"Hi"}])")).empty());
    CHECK(problem_of(answer("[]")).empty());
    CHECK(problem_of(answer(R"([{"text":"H"}])", "malformed_tool_use")).empty());
    CHECK(problem_of(answer("[]", "malformed_model_output")) == "no answer was made");
    CHECK(problem_of(R"({"message":"The model is not ready"})") == "no output.message");
    CHECK(problem_of(R"({"output":{},"stopReason":"end_turn"})") == "no output.message");
    CHECK(problem_of(answer("{}")) == "no output.message");
    CHECK(problem_of(answer("[]").substr(0, 40)) == "truncated JSON");
    CHECK(problem_of("") == "empty body");
    CHECK(
        problem_of(R"({"Output":{"__type":"com.amazon.coral.service#UnknownOperationException"}})")
            .size() > 0);
    const auto facts = inspect_answer(AnswerShape::converse, answer(R"([{"text":"Hi"}])"));
    REQUIRE(facts.usage);
    CHECK(facts.usage->prompt == 5);
    CHECK(facts.usage->completion == 3);
    CHECK(facts.finish_reason == "end_turn");
}

TEST_CASE("Events of Converse commit with what they carry and end with the counts") {
    struct Row {
        std::string_view name;
        std::string data, expected;
    };
    const Row rows[] = {
        {"messageStart", R"({"role":"assistant"})", ""},
        {"contentBlockDelta", delta(R"("text":"Hi")"), "c"},
        {"contentBlockDelta", delta(R"("text":"")"), ""},
        {"contentBlockDelta", delta(R"("reasoningContent":{"text":"Hm"})"), "c"},
        {"contentBlockDelta", delta(R"("toolUse":{"input":"{"})"), "c"},
        {"contentBlockDelta", delta(R"("novelty":{"a":1})"), "c"},
        {"contentBlockStart", R"({"start":{"toolUse":{"toolUseId":"t","name":"f"}}})", "c"},
        {"contentBlockStart", R"({"start":{},"contentBlockIndex":0})", ""},
        {"contentBlockStop", R"({"contentBlockIndex":0})", ""},
        {"messageStop", R"({"stopReason":"end_turn"})", "f"},
        {"messageStop", R"({"stopReason":"tool_use","additionalModelResponseFields":{}})", "f"},
        {"messageStop", R"({"stopReason":"malformed_model_output"})", "e"},
        {"messageStop", R"({})", ""},
        {"metadata", R"({"usage":{"inputTokens":1,"outputTokens":1},"metrics":{}})", "d"},
        {"metadata", R"({"metrics":{"latencyMs":1}})", "d"},
        {"error", R"({"__type":"throttlingException","message":"Slow"})", "e"},
        {"somethingNew", R"({"stopReason":"end_turn","delta":{"text":"x"}})", ""},
    };
    for (const auto& row : rows) {
        CAPTURE(row.name, row.data);
        const auto seen = flags_of(row.name, row.data);
        CHECK(seen == row.expected);
    }
    EventFacts facts;
    inspect_event(AnswerShape::converse,
                  R"({"usage":{"inputTokens":4,"outputTokens":2,"cacheReadInputTokens":1}})",
                  "metadata", facts);
    REQUIRE(facts.usage);
    CHECK(facts.usage->prompt == 5);
    inspect_event(AnswerShape::converse, R"({"stopReason":"malformed_tool_use"})", "messageStop",
                  facts);
    CHECK(facts.vain_end);  // behind content it is an end like any other
}

TEST_CASE("Events of Converse that repeat each other are known again, padding and all") {
    EventInspector inspector(AnswerShape::converse);
    for (const auto* text : {"One", " two", " three"}) {
        const auto data = R"({"contentBlockIndex":0,"delta":{"text":")" + std::string(text) +
                          R"("},"p":")" + std::string(5, 'a') + "\"}";
        CHECK(inspector.inspect(data, "contentBlockDelta").commits);
    }
    CHECK(inspector.repeats() == 2);
    CHECK_FALSE(
        inspector
            .inspect(R"({"contentBlockIndex":0,"delta":{"text":""},"p":"a"})", "contentBlockDelta")
            .commits);
}
