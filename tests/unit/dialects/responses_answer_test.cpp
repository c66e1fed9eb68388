#include "responses_support.hpp"

using namespace responses_test;

TEST_CASE("llm-rosetta#56, litellm#22102: a text has the whole lifecycle of /responses") {
    const auto events = streamed([](AnswerSink& sink) {
        sink.start("chatcmpl-1", "gpt");
        sink.text("");
        sink.text("Fo");
        sink.text("ur \\\"x\\\" \\ud83d");
        sink.text("\\ude00");
        sink.stop(Stop::end, {});
        sink.usage({10, 5, 4, 2, 3, {}});
        sink.done();
    });
    CHECK(types_of(events) == Types{"created", "in_progress", "output_item.added",
                                    "content_part.added", "output_text.delta", "output_text.delta",
                                    "output_text.delta", "output_text.done", "content_part.done",
                                    "output_item.done", "completed"});
    CHECK(events[0]["response"]["status"] == "in_progress");
    CHECK(events[0]["response"]["usage"].is_null());
    CHECK(events[2]["item"]["content"] == json::array());
    CHECK(events[3]["part"] ==
          json::parse(R"({"type":"output_text","annotations":[],"logprobs":[],"text":""})"));
    CHECK(events[4]["content_index"] == 0);
    CHECK(events[4]["delta"] == "Fo");
    CHECK(events[4]["logprobs"] == json::array());
    CHECK(events[5]["delta"] == "ur \"x\" ");  // half a character waits for its other half
    CHECK(events[6]["delta"] == "\U0001F600");
    CHECK(events[7]["text"] == "Four \"x\" \U0001F600");
    const auto& response = events.back()["response"];
    CHECK(response["output"][0]["content"][0]["text"] == "Four \"x\" \U0001F600");
    CHECK(response["output"][0]["role"] == "assistant");
    CHECK(response["output"][0]["status"] == "completed");
    // litellm PR#28899, PR#22194, CLIProxyAPI#1562: all of the usage.
    CHECK(response["usage"] == json::parse(R"({"input_tokens":10,"input_tokens_details":
        {"cached_tokens":4,"cache_write_tokens":2},"output_tokens":5,
        "output_tokens_details":{"reasoning_tokens":3},"total_tokens":15})"));
}

TEST_CASE("litellm PR#28899: a Response has every member that strict clients insist on") {
    const auto tell = [](AnswerSink& sink) {
        sink.start("x", "");
        sink.stop(Stop::end, {});
        sink.done();
    };
    const auto response = whole(tell);
    for (const auto* member : {"id",
                               "object",
                               "created_at",
                               "status",
                               "background",
                               "error",
                               "incomplete_details",
                               "instructions",
                               "max_output_tokens",
                               "metadata",
                               "model",
                               "output",
                               "parallel_tool_calls",
                               "previous_response_id",
                               "reasoning",
                               "store",
                               "temperature",
                               "text",
                               "tool_choice",
                               "tools",
                               "top_p",
                               "truncation",
                               "usage",
                               "user"}) {
        INFO(member);
        CHECK(response.contains(member));
    }
    CHECK(response["object"] == "response");
    CHECK(response["status"] == "completed");
    CHECK(response["created_at"] == 1'790'000'000);
    CHECK(response["model"] == "asked");
    CHECK(response["text"]["format"]["type"] == "text");
    CHECK(response["usage"]["output_tokens_details"]["reasoning_tokens"] == 0);
    CHECK(response["output"] == json::array());
    CHECK(streamed(tell).size() == 3);
}

TEST_CASE("A Response repeats what was asked for") {
    const auto response = whole(
        [](AnswerSink& sink) {
            sink.start("x", "m");
            sink.done();
        },
        R"({"max_output_tokens":9,"metadata":{"a":"b"},"parallel_tool_calls":false,"user":"u",
            "reasoning":{"effort":"low","summary":"auto"},"temperature":0.5,"top_p":0.1,
            "text":{"format":{"type":"json_object"},"verbosity":"low"},"tool_choice":"none"})");
    CHECK(response["max_output_tokens"] == 9);
    CHECK(response["metadata"]["a"] == "b");
    CHECK(response["parallel_tool_calls"] == false);
    CHECK(response["user"] == "u");
    CHECK(response["reasoning"] == json::parse(R"({"effort":"low","summary":"auto"})"));
    CHECK(response["temperature"] == 0.5);
    CHECK(response["top_p"] == 0.1);
    CHECK(response["text"] ==
          json::parse(R"({"format":{"type":"json_object"},"verbosity":"low"})"));
    CHECK(response["tool_choice"] == "none");
}

