// Answers that are not written as their API says, whichever it is: nothing of them is lost without
// a word.
#include "tests/unit/dialects/odd_answers.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <string>
#include <utility>
#include <vector>

using namespace understudy;
using namespace understudy::dialects;
using namespace understudy::dialects::test;
using nlohmann::json;
using wire::AnswerShape;
using wire::Dialect;

TEST_CASE("A character cut between two deltas arrives as one, for every client") {
    const std::string emoji =
        "a\xF0\x9F\x98\x80"
        "b";
    for (const auto& [client, name] :
         {std::pair<AnswerShape, std::string>{AnswerShape::messages, "text"},
          {AnswerShape::responses, "delta"},
          {AnswerShape::gemini, "text"}}) {
        const auto out = streamed(client, Dialect::chat,
                                  {chat_text(R"(a\ud83d)"), chat_text(R"(\ude00b)"), "[DONE]"});
        CAPTURE(out);
        CHECK(joined(out, name) == emoji);
    }
    const auto out = streamed(AnswerShape::chat, Dialect::messages,
                              {messages_delta(R"({"type":"text_delta","text":"a\ud83d"})"),
                               messages_delta(R"({"type":"text_delta","text":"\ude00b"})"),
                               R"({"type":"message_stop"})"});
    CHECK(joined(out, "content") == emoji);
}

TEST_CASE("Half a character whose other half never comes is told as the sign for that") {
    const std::string sign = "a\xEF\xBF\xBD";
    auto out = streamed(
        AnswerShape::chat, Dialect::messages,
        {messages_delta(R"({"type":"text_delta","text":"a\ud83d"})"),
         messages_delta(R"({"type":"thinking_delta","thinking":"t"})"),
         messages_delta(R"({"type":"text_delta","text":"b"})"), R"({"type":"message_stop"})"});
    CHECK(joined(out, "content") == sign + "b");
    CHECK(joined(out, "reasoning_content") == "t");
    out = streamed(AnswerShape::messages, Dialect::chat, {chat_text(R"(a\ud83d)"), "[DONE]"});
    CHECK(joined(out, "text") == sign);
    out = streamed(AnswerShape::messages, Dialect::chat,
                   {chat_text(R"(a\ud83d)"), chat_text("b"), "[DONE]"});
    CHECK(joined(out, "text") == sign + "b");
    // A backslash in front of it makes letters of it.
    out = streamed(AnswerShape::messages, Dialect::chat, {chat_text(R"(a\\ud83d)"), "[DONE]"});
    CHECK(joined(out, "text") == "a\\ud83d");
}

TEST_CASE("What should be a text and is none is told as its JSON") {
    struct Row {
        Dialect upstream;
        std::vector<std::string> events;
        std::string name, said;
    };
    const std::string item =
        R"({"type":"response.output_item.done","output_index":0,"item":{"type":"function_call","call_id":"x","name":"f","arguments":)";
    const std::string completed =
        R"({"type":"response.completed","response":{"id":"r","status":"completed","output":[]}})";
    const Row rows[] = {
        {Dialect::chat,
         {R"({"id":"c","choices":[{"delta":{"content":7}}]})", "[DONE]"},
         "text",
         "7"},
        {Dialect::messages,
         {messages_delta(R"({"type":"text_delta","text":7})"), R"({"type":"message_stop"})"},
         "content",
         "7"},
        {Dialect::gemini, {gemini_parts(R"({"text":{"a":1}})")}, "content", R"({"a":1})"},
        {Dialect::gemini,
         {gemini_parts(R"({"functionCall":{"name":"f","args":"{\"a\":1}"}})")},
         "arguments",
         R"({"a":1})"},
        {Dialect::gemini,
         {gemini_parts(R"({"functionCall":{"name":"f","args":[1]}})")},
         "arguments",
         "[1]"},
        {Dialect::responses, {item + R"({"a":1}}})", completed}, "arguments", R"({"a":1})"},
        {Dialect::responses,
         {R"({"type":"response.output_text.delta","output_index":0,"delta":7})", completed},
         "content",
         "7"},
    };
    for (const auto& row : rows) {
        CAPTURE(row.events.front());
        const auto out = streamed(other_than(row.upstream), row.upstream, row.events);
        CHECK(joined(out, row.name) == row.said);
    }
}

TEST_CASE("A call of nobody is no answer: it is not left out in silence") {
    struct Row {
        Dialect upstream;
        std::string event, whole;
    };
    const std::string no_name = R"({"type":"function_call","call_id":"x","arguments":"{}"})";
    const std::string use = R"({"type":"tool_use","id":"x","input":{"a":1}})";
    const std::string call = R"([{"index":0,"id":"x","function":{"arguments":"{}"}}])";
    const Row rows[] = {
        {Dialect::chat, R"({"id":"c","choices":[{"delta":{"tool_calls":)" + call + "}}]}",
         R"({"id":"c","choices":[{"message":{"tool_calls":)" + call + "}}]}"},
        {Dialect::messages,
         R"({"type":"content_block_start","index":0,"content_block":)" + use + "}",
         R"({"id":"m","content":[)" + use + "]}"},
        {Dialect::gemini, gemini_parts(R"({"functionCall":{"args":{"a":1}}})"),
         gemini_parts(R"({"functionCall":"f"})")},
        {Dialect::responses,
         R"({"type":"response.output_item.added","output_index":0,"item":)" + no_name + "}",
         R"({"id":"r","status":"completed","output":[)" + no_name + "]}"},
    };
    for (const auto& row : rows) {
        CAPTURE(row.event);
        const auto client = other_than(row.upstream);
        std::string out;
        const auto stream = asked(client, row.upstream, true);
        CHECK_FALSE(stream->event(row.event, {}, out));
        CHECK(stream->lost() == std::string("it calls a tool without a name"));
        const auto plain = asked(client, row.upstream, false);
        static_cast<void>(plain->whole(row.whole));
        CHECK(plain->lost() != nullptr);
    }
}

