#include "responses_support.hpp"

#include <algorithm>

using namespace responses_test;

TEST_CASE("litellm PR#19368: calls of tools have all of their events") {
    const auto events = streamed([](AnswerSink& sink) {
        sink.start("1", "m");
        sink.call(0, "call_A", "long_12345678", {});
        sink.arguments(0, "{\\\"q\\\":");
        sink.arguments(0, "");
        sink.arguments(0, "1}");
        sink.stop(Stop::calls, {});
        sink.done();
    });
    CHECK(types_of(events) == Types{"created", "in_progress", "output_item.added",
                                    "function_call_arguments.delta",
                                    "function_call_arguments.delta", "function_call_arguments.done",
                                    "output_item.done", "completed"});
    CHECK(events[2]["item"]["arguments"] == "");
    CHECK(events[2]["item"]["status"] == "in_progress");
    CHECK(events[5]["arguments"] == R"({"q":1})");
    CHECK(events[5]["name"] == "long name");
    const auto item = events[6]["item"];
    CHECK(item["type"] == "function_call");
    CHECK(item["call_id"] == "call_A");
    CHECK(item["name"] == "long name");
    CHECK(item["arguments"] == R"({"q":1})");
    CHECK_FALSE(item.contains("namespace"));
}

TEST_CASE("A seal on a call stands in an item of its own in front of it, marked as Google's") {
    const auto tell = [](AnswerSink& sink) {
        sink.start("1", "m");
        sink.call(0, "a", "f", "gemini-seal");
        sink.arguments(0, "{}");
        sink.call(1, "b", "f", {});
        sink.arguments(1, "{}");
        sink.stop(Stop::calls, {});
        sink.done();
    };
    const auto events = streamed(tell);
    CHECK(types_of(events) == Types{"created", "in_progress", "output_item.added",
                                    "output_item.done", "output_item.added",
                                    "function_call_arguments.delta", "function_call_arguments.done",
                                    "output_item.done", "output_item.added",
                                    "function_call_arguments.delta", "function_call_arguments.done",
                                    "output_item.done", "completed"});
    const auto& output = events.back()["response"]["output"];
    CHECK(output[0]["type"] == "reasoning");
    CHECK(output[0]["summary"] == json::array());
    CHECK(output[0]["encrypted_content"] == "understudy-seal-gemini-call:gemini-seal");
    CHECK(output[1]["call_id"] == "a");
    CHECK(output[2]["call_id"] == "b");
    CHECK(whole(tell)["output"] == output);
}

TEST_CASE("Tools of a group come back with their group") {
    const auto response = whole([](AnswerSink& sink) {
        sink.start("1", "m");
        sink.call(0, "a", "ns__f", {});
        sink.call(1, "b", "g", {});
        sink.done();
    });
    CHECK(response["output"][0]["name"] == "f");
    CHECK(response["output"][0]["namespace"] == "ns");
    CHECK(response["output"][1]["name"] == "g");
    CHECK(response["output"][1]["namespace"] == "ns");
}

TEST_CASE("bifrost PR#3441, aisuite PR#386: parallel calls come one after the other, all of them") {
    const auto tell = [](AnswerSink& sink) {
        sink.start("1", "m");
        sink.text("I look.");
        sink.call(0, "a", "f", {});
        sink.arguments(0, "{\\\"a\\\":");
        sink.call(1, "b", "f", {});
        sink.arguments(1, "{\\\"b\\\":");
        sink.arguments(0, "1}");  // servers may mix them
        sink.call(2, "c", "f", {});
        sink.arguments(1, "2}");
        sink.text("And wait.");
        sink.stop(Stop::calls, {});
        sink.done();
    };
    const auto events = streamed(tell);
    const auto& output = events.back()["response"]["output"];
    REQUIRE(output.size() == 5);
    CHECK(output[1]["arguments"] == R"({"a":1})");
    CHECK(output[2]["arguments"] == R"({"b":2})");
    CHECK(output[3]["arguments"] == "{}");  // JSON.parse("") throws
    CHECK(output[4]["content"][0]["text"] == "And wait.");
    CHECK(joined_deltas(events, "response.function_call_arguments.delta") == R"({"a":1}{"b":2}{})");
    CHECK(whole(tell)["output"] == output);
}

TEST_CASE("A custom tool gets its text, not the object that stood for it") {
    struct Case {
        const char* arguments;  // the inside of a string
        const char* input;
    };
    const auto c = GENERATE(values<Case>({
        {R"({\"input\":\"*** A\\nb \\\"c\\\"\"})", "*** A\nb \"c\""},
        {R"({\"patch\":\"x\"})", R"({"patch":"x"})"},
        {R"(*** plain\n)", "*** plain\n"},
        {R"({\"input\":7})", R"({"input":7})"},
        {R"({\"input\":\"\"})", ""},
        {"", ""},
    }));
    const auto tell = [&](AnswerSink& sink) {
        sink.start("1", "m");
        sink.call(0, "a", "apply_patch", {});
        const std::string_view arguments = c.arguments;
        for (std::size_t i = 0; i < arguments.size();) {  // in pieces that leave escapes whole
            const auto size = arguments[i] == '\\' ? 2U : 1U;
            sink.arguments(0, arguments.substr(i, size));
            i += size;
        }
        sink.stop(Stop::calls, {});
        sink.done();
    };
    const auto events = streamed(tell);
    INFO(c.arguments);
    CHECK(joined_deltas(events, "response.custom_tool_call_input.delta") == c.input);
    const auto& done = events[events.size() - 3];
    CHECK(done["type"] == "response.custom_tool_call_input.done");
    CHECK(done["input"] == c.input);
    CHECK(last_item(events)["type"] == "custom_tool_call");
    CHECK(last_item(events)["name"] == "apply_patch");
    CHECK(last_item(events)["input"] == c.input);
    CHECK(whole(tell)["output"][0] == last_item(events));
}

TEST_CASE("litellm#15322: a call that ran out of tokens is not told to be done") {
    const std::string name = GENERATE("f", "apply_patch");
    const auto tell = [&](AnswerSink& sink) {
        sink.start("1", "m");
        sink.call(0, "a", "f", {});
        sink.arguments(0, "{}");
        sink.call(1, "b", name, {});
        sink.arguments(1, "{\\\"input\\\":\\\"ha");
        sink.stop(Stop::length, {});
        sink.done();
    };
    const auto events = streamed(tell);
    const auto& response = events.back()["response"];
    CHECK(response["status"] == "incomplete");
    CHECK(response["output"][0]["status"] == "completed");
    CHECK(response["output"][1]["status"] == "incomplete");
    CHECK(whole(tell)["output"] == response["output"]);
    const auto types = types_of(events);
    CHECK(std::count(types.begin(), types.end(), "output_item.done") == 1);
}

TEST_CASE("A body that nobody can break: names, ids and models with escapes") {
    const auto response = whole([](AnswerSink& sink) {
        sink.start("id\\\"1", "mo\\\"del");
        sink.call(0, "c\\\"1", "na\\\"me", {});
        sink.arguments(0, "not json \\\"");
        sink.arguments(7, "of no call");
        sink.done();
    });
    CHECK(response["model"] == "mo\"del");
    CHECK(response["output"][0]["call_id"] == "c\"1");
    CHECK(response["output"][0]["name"] == "na\"me");
    CHECK(response["output"][0]["arguments"] == "not json \"");
}
