// Answers that are not written as Chat Completions' are: nothing of them is lost without a word.
#include "tests/unit/dialects/odd_answers.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <string>

using namespace understudy;
using namespace understudy::dialects;
using namespace understudy::dialects::test;
using nlohmann::json;
using wire::AnswerShape;
using wire::Dialect;

TEST_CASE("The arguments of a call may be cut inside a character, too") {
    const auto piece = [](const std::string& arguments) {
        return R"({"id":"c","choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"x",)"
               R"("function":{"name":"f","arguments":")" +
               arguments + R"("}}]}}]})";
    };
    const auto out = streamed(AnswerShape::messages, Dialect::chat,
                              {piece(R"({\"a\":\"\ud83d)"), piece(R"(\ude00\"})"), "[DONE]"});
    CHECK(joined(out, "partial_json") == "{\"a\":\"\xF0\x9F\x98\x80\"}");
}

TEST_CASE("What is no UTF-8 in an answer becomes the sign for that, in a request it is refused") {
    const auto broken = chat_text(
        "a\xFF"
        "b");
    const auto out = streamed(AnswerShape::messages, Dialect::chat, {broken, "[DONE]"});
    CHECK(joined(out, "text") ==
          "a\xEF\xBF\xBD"
          "b");
    const auto translation = asked(AnswerShape::messages, Dialect::chat, false);
    const auto whole = json::parse(
        translation->whole("{\"id\":\"c\",\"choices\":[{\"message\":{\"content\":\"a\xC3\"}}]}"));
    CHECK(whole["content"][0]["text"] == "a\xEF\xBF\xBD");
    CHECK(translation->lost() == nullptr);
    Ask ask;
    ask.body = "{\"messages\":[{\"role\":\"user\",\"content\":\"\xE9\"}]}";
    Target target;
    target.dialect = Dialect::messages;
    target.model = "m";
    Outgoing outgoing;
    std::unique_ptr<Translation> none;
    const auto problem = translate(ask, target, outgoing, none);
    REQUIRE(problem);
    CHECK(problem->kind == Problem::Kind::bad_request);
    CHECK(problem->what == "its text is no UTF-8");
}

TEST_CASE("A call in the form before tools is a call") {
    const auto piece = [](const std::string& call, const std::string& more = {}) {
        return R"({"id":"c","choices":[{"index":0,"delta":{"function_call":)" + call + "}" + more +
               "}]}";
    };
    const auto out = streamed(AnswerShape::messages, Dialect::chat,
                              {piece(R"({"name":"f","arguments":""})"),
                               piece(R"({"arguments":"{\"a\":"})"), piece(R"({"arguments":"1}"})"),
                               piece("null", R"(,"finish_reason":"function_call")"), "[DONE]"});
    CHECK(joined(out, "partial_json") == R"({"a":1})");
    CHECK(joined(out, "stop_reason") == "tool_use");
    const auto whole =
        json::parse(asked(AnswerShape::responses, Dialect::chat, false)
                        ->whole(R"({"id":"c","choices":[{"message":{"content":null,)"
                                R"("function_call":{"name":"f","arguments":"{}"}}}]})"));
    CHECK(whole["output"][0]["type"] == "function_call");
    CHECK(whole["output"][0]["name"] == "f");
    CHECK(whole["output"][0]["arguments"] == "{}");
}

TEST_CASE("Clients that insist on numbers get an estimate where the upstream counts nothing") {
    const std::string text(39, 'x');
    auto out = streamed(AnswerShape::messages, Dialect::chat, {chat_text(text), "[DONE]"});
    const auto last = json::parse(
        out.substr(out.rfind("{\"type\":\"message_delta\""))
            .substr(0, out.substr(out.rfind("{\"type\":\"message_delta\"")).find('\n')));
    CHECK(last["usage"]["output_tokens"] == 10);
    CHECK(last["usage"]["input_tokens"].get<int>() > 10);
    const std::string answer =
        R"({"id":"c","choices":[{"message":{"content":")" + text + R"("}}]})";
    const auto whole =
        json::parse(asked(AnswerShape::responses, Dialect::chat, false)->whole(answer));
    CHECK(whole["usage"]["output_tokens"] == 10);
    CHECK(whole["usage"]["input_tokens"].get<int>() > 5);
    // The libraries of the others do without.
    out = streamed(AnswerShape::gemini, Dialect::chat, {chat_text(text), "[DONE]"});
    CHECK(out.find("usageMetadata") == std::string::npos);
}

