// Answers that are not written as their API says: nothing of them is lost without a word.
#include "dialects/translate.hpp"
#include "wire/sse.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <functional>
#include <memory>
#include <string>
#include <vector>

using namespace understudy;
using namespace understudy::dialects;
using nlohmann::json;
using wire::AnswerShape;
using wire::Dialect;

namespace {

/// A request of such a client, asked of such an upstream.
std::unique_ptr<Translation> asked(AnswerShape client, Dialect upstream, bool stream) {
    std::string body =
        R"({"model":"m","max_tokens":9,"messages":[{"role":"user","content":"Hi"}]})";
    if (client == AnswerShape::responses) body = R"({"model":"m","input":"Hi"})";
    if (client == AnswerShape::gemini) {
        body = R"({"contents":[{"role":"user","parts":[{"text":"Hi"}]}],)"
               R"("generationConfig":{"thinkingConfig":{"includeThoughts":true}}})";
    }
    Ask ask;
    ask.shape = client;
    ask.body = body;
    ask.model = "m";
    ask.stream = stream;
    Target target;
    target.dialect = upstream;
    target.model = "m";
    Outgoing outgoing;
    std::unique_ptr<Translation> translation;
    REQUIRE_FALSE(translate(ask, target, outgoing, translation));
    return translation;
}

AnswerShape other_than(Dialect upstream) {
    return upstream == Dialect::chat ? AnswerShape::messages : AnswerShape::chat;
}

std::string streamed(AnswerShape client, Dialect upstream, const std::vector<std::string>& events) {
    const auto translation = asked(client, upstream, true);
    std::string out;
    for (const auto& data : events) {
        CAPTURE(data);
        REQUIRE(translation->event(data, {}, out));
    }
    translation->end(out);
    return out;
}

/// The texts of a client's stream that stand under this name, one behind the other.
std::string joined(const std::string& stream, const std::string& name) {
    std::string out;
    wire::SseScanner scanner;
    wire::SseEvent event;
    for (std::string_view rest = stream; scanner.next(rest, event);
         rest.remove_prefix(event.raw.size())) {
        if (event.data == "[DONE]") continue;
        const auto data = json::parse(event.data);  // a lone half would not do
        const std::function<void(const json&)> look = [&](const json& value) {
            if (value.is_object() && value.contains(name) && value[name].is_string()) {
                out += value[name].get<std::string>();
            }
            for (const auto& inner : value) {
                if (inner.is_structured()) look(inner);
            }
        };
        look(data);
    }
    return out;
}

std::string chat_text(const std::string& content) {
    return R"({"id":"c","choices":[{"index":0,"delta":{"content":")" + content + R"("}}]})";
}

std::string messages_delta(const std::string& delta) {
    return R"({"type":"content_block_delta","index":0,"delta":)" + delta + "}";
}

std::string gemini_parts(const std::string& parts) {
    return R"({"candidates":[{"content":{"parts":[)" + parts + R"(]},"finishReason":"STOP"}]})";
}

}  // namespace

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

TEST_CASE("An answer of Responses that goes on elsewhere is not told as whole") {
    for (const auto* status : {"queued", "in_progress", "cancelled"}) {
        CAPTURE(status);
        const auto translation = asked(AnswerShape::chat, Dialect::responses, false);
        static_cast<void>(translation->whole(R"({"id":"r","status":")" + std::string(status) +
                                             R"(","output":[]})"));
        CHECK(translation->lost() == std::string("its status says that it is not finished"));
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

namespace {

std::string item_event(const std::string& type, int index, const std::string& item) {
    return R"({"type":"response.output_item.)" + type + R"(","output_index":)" +
           std::to_string(index) + R"(,"item":)" + item + "}";
}

std::string message_item(const std::string& id, const std::string& text) {
    return R"({"type":"message","id":")" + id +
           R"(","role":"assistant","content":[{"type":"output_text","text":")" + text + R"("}]})";
}

std::string call_item(const std::string& id, const std::string& arguments) {
    return R"({"type":"function_call","id":")" + id + R"(","call_id":"c)" + id +
           R"(","name":"f","arguments":")" + arguments + R"("})";
}

std::string completed(const std::string& output, const std::string& more = {}) {
    return R"({"type":"response.completed","response":{"id":"r","status":"completed","output":[)" +
           output + "]" + more + "}}";
}

