#include "wire/passing_answer.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

using namespace understudy::wire;

namespace {

bool reached(std::string_view text, std::size_t split) {
    PassingAnswer answer(AnswerShape::chat);
    answer.feed(text.substr(0, split));
    answer.feed(text.substr(split));
    return answer.reached();
}

/// "prompt/completion model tier", the same for every way to cut the text in two.
template <class Passing>
std::string told(AnswerShape shape, std::string_view text) {
    std::string first;
    for (std::size_t split = 0; split <= text.size(); ++split) {
        Passing passing(shape);
        passing.feed(text.substr(0, split));
        passing.feed(text.substr(split));
        if constexpr (std::is_same_v<Passing, PassingEvents>) passing.finish();
        const PassingFacts facts = passing.facts();
        std::string said = "-";
        if (facts.usage) {
            said =
                std::to_string(facts.usage->prompt) + "/" + std::to_string(facts.usage->completion);
        }
        said += " " + facts.model + " " + facts.service_tier;
        if (split == 0) first = said;
        CAPTURE(split, text);
        CHECK(said == first);
    }
    return first;
}

}  // namespace

TEST_CASE("Only the last bracket ends a JSON text, however it is cut into pieces") {
    const std::string texts[] = {"{}", R"({"a":[1,{"b":"}"}],"c":"\"]}\\"})",
                                 R"([{"s":"\\\\"},"{[\""])",
                                 "\xEF\xBB\xBF {\"text\":\"\xE2\x80\xA6}\"} \r\n"};
    for (const auto& text : texts) {
        const auto last = text.find_last_of("}]") + 1;
        for (std::size_t size = 0; size <= text.size(); ++size) {
            for (std::size_t split = 0; split <= size; ++split) {
                CAPTURE(text, size, split);
                CHECK(reached(std::string_view(text).substr(0, size), split) == (size >= last));
            }
        }
    }
}

TEST_CASE("An error tells itself in passing, and so does what is no answer") {
    struct Row {
        AnswerShape shape;
        std::string text;
        const char* expected;  // e(rror), a(nswered)
    };
    const std::string page(400, 'x');
    const Row rows[] = {
        {AnswerShape::chat, R"({"error":{"message":"busy"}})", "e"},
        {AnswerShape::chat, R"({"error":{"message":")" + page, "e"},
        {AnswerShape::chat, R"({"error":{"message":")" + std::string(100'000, 'x') + "\"}}", "e"},
        {AnswerShape::chat, R"({"error":{"message":"bu)", ""},
        {AnswerShape::chat, R"({"choices":[{}],"err\u006fr":"x"})", "ea"},
        {AnswerShape::chat, R"({"errors":["x"],"choices":[]})", "ea"},
        {AnswerShape::chat, R"({"error":{"code":200,"message":"OK"},"choices":[{}]})", "a"},
        {AnswerShape::chat, R"({"error":null,"choices":[{"message":{"content":"error"}}]})", "a"},
        {AnswerShape::chat, R"({"choices":[{"message":{"error":"x"}}]})", "a"},
        {AnswerShape::chat, R"({"data":[{"choices":1}]})", ""},
        {AnswerShape::responses, R"({"output":[],"response":{"error":{"code":"x"}}})", "ea"},
        {AnswerShape::embeddings, R"({"object":"list","data":[{}]})", "a"},
        {AnswerShape::messages, R"({"type":"error","error":{"type":"x"}})", "e"},
        {AnswerShape::gemini_list, R"([{"candidates":[]},{"error":{"code":503}}])", "ea"},
        {AnswerShape::gemini, R"({"promptFeedback":{}})", "a"},
        {AnswerShape::opaque, R"({"x":1})", "a"},
    };
    for (const auto& row : rows) {
        CAPTURE(row.text.substr(0, 80));
        for (std::size_t split = 0; split <= std::min<std::size_t>(row.text.size(), 80); ++split) {
            PassingAnswer answer(row.shape);
            answer.feed(std::string_view(row.text).substr(0, split));
            answer.feed(std::string_view(row.text).substr(split));
            CHECK(std::string(answer.error() ? "e" : "") + (answer.answered() ? "a" : "") ==
                  row.expected);
        }
    }
    PassingEvents events(AnswerShape::chat);
    CHECK(events.feed("data: {\"choices\":[]}\n\n"));
    CHECK_FALSE(events.facts().error);
    CHECK(events.feed("data: {\"error\":{\"message\":\"busy\"}}\n\n"));
    CHECK(events.facts().error);
}