TEST_CASE("Words between the pieces of a call stand behind it, and nothing is lost") {
    const auto call = [](const std::string& arguments) {
        return R"({"id":"c","choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"x",)"
               R"("function":{"name":"f","arguments":")" +
               arguments + R"("}}]}}]})";
    };
    auto out = streamed(
        AnswerShape::messages, Dialect::chat,
        {call(R"({\"a\":)"), chat_text("in "), chat_text("between"), call("1}"), "[DONE]"});
    CHECK(joined(out, "partial_json") == R"({"a":1})");
    CHECK(joined(out, "text") == "in between");
    CHECK(out.find("in between") > out.find("\"1}\""));
    // Behind a call that is whole they come at once.
    out =
        streamed(AnswerShape::messages, Dialect::chat, {call("{}"), chat_text("behind"), "[DONE]"});
    CHECK(joined(out, "text") == "behind");
    // And what comes for that call then can be told no more.
    const auto translation = asked(AnswerShape::messages, Dialect::chat, true);
    out.clear();
    CHECK(translation->event(call("{}"), {}, out));
    CHECK(translation->event(chat_text("behind"), {}, out));
    CHECK_FALSE(translation->event(call("more"), {}, out));
    CHECK(translation->lost() != nullptr);
}

TEST_CASE("A list in a stream of Chat is no end: it is read by its elements") {
    auto out = streamed(AnswerShape::messages, Dialect::chat,
                        {chat_text("a"), "[]", chat_text("b"), "[DONE]"});
    CHECK(joined(out, "text") == "ab");
    out = streamed(AnswerShape::messages, Dialect::chat,
                   {chat_text("a"), R"([{"error":{"code":503,"message":"overloaded"}}])"});
    CHECK(out.find("overloaded") != std::string::npos);
    CHECK(out.find("message_stop") == std::string::npos);
}

TEST_CASE("An event that holds two objects is read as none, not up to the first one's end") {
    const auto translation = asked(AnswerShape::messages, Dialect::chat, true);
    std::string out;
    CHECK_FALSE(translation->event(chat_text("a") + "\n" + chat_text("b"), {}, out));
    CHECK(translation->event("hello", {}, out));  // no object at all
}

TEST_CASE("An error that a server has no other word for than a finish is told as one") {
    const auto out = streamed(
        AnswerShape::messages, Dialect::chat,
        {chat_text("a"), R"({"id":"c","choices":[{"index":0,"delta":{},"finish_reason":"error"}]})",
         "[DONE]"});
    CHECK(out.find("event: error") != std::string::npos);
    CHECK(out.find("message_stop") == std::string::npos);
}

TEST_CASE("Calls of a whole answer are as many as there are, whatever their ids") {
    const std::string call = R"({"id":"x","function":{"name":"f","arguments":"{}"}})";
    const auto whole =
        json::parse(asked(AnswerShape::messages, Dialect::chat, false)
                        ->whole(R"({"id":"c","choices":[{"message":{"tool_calls":[)" + call + "," +
                                call + "]}}]}"));
    CHECK(whole["content"].size() == 2);
}

TEST_CASE("Half a character is told as the sign for that wherever it stands in a stream") {
    const std::string said = "a\xEF\xBF\xBD b\xEF\xBF\xBD";
    for (const auto client : {AnswerShape::messages, AnswerShape::gemini, AnswerShape::responses}) {
        const auto out = streamed(client, Dialect::chat,
                                  {chat_text(R"(a\ude00 )"), chat_text(R"(b\ud83d)"), "[DONE]"});
        CAPTURE(out);
        const bool of_responses = client == AnswerShape::responses;
        CHECK(joined(out, of_responses ? "delta" : "text").starts_with(said));
        if (!of_responses) continue;
        // All that repeats it says the same: the part, the item, the whole.
        const auto texts = joined(out, "text");
        CHECK(texts.find(said) != std::string::npos);
        CHECK(out.find("\\ud83d") == std::string::npos);
        CHECK(out.find("\\ude00") == std::string::npos);
    }
}

TEST_CASE("Thoughts under one name are not lost for an empty text under the other") {
    for (const auto* delta : {R"({"reasoning_content":"","reasoning":"So."})",
                              R"({"reasoning":"So.","reasoning_content":""})",
                              R"({"reasoning":"So.","reasoning_content":"So."})"}) {
        CAPTURE(delta);
        const auto stream =
            streamed(AnswerShape::gemini, Dialect::chat,
                     {R"({"id":"c","choices":[{"index":0,"delta":)" + std::string(delta) + "}]}",
                      R"({"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]})", "[DONE]"});
        CHECK(joined(stream, "text") == "So.");
    }
}

TEST_CASE("Arguments that stand on several lines stay within one event of Google's") {
    const auto stream = streamed(
        AnswerShape::gemini, Dialect::chat,
        {R"({"id":"c","choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"a",)"
         R"("function":{"name":"f","arguments":"{\r\n  \"a\": \"b\\nc\"\n}"}}]}}]})",
         R"({"choices":[{"index":0,"delta":{},"finish_reason":"tool_calls"}]})", "[DONE]"});
    CHECK(joined(stream, "a") == "b\nc");
    CHECK(joined(stream, "finishReason") == "STOP");
}