TEST_CASE("A whole answer that does not say how it ended is told without a reason") {
    const std::string chat =
        R"({"id":"c","choices":[{"message":{"content":"Hi"},"finish_reason":null}]})";
    const std::string messages =
        R"({"id":"m","type":"message","content":[{"type":"text","text":"Hi"}],"stop_reason":null})";
    const std::string gemini = R"({"candidates":[{"content":{"parts":[{"text":"Hi"}]}}]})";
    const std::string converse = R"({"output":{"message":{"content":[{"text":"Hi"}]}}})";
    const std::string responses =
        R"({"id":"r","output":[{"type":"message","content":[{"type":"output_text","text":"Hi"}]}]})";
    for (const auto& [dialect, body] :
         {std::pair(Dialect::chat, chat), std::pair(Dialect::messages, messages),
          std::pair(Dialect::gemini, gemini), std::pair(Dialect::converse, converse),
          std::pair(Dialect::responses, responses)}) {
        CAPTURE(body);
        const auto told = [&, dialect = dialect, body = body](AnswerShape client) {
            return json::parse(asked(client, dialect, false)->whole(body));
        };
        if (dialect != Dialect::chat) {
            CHECK(told(AnswerShape::chat)["choices"][0]["finish_reason"].is_null());
        }
        if (dialect != Dialect::messages) {
            CHECK(told(AnswerShape::messages)["stop_reason"].is_null());
        }
        if (dialect != Dialect::gemini) {
            CHECK_FALSE(told(AnswerShape::gemini)["candidates"][0].contains("finishReason"));
        }
        if (dialect == Dialect::responses) continue;
        const auto response = told(AnswerShape::responses);
        CHECK(response["status"] == "incomplete");
        CHECK(response["incomplete_details"].is_null());
    }
}

TEST_CASE("Half a character is told as the sign for that in whole answers, too") {
    // The parser of these tests refuses a half.
    const std::string sign = "\xEF\xBF\xBD";
    const std::string grin = "\xF0\x9F\x98\x80";
    const auto chat = [](const std::string& message) {
        return R"({"id":"c","choices":[{"message":)" + message + "}]}";
    };
    const auto whole = [&](AnswerShape client, const std::string& message) {
        return json::parse(asked(client, Dialect::chat, false)->whole(chat(message)));
    };
    const auto text = R"({"content":"a\ud83d b \ude00 \ud83d\ude00 \\ud83d \uD83D"})";
    const auto said = "a" + sign + " b " + sign + " " + grin + " \\ud83d " + sign;
    CHECK(whole(AnswerShape::messages, text)["content"][0]["text"] == said);
    CHECK(whole(AnswerShape::gemini, text)["candidates"][0]["content"]["parts"][0]["text"] == said);
    CHECK(whole(AnswerShape::responses, text)["output"][0]["content"][0]["text"] == said);
    const auto of_messages = json::parse(asked(AnswerShape::chat, Dialect::messages, false)
                                             ->whole(R"({"id":"m","content":[{"type":"text",)"
                                                     R"("text":"a\ud83d"}]})"));
    CHECK(of_messages["choices"][0]["message"]["content"] == "a" + sign);
    // Of a call it is inside the JSON that is the arguments' text.
    const auto call = R"({"tool_calls":[{"id":"x","function":{"name":"f",)"
                      R"("arguments":"{\"a\":\"\\ud83d\"}"}}]})";
    CHECK(whole(AnswerShape::messages, call)["content"][0]["input"]["a"] == sign);
    CHECK(whole(AnswerShape::gemini,
                call)["candidates"][0]["content"]["parts"][0]["functionCall"]["args"]["a"] == sign);
}

TEST_CASE("An error about a key inside a stream sends no client to its login") {
    for (const auto* error : {R"({"type":"error","error":{"type":"authentication_error",)"
                              R"("message":"m"}})",
                              R"({"type":"error","error":{"type":"permission_error",)"
                              R"("message":"m"}})",
                              R"({"type":"error","error":{"type":"invalid_request_error",)"
                              R"("code":"invalid_api_key","message":"m"}})"}) {
        for (const auto client : {AnswerShape::chat, AnswerShape::responses, AnswerShape::messages,
                                  AnswerShape::gemini}) {
            const auto from = client == AnswerShape::messages ? Dialect::chat : Dialect::messages;
            CAPTURE(error, static_cast<int>(client));
            const auto stream = streamed(client, from, {error});
            for (const auto* word : {"auth", "permission", "key", "invalid", "401", "403", "AUTH",
                                     "PERMISSION", "KEY"}) {
                CAPTURE(word, stream);
                CHECK(stream.find(word) == std::string::npos);
            }
            CHECK(stream.find("\"m\"") != std::string::npos);
        }
    }
}
