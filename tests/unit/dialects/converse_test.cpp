// Bedrock's Converse, in golden files as those of golden_test.cpp. Its parts are put together here:
// the client's reader and writer, and Converse's.
#include "dialects/chat/chat.hpp"
#include "dialects/converse/answer_reader.hpp"
#include "dialects/converse/gates.hpp"
#include "dialects/converse/request_writer.hpp"
#include "dialects/gemini/answer_writer.hpp"
#include "dialects/gemini/request_reader.hpp"
#include "dialects/messages/messages.hpp"
#include "source_path.hpp"
#include "wire/sse.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <filesystem>
#include <fstream>
#include <string>

using namespace understudy;
using namespace understudy::dialects;
using Json = nlohmann::ordered_json;

namespace {

/// The same whatever the order of the members.
std::string sorted(const Json& value) {
    return nlohmann::json(value).dump(1);
}

struct Run {
    explicit Run(const Json& row) : client(row.at("client")), body(row["request"].dump()) {
        const auto value = Value::of(body);
        problem = client == "messages" ? messages::read_request(value, talk)
                  : client == "gemini" ? gemini::read_request(value, talk)
                                       : chat::read_request(value, talk);
        model = row.value("model", "served");
        converse::Manner manner;
        manner.model = model;
        manner.max_output = row.value("max_output", 0);
        if (!problem) problem = converse::write_request(talk, manner, tools.names, sent);
        Told told;
        told.stream = row.contains("events");
        told.wants_thinking = client == "chat" || talk.effort.show;
        told.created = 1'790'000'000;
        told.asked_model = "asked";
        writer = client == "messages" ? messages::make_writer(told, tools)
                 : client == "gemini" ? gemini::make_writer(told, tools)
                                      : chat::make_writer(told, tools);
        writer->write_to(out);
        reader = converse::make_reader("req-1", "anthropic.claude-sonnet-4-5");
    }
    std::string client, body, model, sent, out;
    Talk talk;
    ClientTools tools;
    std::optional<Problem> problem;
    std::unique_ptr<AnswerWriter> writer;
    std::unique_ptr<AnswerReader> reader;
};

Json events_in(const std::string& text) {
    Json out = Json::array();
    wire::SseScanner scanner;
    wire::SseEvent event;
    for (std::string_view rest = text; scanner.next(rest, event);
         rest.remove_prefix(event.raw.size())) {
        const auto data = Json::parse(event.data, nullptr, false);
        const Json one = data.is_object() ? data : Json(std::string(event.data));
        out.push_back(event.name.empty() ? one : Json::array({std::string(event.name), one}));
    }
    return out;
}

void check_request(const Json& row, const Run& run) {
    if (row.contains("problem")) {
        REQUIRE(run.problem);
        const bool bad = run.problem->kind == Problem::Kind::bad_request;
        const auto said = (bad ? "bad_request: " : "unsupported: ") + run.problem->what;
        INFO(said);
        CHECK(said.starts_with(row["problem"].get<std::string>()));
        return;
    }
    if (run.problem) FAIL(run.problem->what);
    if (row.contains("sent")) CHECK(sorted(Json::parse(run.sent)) == sorted(row["sent"]));
    CHECK(Json(run.talk.dropped) == row.value("dropped", Json::array()));
}

void check_case(const Json& row) {
    INFO(row.value("name", ""));
    Run run(row);
    check_request(row, run);
    if (run.problem) return;
    if (row.contains("answer")) {
        run.reader->whole(row["answer"].dump(), *run.writer);
        CHECK(sorted(Json::parse(run.out)) == sorted(row["client_answer"]));
    }
    if (row.contains("events")) {
        for (const auto& event : row["events"]) {
            const auto data = event[1].dump();
            run.reader->event(Value::of(data), data, event[0].get<std::string>(), *run.writer);
        }
        run.reader->end(*run.writer);
        run.reader->end(*run.writer);  // once is enough
        CHECK(sorted(events_in(run.out)) == sorted(row["client_events"]));
    }
}

}  // namespace

TEST_CASE("Converse is asked and read as the golden files have it") {
    std::size_t cases = 0;
    for (const auto* file : {"chat_to_converse.json", "others_to_converse.json"}) {
        INFO(file);
        std::ifstream in(
            test::source_path(std::string("tests/unit/dialects/golden/converse/") + file));
        for (const auto& row : Json::parse(in, nullptr, true, true)) {
            check_case(row);
            ++cases;
        }
    }
    CHECK(cases > 30);
}

TEST_CASE(
    "Events of Converse that cannot be read are passed over, and a stream without an end broke off") {
    Run run(Json::parse(
        R"({"client":"chat","events":[],"request":{"messages":[{"role":"user","content":"x"}]}})"));
    const char* const odd[][2] = {{"contentBlockDelta", "7"},
                                  {"contentBlockDelta", R"({"delta":{"toolUse":{"input":"x"}}})"},
                                  {"contentBlockStart", R"({"start":[]})"},
                                  {"contentBlockStop", R"({"contentBlockIndex":99})"},
                                  {"metadata", R"({"usage":{"inputTokens":-1}})"},
                                  {"messageStop", R"({"stopReason":5})"},
                                  {"", "{}"},
                                  {"somethingNew", "{"}};
    for (const auto& [name, data] : odd)
        run.reader->event(Value::of(data), data, name, *run.writer);
    CHECK(run.out.find("error") == std::string::npos);
    run.reader->end(*run.writer);
    CHECK(run.out.find("The answer broke off") != std::string::npos);
}

TEST_CASE("The family in a model's name decides what Converse is asked") {
    using converse::gates_of;
    CHECK(gates_of("us.anthropic.claude-sonnet-4-5-20250929-v1:0").claude);
    CHECK(gates_of("arn:aws:bedrock:us-east-1::foundation-model/anthropic.claude-3-haiku").claude);
    CHECK_FALSE(gates_of("meta.llama3-3-70b-instruct-v1:0").any_tool);
    CHECK(gates_of("eu.amazon.nova-pro-v1:0").named_tool);
    CHECK_FALSE(gates_of("amazon.nova-pro-v1:0").cache_points);
    CHECK(gates_of("openai.gpt-oss-20b-1:0").effort);
}
