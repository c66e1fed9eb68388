#include "proxy/stream_error.hpp"

#include "wire/json_scan.hpp"
#include "wire/sse.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <vector>

using namespace understudy;
using nlohmann::json;

namespace {

struct Event {
    std::string name;
    json data;
};

std::vector<Event> events_of(const std::string& text) {
    std::vector<Event> out;
    wire::SseScanner scanner;
    wire::SseEvent event;
    std::string_view rest = text;
    while (scanner.next(rest, event)) {
        out.push_back({std::string(event.name), json::parse(event.data)});
        rest.remove_prefix(event.raw.size());
    }
    REQUIRE(rest.empty());
    return out;
}

}  // namespace

TEST_CASE("A broken stream ends with an error that its endpoint's libraries read") {
    const std::string message = "It \"broke\".\n";
    for (const auto shape : {wire::AnswerShape::chat, wire::AnswerShape::completion}) {
        const auto events = events_of(proxy::stream_error_event(shape, message, 7));
        REQUIRE(events.size() == 1);
        CHECK(events[0].name.empty());
        CHECK(events[0].data["error"]["message"] == message);
        CHECK(events[0].data["error"]["code"] == "stream_interrupted");
    }
    const auto events =
        events_of(proxy::stream_error_event(wire::AnswerShape::responses, message, 7));
    REQUIRE(events.size() == 2);
    CHECK(events[0].name == "error");
    CHECK(events[0].data["type"] == "error");
    CHECK(events[0].data["sequence_number"] == 7);
    CHECK(events[0].data["message"] == message);
    CHECK(events[0].data["error"]["message"] == message);
    CHECK(events[1].name == "response.failed");
    CHECK(events[1].data["type"] == "response.failed");
    CHECK(events[1].data["sequence_number"] == 8);
    CHECK(events[1].data["response"]["error"]["message"] == message);
    CHECK(events[1].data["response"]["status"] == "failed");
}

TEST_CASE("A broken message ends with Anthropic's event, a candidate with Google's status") {
    const std::string message = "It \"broke\".\n";
    auto events = events_of(proxy::stream_error_event(wire::AnswerShape::messages, message, 7));
    REQUIRE(events.size() == 1);
    CHECK(events[0].name == "error");
    CHECK(events[0].data["type"] == "error");
    CHECK(events[0].data["error"]["type"] == "api_error");
    CHECK(events[0].data["error"]["message"] == message);
    events = events_of(proxy::stream_error_event(wire::AnswerShape::gemini, message, 7));
    REQUIRE(events.size() == 1);
    CHECK(events[0].name.empty());
    CHECK(events[0].data["error"]["code"] == 502);
    CHECK(events[0].data["error"]["status"] == "UNAVAILABLE");
    CHECK(events[0].data["error"]["message"] == message);
}

TEST_CASE("An error that comes behind a head keeps the status that it would have had") {
    struct Row {
        unsigned status;
        const char* anthropic;
        const char* google;
    };
    for (const Row& row : {Row{400, "invalid_request_error", "INVALID_ARGUMENT"},
                           Row{429, "rate_limit_error", "RESOURCE_EXHAUSTED"},
                           Row{503, "overloaded_error", "UNAVAILABLE"}}) {
        INFO(row.status);
        auto events = events_of(
            proxy::stream_error_event(wire::AnswerShape::messages, "m", 0, "a_code", row.status));
        CHECK(events[0].data["error"]["type"] == row.anthropic);
        CHECK(events[0].data["error"]["details"]["error_code"] == "a_code");
        events = events_of(
            proxy::stream_error_event(wire::AnswerShape::gemini, "m", 0, "a_code", row.status));
        CHECK(events[0].data["error"]["code"] == row.status);
        CHECK(events[0].data["error"]["status"] == row.google);
    }
}