TEST_CASE("What is no object has no end") {
    for (const auto* text : {"", " ", "null", "12", "\"text\"", "]", "}", "\"{}\""}) {
        CAPTURE(text);
        CHECK_FALSE(reached(text, 0));
    }
}

TEST_CASE("Usage, model and tier are read at the top of an answer that goes by") {
    struct Row {
        AnswerShape shape;
        const char* text;
        const char* expected;
    };
    for (
        const Row& row : std::vector<Row>{
            {AnswerShape::chat,
             R"({"model":"m","choices":[{"message":{"content":"{\"usage\":{\"prompt_tokens\":9}}"}}],)"
             R"("service_tier":"flex","usage":{"prompt_tokens":1,"completion_tokens":2}})",
             "1/2 m flex"},
            {AnswerShape::messages,
             R"({"model":"m","usage":{"input_tokens":1,"output_tokens":2,"service_tier":"batch"}})",
             "1/2 m batch"},
            {AnswerShape::gemini,
             R"({"usageMetadata":{"promptTokenCount":1,"serviceTier":"fl\u0065x"},"modelVersion":"m"})",
             "1/0 m flex"},
            {AnswerShape::chat,
             R"({"usage" : {"prompt_tokens":1 , "prompt_tokens_details":{"cached_tokens":1}},)"
             R"( "choices":[{"usage":{"prompt_tokens":7},"model":"inner"}], "model" : "m" })",
             "1/0 m "},
            {AnswerShape::chat, R"({"metadata":{"usage":{"prompt_tokens":7},"model":"x"}})", "-  "},
            {AnswerShape::chat, R"({"a":["usage",{"usage":{"prompt_tokens":7}}],"b":"usage"})",
             "-  "},
            {AnswerShape::chat, R"({"usage":null,"x_groq":{"usage":{"prompt_tokens":5}}})",
             "5/0  "},
            {AnswerShape::chat,
             R"({"x_groq":{"usage":{"prompt_tokens":5}},"usage":{"prompt_tokens":6}})", "6/0  "},
            {AnswerShape::chat, R"({"usage":{"prompt_tokens":5},"usage":{"prompt_tokens":6}})",
             "6/0  "},
            {AnswerShape::chat, R"({"usage":{"prompt_tokens":5,"completion_tokens":-1}})", "-  "},
            {AnswerShape::chat, R"({"us\u0061ge":{"prompt_tokens":5},"model":"a\/b"})", "5/0 a/b "},
            {AnswerShape::chat, R"({"usage":{"prompt_tokens":5},"choices":[{"text)", "5/0  "},
            {AnswerShape::responses,
             R"({"response":{"model":"m","usage":{"input_tokens":3,"output_tokens":4}}})",
             "3/4 m "},
            {AnswerShape::responses,
             R"({"response":{"output":[{"usage":{"input_tokens":9}}],"usage":{"input_tokens":3}}})",
             "3/0  "},
            {AnswerShape::messages,
             R"({"content":[{"text":"x"}],"model":"c","usage":{"input_tokens":3,)"
             R"("cache_read_input_tokens":10,"output_tokens":4}})",
             "13/4 c "},
            {AnswerShape::gemini,
             R"({"candidates":[{"usageMetadata":{"promptTokenCount":9}}],"modelVersion":"g",)"
             R"("usageMetadata":{"promptTokenCount":3,"candidatesTokenCount":1}})",
             "3/1 g "},
            {AnswerShape::gemini_list,
             R"([{"usageMetadata":{"promptTokenCount":3,"candidatesTokenCount":1}},)"
             R"({"modelVersion":"g","usageMetadata":{"promptTokenCount":3,)"
             R"("candidatesTokenCount":7}}])",
             "3/7 g "},
            {AnswerShape::chat, R"([{"usage":{"prompt_tokens":5}}])", "-  "},
            {AnswerShape::chat, R"("usage":{"prompt_tokens":5})", "-  "},
        }) {
        CAPTURE(row.text);
        CHECK(told<PassingAnswer>(row.shape, row.text) == row.expected);
    }
}