std::string text_piece(const std::string& id, int index, const std::string& text) {
    return R"({"type":"response.output_text.delta","item_id":")" + id + R"(","output_index":)" +
           std::to_string(index) + R"(,"delta":")" + text + R"("})";
}

}  // namespace

TEST_CASE("Items of Responses are told once, however they are numbered") {
    const auto text = message_item("m1", "Hello");
    const auto call = call_item("f1", R"({\"a\":1})");
    for (const auto& [first, second] : {std::pair(0, 0), std::pair(0, 1), std::pair(1, 2)}) {
        const auto out = streamed(
            AnswerShape::chat, Dialect::responses,
            {item_event("added", first, message_item("m1", "")), text_piece("m1", first, "Hello"),
             item_event("done", first, text), item_event("added", second, call_item("f1", "")),
             item_event("done", second, call), completed(text + "," + call)});
        CAPTURE(out);
        CHECK(joined(out, "content") == "Hello");
        CHECK(joined(out, "arguments") == R"({"a":1})");
    }
    // Some give an item another id in each event.
    const auto out =
        streamed(AnswerShape::chat, Dialect::responses,
                 {item_event("added", 0, message_item("m1", "")), text_piece("m2", 0, "Hello"),
                  item_event("done", 0, message_item("m3", "Hello")),
                  completed(message_item("m4", "Hello"))});
    CHECK(joined(out, "content") == "Hello");
}

TEST_CASE("What the pieces of a Response lack comes with the whole item") {
    auto out =
        streamed(AnswerShape::chat, Dialect::responses,
                 {text_piece("m1", 0, "He"), item_event("done", 0, message_item("m1", "Hello")),
                  completed(message_item("m1", "Hello"))});
    CHECK(joined(out, "content") == "Hello");
    const std::string piece =
        R"({"type":"response.function_call_arguments.delta","item_id":"f1","output_index":0,"delta":"{\"a\""})";
    out = streamed(AnswerShape::chat, Dialect::responses,
                   {item_event("added", 0, call_item("f1", "")), piece,
                    item_event("done", 0, call_item("f1", R"({\"a\":1})")), completed("")});
    CHECK(joined(out, "arguments") == R"({"a":1})");
    const auto translation = asked(AnswerShape::chat, Dialect::responses, true);
    out.clear();
    CHECK(translation->event(item_event("added", 0, call_item("f1", "")), {}, out));
    CHECK(translation->event(piece, {}, out));
    CHECK_FALSE(
        translation->event(item_event("done", 0, call_item("f1", R"({\"b\":1})")), {}, out));
}

TEST_CASE("An end of a Response that says it is none is none") {
    const auto translation = asked(AnswerShape::chat, Dialect::responses, true);
    std::string out;
    CHECK_FALSE(translation->event(
        R"({"type":"response.completed","response":{"id":"r","status":"cancelled","output":[]}})",
        {}, out));
    out = streamed(AnswerShape::chat, Dialect::responses,
                   {text_piece("m1", 0, "He"), completed("", R"(,"error":{"message":"broke"})")});
    CHECK(out.find("broke") != std::string::npos);
    CHECK(out.find("[DONE]") == std::string::npos);
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

TEST_CASE("A piece of a call that was never announced is not left out in silence") {
    const auto piece = messages_delta(R"({"type":"input_json_delta","partial_json":"{}"})");
    auto translation = asked(AnswerShape::chat, Dialect::messages, true);
    std::string out;
    CHECK_FALSE(translation->event(piece, {}, out));
    // Of a tool that its provider runs nobody is told.
    translation = asked(AnswerShape::chat, Dialect::messages, true);
    CHECK(translation->event(
        R"({"type":"content_block_start","index":0,"content_block":{"type":"server_tool_use"}})",
        {}, out));
    CHECK(translation->event(piece, {}, out));
}

TEST_CASE("The end of an item whose pieces were written with other escapes is not lost") {
    const std::string completed =
        R"({"type":"response.completed","response":{"id":"r","status":"completed","output":[)";
    const auto text = [](const std::string& delta) {
        return R"({"type":"response.output_text.delta","item_id":"m","output_index":0,"delta":")" +
               delta + R"("})";
    };
    auto out = streamed(AnswerShape::chat, Dialect::responses,
                        {item_event("added", 0, message_item("m", "")), text(R"(H\u00e9 \/)"),
                         item_event("done", 0, message_item("m", "H\xC3\xA9 / and \xC3\xA9 \\\\")),
                         completed + "]}}"});
    CHECK(joined(out, "content") == "H\xC3\xA9 / and \xC3\xA9 \\");
    // The rest may begin inside the second of two parts, and be in the answer's last event only.
    out = streamed(AnswerShape::chat, Dialect::responses,
                   {item_event("added", 0, message_item("m", "")), text(R"(\u0061b)"),
                    completed + R"({"type":"message","id":"m","content":[)"
                                R"({"type":"output_text","text":"a"},)"
                                R"({"type":"output_text","text":"bc\n"}]}]}})"});
    CHECK(joined(out, "content") == "abc\n");
    const auto arguments = [](const std::string& delta) {
        return R"({"type":"response.function_call_arguments.delta","item_id":"f",)"
               R"("output_index":0,"delta":")" +
               delta + R"("})";
    };
    out = streamed(
        AnswerShape::chat, Dialect::responses,
        {item_event("added", 0, call_item("f", "")), arguments(R"({\"a\":\"\u00e9)"),
         item_event("done", 0, call_item("f", "{\\\"a\\\":\\\"\xC3\xA9\\\"}")), completed + "]}}"});
    CHECK(joined(out, "arguments") == "{\"a\":\"\xC3\xA9\"}");
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