TEST_CASE("What a Response repeats stands on one line, as an event needs it") {
    const auto events = streamed(
        [](AnswerSink& sink) {
            sink.start("x", "m");
            sink.text("t");
            sink.stop(Stop::end, {});
            sink.done();
        },
        "{\"metadata\":{\r\n\"a\":\"b\"},\"text\":{\"format\":{\n\"type\":\"json_object\"}},"
        "\"tool_choice\":{\r\"type\":\"function\",\n\"name\":\"f\"}}");
    for (const auto& response : {events.front()["response"], events.back()["response"]}) {
        CHECK(response["metadata"]["a"] == "b");
        CHECK(response["text"]["format"]["type"] == "json_object");
        CHECK(response["tool_choice"]["name"] == "f");
    }
}

TEST_CASE("Ids are made of the upstream's, the same every time") {
    const auto tell = [](const char* id) {
        return [id](AnswerSink& sink) {
            sink.start(id, "m");
            sink.thinking("t");
            sink.text("x");
            sink.call(0, "", "f", {});
            sink.call(1, "", "apply_patch", {});
            sink.done();
        };
    };
    const auto one = whole(tell("a"));
    CHECK(one == whole(tell("a")));
    CHECK(one["id"] != whole(tell("b"))["id"]);
    CHECK(one["id"].get<std::string>().starts_with("resp_"));
    CHECK(whole(tell("resp_1"))["id"] == "resp_1");
    CHECK(whole(tell(""))["id"].get<std::string>().size() == 29);
    const Types prefixes{"rs_", "msg_", "fc_", "ctc_"};
    for (std::size_t i = 0; i < prefixes.size(); ++i) {
        CHECK(one["output"][i]["id"].get<std::string>().starts_with(prefixes[i]));
    }
    CHECK(one["output"][2]["call_id"] != one["output"][3]["call_id"]);  // minted where it is empty
    CHECK(events_of(written(tell("a"),
                            [] {
                                Told told;
                                told.stream = true;
                                return told;
                            }()))
              .back()["response"]["output"] == one["output"]);
}

TEST_CASE("Thoughts are items of their own, with OpenAI's seals, and others' marked") {
    const auto tell = [](AnswerSink& sink) {
        sink.start("1", "m");
        sink.thinking("hm");
        sink.thinking("m");
        sink.seal(SealKind::openai, "gAAA", false);
        sink.thinking("again");
        sink.seal(SealKind::claude, "EqQB", false);
        sink.seal(SealKind::openai, "gBBB", true);
        sink.seal(SealKind::claude, "redacted", true);
        sink.text("x");
        sink.done();
    };
    const auto events = streamed(tell);
    const auto types = types_of(events);
    CHECK(Types(types.begin() + 2, types.begin() + 9) ==
          Types{"output_item.added", "reasoning_summary_part.added", "reasoning_summary_text.delta",
                "reasoning_summary_text.delta", "reasoning_summary_text.done",
                "reasoning_summary_part.done", "output_item.done"});
    CHECK(events[4]["summary_index"] == 0);
    CHECK(events[7]["part"] == json::parse(R"({"type":"summary_text","text":"hmm"})"));
    const auto& output = events.back()["response"]["output"];
    REQUIRE(output.size() == 5);
    CHECK(output[0]["summary"][0]["text"] == "hmm");
    CHECK(output[0]["encrypted_content"] == "gAAA");
    CHECK(output[1]["summary"][0]["text"] == "again");
    CHECK(output[1]["encrypted_content"] == "understudy-seal-claude:EqQB");
    CHECK(output[2]["summary"] == json::array());
    CHECK(output[2]["encrypted_content"] == "gBBB");
    CHECK(output[3]["encrypted_content"] == "understudy-seal-claude-redacted:redacted");
    CHECK(output[4]["content"][0]["text"] == "x");
    CHECK(whole(tell)["output"] == output);
}

TEST_CASE("Who does not want thoughts gets no seal of them") {
    Told told;
    told.wants_thinking = false;
    const auto response = json::parse(written(
        [](AnswerSink& sink) {
            sink.start("1", "m");
            sink.thinking("secret");
            sink.seal(SealKind::openai, "gAAA", false);
            sink.seal(SealKind::claude, "gAAA", true);
            sink.seal(SealKind::gemini, "gAAA", true);
            sink.text("x");
            sink.call(0, "c", "f", "gAAA");
            sink.done();
        },
        told));
    CHECK(response.dump().find("secret") == std::string::npos);
    CHECK(response.dump().find("gAAA") == std::string::npos);
    REQUIRE(response["output"].size() == 2);
    CHECK(response["output"][0]["type"] == "message");
    CHECK(response["output"][1]["type"] == "function_call");
}

TEST_CASE("A refusal is a part of its own, and an answer") {
    const auto tell = [](AnswerSink& sink) {
        sink.start("1", "m");
        sink.refusal("I can");
        sink.refusal("not.");
        sink.stop(Stop::filter, {});
        sink.done();
    };
    const auto events = streamed(tell);
    CHECK(types_of(events) == Types{"created", "in_progress", "output_item.added",
                                    "content_part.added", "refusal.delta", "refusal.delta",
                                    "refusal.done", "content_part.done", "output_item.done",
                                    "completed"});
    CHECK(events[6]["refusal"] == "I cannot.");
    CHECK(last_item(events)["content"] ==
          json::parse(R"([{"type":"refusal","refusal":"I cannot."}])"));
    CHECK(whole(tell)["output"][0] == last_item(events));
}