TEST_CASE("What an upstream said of its failure goes on as it said it") {
    struct Row {
        const char* what;
        wire::AnswerShape shape;
        std::string body;
        std::string kept;  // this object stands in the event as `error`
    };
    using enum wire::AnswerShape;
    const std::string openai =
        R"({"message":"slow down","type":"rate_limit_error","param":"p1","code":"c1"})";
    const std::string anthropic =
        R"({"type":"overloaded_error","message":"busy","details":{"a":[1]}})";
    const std::string google =
        R"({"code":429,"message":"quota","status":"RESOURCE_EXHAUSTED","details":[{"@type":"t","retryDelay":"7s"}]})";
    const std::string bare = R"({"message":"m","code":null})";
    for (const Row& row : std::vector<Row>{
             {"chat", chat, "{\"error\":\n" + openai + "}", openai},
             {"completions", completion, "{\"error\":" + openai + "}", openai},
             {"responses", responses, "{\"error\":" + openai + "}", openai},
             {"messages", messages,
              R"({"type":"error","error":)" + anthropic + R"(,"request_id":"r"})", anthropic},
             {"messages, only the object", messages, "{\"error\":" + anthropic + "}", anthropic},
             {"gemini", gemini, "{\"error\":" + google + "}", google},
             {"gemini, a list", gemini, "[{\"error\":" + google + "}]", google},
             {"chat without a type", chat, "{\"error\":" + bare + "}", bare}}) {
        INFO(row.what);
        const auto events =
            events_of(proxy::upstream_error_event(row.shape, row.body, {"made", "made", 500}));
        REQUIRE(events.size() == (row.shape == responses ? 2 : 1));
        CHECK(events[0].data["error"] == json::parse(row.kept));
        if (row.shape == messages || row.shape == responses)
            CHECK(events[0].data["type"] == "error");
        if (row.shape != responses) continue;
        CHECK(events[0].data["code"] == "c1");
        CHECK(events[0].data["param"] == "p1");
        CHECK(events[1].data["response"]["error"]["message"] == "slow down");
    }
    for (const char* body : {"", "gone", "{}", R"({"error":"text"})", R"({"error":{}})", "[]"}) {
        INFO(body);
        for (const auto shape : {chat, responses, messages, gemini}) {
            CHECK(proxy::upstream_error_event(shape, body, {"made", "word", 503}) ==
                  proxy::stream_error_event(shape, "made", 0, "word", 503));
        }
    }
}

TEST_CASE("The Response that fails is one that its libraries' types take") {
    const proxy::AnswerSoFar unknown{{}, "req_1", "gpt", 7};
    auto events = events_of(
        proxy::stream_error_event(wire::AnswerShape::responses, "m", 3, "a_code", 0, unknown));
    REQUIRE(events.size() == 2);
    CHECK(events[0].data["code"] == "a_code");
    const auto& made = events[1].data["response"];
    CHECK(made["id"].get<std::string>().starts_with("resp_"));
    CHECK(made["created_at"] == 7);
    CHECK(made["model"] == "gpt");
    CHECK(made["error"] == json({{"code", "server_error"}, {"message", "m"}}));
    for (const char* const key : {"output", "tools"}) CHECK(made[key] == json::array());
    CHECK(made["tool_choice"] == "auto");
    CHECK(made["parallel_tool_calls"] == true);
    const proxy::AnswerSoFar another{{}, "req_1 of another answer", "gpt", 7};
    const auto others = events_of(
        proxy::stream_error_event(wire::AnswerShape::responses, "m", 3, "a_code", 0, another));
    CHECK(others[1].data["response"]["id"] != made["id"]);
    const proxy::AnswerSoFar known{R"({"id":"resp_7"})", "req_1", "gpt", 7};
    events = events_of(
        proxy::stream_error_event(wire::AnswerShape::responses, "m", 3, "a_code", 0, known));
    CHECK(events[1].data["response"] == json({{"id", "resp_7"}}));
    events = events_of(proxy::upstream_error_event(wire::AnswerShape::responses,
                                                   R"({"error":{"message":"m","code":"c"}})",
                                                   {"made", "made", 500}, unknown));
    CHECK(events[1].data["response"]["model"] == "gpt");
    CHECK(events[1].data["response"]["error"]["code"] == "c");
}

TEST_CASE("A Response fails with one of the codes that OpenAI's libraries know") {
    CHECK(json::parse(proxy::response_error("m"))["code"] == "server_error");
    CHECK(json::parse(proxy::response_error("m", 503))["code"] == "server_error");
    CHECK(json::parse(proxy::response_error("m", 429))["code"] == "rate_limit_exceeded");
    CHECK(json::parse(proxy::response_error("m", 400))["code"] == "invalid_prompt");
    for (const unsigned passes : {408U, 409U, 425U})
        CHECK(json::parse(proxy::response_error("m", passes))["code"] == "server_error");
}

TEST_CASE("Where an upstream names no code, the Response fails with the one of its status") {
    struct Row {
        const char* error;
        unsigned status;
        const char* code;
    };
    for (const auto& row : {
             Row{R"({"message":"m","type":"invalid_request_error","code":null})", 400,
                 "invalid_prompt"},
             {R"({"message":"m","type":"requests"})", 429, "rate_limit_exceeded"},
             {R"({"message":"m","code":null})", 503, "server_error"},
             {R"({"message":"m","code":503})", 503, "server_error"},
             {R"({"message":"m","code":"context_length_exceeded"})", 400,
              "context_length_exceeded"},
         }) {
        const auto events = events_of(proxy::upstream_error_event(
            wire::AnswerShape::responses, std::string(R"({"error":)") + row.error + "}",
            {"made", "upstream_error", row.status}, {}));
        REQUIRE(events.size() == 2);
        CHECK(events[1].data["response"]["error"]["code"] == row.code);
    }
}