namespace {

/// What became of one event of Converse, by a name that its frame has.
std::string of_converse(const std::vector<std::pair<std::string, std::string>>& events,
                        const char*& lost) {
    const auto translation = asked(AnswerShape::chat, Dialect::converse, true);
    std::string out;
    for (const auto& [name, data] : events) {
        if (!translation->event(data, name, out)) break;
    }
    lost = translation->lost();
    return out;
}

std::string converse_whole(const std::string& block) {
    return R"({"output":{"message":{"content":[)" + block + R"(]}},"stopReason":"tool_use"})";
}

}  // namespace

TEST_CASE("Converse's answers are read as any other's where they are not written as they should") {
    const auto whole = [](const std::string& block) {
        return json::parse(
            asked(AnswerShape::chat, Dialect::converse, false)->whole(converse_whole(block)));
    };
    const auto arguments = [&](const std::string& input) {
        return whole(R"({"toolUse":{"toolUseId":"t","name":"f","input":)" + input +
                     "}}")["choices"][0]["message"]["tool_calls"][0]["function"]["arguments"];
    };
    CHECK(arguments(R"("{\"a\":1}")") == R"({"a":1})");
    CHECK(arguments(R"({"a":1})") == R"({"a":1})");
    CHECK(arguments("[1]") == "[1]");
    CHECK(arguments("null") == "{}");
    CHECK(arguments(R"("")") == "{}");
    CHECK(whole(R"({"text":5})")["choices"][0]["message"]["content"] == "5");
    for (const auto* tool :
         {R"({"toolUseId":"t","input":{"a":1}})", R"({"name":""})", R"("f")", "5"}) {
        CAPTURE(tool);
        const auto plain = asked(AnswerShape::chat, Dialect::converse, false);
        static_cast<void>(plain->whole(converse_whole(R"({"toolUse":)" + std::string(tool) + "}")));
        CHECK(plain->lost() == std::string("it calls a tool without a name"));
        const char* lost = nullptr;
        of_converse({{"messageStart", R"({"role":"assistant"})"},
                     {"contentBlockStart",
                      R"({"contentBlockIndex":0,"start":{"toolUse":)" + std::string(tool) + "}}"}},
                    lost);
        CHECK(lost == std::string("it calls a tool without a name"));
    }
    const char* lost = nullptr;
    const auto delta = [](const std::string& what) {
        return std::pair<std::string, std::string>(
            "contentBlockDelta", R"({"contentBlockIndex":0,"delta":)" + what + "}");
    };
    of_converse({delta(R"({"toolUse":{"input":"{"}})")}, lost);  // of a call that never began
    CHECK(lost != nullptr);
    CHECK(joined(of_converse({delta(R"({"text":5})")}, lost), "content") == "5");
    CHECK(lost == nullptr);
    const auto out =
        of_converse({{"contentBlockStart", R"({"contentBlockIndex":0,"start":{"toolUse":)"
                                           R"({"toolUseId":"t","name":"f"}}})"},
                     delta(R"({"toolUse":{"input":{"a":1}}})")},
                    lost);
    CHECK(joined(out, "arguments") == R"({"a":1})");
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