TEST_CASE("Every way in which an answer can stop has its end") {
    struct Case {
        Stop stop;
        const char* status;
        const char* reason;  // "": none
    };
    const auto c = GENERATE(values<Case>({
        {Stop::end, "completed", ""},
        {Stop::sequence, "completed", ""},
        {Stop::calls, "completed", ""},
        {Stop::pause, "completed", ""},
        {Stop::length, "incomplete", "max_output_tokens"},
        {Stop::filter, "incomplete", "content_filter"},
    }));
    const auto tell = [&](AnswerSink& sink) {
        sink.start("1", "m");
        sink.text("x");
        sink.stop(Stop::end, {});
        sink.stop(c.stop, {});  // the last word counts
        sink.usage({1, 1, 0, 0, 0, {}});
        sink.usage({2, 3, 0, 0, 0, {}, wire::Usage::said_prompt | wire::Usage::said_completion});
        sink.done();
        sink.done();
    };
    for (const auto& response : {whole(tell), streamed(tell).back()["response"]}) {
        CHECK(response["status"] == c.status);
        CHECK(response["error"].is_null());
        CHECK(response["usage"]["total_tokens"] == 5);
        if (*c.reason == '\0') {
            CHECK(response["incomplete_details"].is_null());
        } else {
            CHECK(response["incomplete_details"]["reason"] == c.reason);
        }
    }
}

TEST_CASE("An upstream that gives up ends the stream with what libraries and what codex read") {
    const bool begun = GENERATE(true, false);
    const wire::ErrorFacts error{"Over \"loaded\".", "overloaded_error", "", "p"};
    const auto tell = [&](AnswerSink& sink) {
        sink.start("1", "m");
        if (begun) {
            sink.text("x");
            sink.call(0, "a", "f", {});
            sink.arguments(0, "{\\\"a");
            sink.call(1, "b", "f", {});
        }
        sink.error(error);
        sink.error(error);
        sink.done();
    };
    const auto events = streamed(tell);
    const auto& told = events[events.size() - 2];
    CHECK(told["type"] == "error");
    CHECK(told["code"] == "server_is_overloaded");
    CHECK(told["message"] == "Over \"loaded\".");
    CHECK(told["param"] == "p");
    CHECK(told["error"]["message"] == "Over \"loaded\".");
    CHECK(told["error"]["type"] == "service_unavailable_error");
    const auto& response = events.back()["response"];
    CHECK(response["status"] == "failed");
    CHECK(response["error"]["code"] == "server_is_overloaded");
    CHECK(response["error"]["message"] == "Over \"loaded\".");
    CHECK(response["usage"].is_null());
    // What was not whole is not done, so that nobody runs it.
    for (const auto& event : events) {
        if (event["type"] == "response.output_item.done") CHECK(event["item"]["type"] == "message");
    }
    CHECK(response["output"].size() == (begun ? 2 : 0));
    const auto one = whole(tell);
    CHECK(one["status"] == "failed");
    CHECK(one["error"] == response["error"]);
}

TEST_CASE("An answer of which nothing was told ends properly too") {
    for (const Tell& tell :
         {Tell([](AnswerSink& sink) { sink.done(); }), Tell([](AnswerSink& sink) {
              sink.error({"x", "", "", ""});
          })}) {
        const auto events = streamed(tell);
        CHECK(events[0]["response"]["model"] == "asked");
        CHECK(whole(tell)["output"] == json::array());
    }
}

TEST_CASE("Events are counted, for who must end the stream in the writer's place") {
    const auto tools = client_tools();
    Told told;
    told.stream = true;
    const auto writer = responses::make_writer(told, tools, Value());
    std::string one;
    std::string two;
    writer->write_to(one);
    CHECK(writer->events() == 0);
    writer->start("1", "m");
    CHECK(writer->events() == 2);
    writer->write_to(two);
    writer->text("x");
    CHECK(writer->events() == 5);
    CHECK(events_of(one).size() == 2);
    CHECK(events_of(two).size() == 3);
    CHECK_FALSE(two.starts_with(','));
}

TEST_CASE("What looks like half a character and is none does not wait") {
    struct Case {
        const char* piece;
        const char* delta;
    };
    const auto c = GENERATE(values<Case>({
        {R"(a\\ud83d)", R"(a\ud83d)"},
        {R"(\\ud83d)", R"(\ud83d)"},
        {R"(\u00e4)", "\u00e4"},
        {R"(\ud83d\ude00)", "\U0001F600"},
        {"ud83d", "ud83d"},
    }));
    const auto events = streamed([&](AnswerSink& sink) {
        sink.start("1", "m");
        sink.text(c.piece);
        sink.text("!");
        sink.done();
    });
    CHECK(events[4]["delta"] == c.delta);
    CHECK(events[5]["delta"] == "!");
}