TEST_CASE("A member too large to be kept is passed over, and what follows is read") {
    std::string text = R"({"usage":{"x":")" + std::string(PassingAnswer::kMostKept, 'x') +
                       R"(","prompt_tokens":5},"model":"m"})";
    PassingAnswer answer(AnswerShape::chat);
    answer.feed(text);
    CHECK(answer.reached());
    CHECK_FALSE(answer.facts().usage);
    CHECK(answer.facts().model == "m");
}

TEST_CASE("Events that go by are read one by one, to the end marker and no further") {
    struct Row {
        const char* text;
        const char* expected;
    };
    for (const Row& row : std::vector<Row>{
             {"\"rest of an event\n\ndata: {\"model\":\"m\",\"choices\":[]}\n\n"
              "data: {\"usage\":{\"prompt_tokens\":1,\"completion_tokens\":2}}\n\ndata: [DONE]\n\n",
              "1/2 m "},
             {"data: {\"usage\":{\"prompt_tokens\":1}}\r\n\r\ndata: "
              "{\"usage\":{\"completion_tokens\":2}}\r\n\r\n",
              "1/2  "},
             {"data:{\"usage\":\ndata:{\"prompt_tokens\":1}}\n\n", "1/0  "},
             {"data: {\"usage\":{\"prompt_tokens\":1}}", "1/0  "},
             {"data: [DONE]\n\ndata: {\"usage\":{\"prompt_tokens\":1}}\n\n", "-  "},
             {"data: {\"usage\":{\"prompt_tokens\":1}}\n\ndata: [done]\n\n"
              "data: {\"usage\":{\"prompt_tokens\":7}}\n\n",
              "1/0  "},
             {": comment {\"usage\":{\"prompt_tokens\":1}}\n\nevent: usage\nid: 1\n\n", "-  "},
             {"event: response.completed\ndata: {\"response\":{\"usage\":{\"input_tokens\":4},"
              "\"service_tier\":\"priority\"}}\n\n",
              "4/0  priority"},
         }) {
        CAPTURE(row.text);
        CHECK(told<PassingEvents>(AnswerShape::chat, row.text) == row.expected);
    }
}

TEST_CASE("What a model wrote in an answer that is passed on is measured: no names, no pictures") {
    const auto text_bytes = [](AnswerShape shape, const std::string& text) {
        std::uint64_t first = 0;
        for (std::size_t split = 0; split <= text.size(); ++split) {
            PassingAnswer answer(shape);
            answer.feed(std::string_view(text).substr(0, split));
            answer.feed(std::string_view(text).substr(split));
            if (split == 0) first = answer.facts().text_bytes;
            CHECK(answer.facts().text_bytes == first);
        }
        return first;
    };
    using enum AnswerShape;
    CHECK(text_bytes(
              chat, R"({"id":"long id","choices":[{"message":{"content":"1234 678"}}],"x":"y"})") ==
          8);
    CHECK(text_bytes(chat, R"({"choices":[{"message":{"content":"1234 67)") == 7);
    CHECK(text_bytes(gemini, R"({"candidates":[{"content":{"parts":[{"text":"12 45"}]}}]})") == 5);
    CHECK(text_bytes(messages, R"({"model":"m","content":[{"text":"12 4"}]})") == 4);
    CHECK(text_bytes(embeddings, R"({"data":[{"embedding":"12 4"}]})") == 0);
    const std::string picture(3000, 'A');
    CHECK(text_bytes(chat, R"({"choices":[{"url":"data:image/png;base64,)" + picture + R"("}]})") <
          32);
}
