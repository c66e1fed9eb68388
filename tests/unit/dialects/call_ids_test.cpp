#include "dialects/ids.hpp"
#include "dialects/translate.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cctype>
#include <set>
#include <string>

using namespace understudy::dialects;
using nlohmann::json;
using understudy::wire::AnswerShape;

namespace {

bool is_nine_letters(const std::string& id) {
    return id.size() == 9 && std::all_of(id.begin(), id.end(), [](unsigned char c) {
               return c < 0x80 && std::isalnum(c) != 0;
           });
}

json sent(AnswerShape shape, std::string_view body) {
    Ask ask;
    ask.shape = shape;
    ask.body = body;
    Target target;
    target.model = "mistral-large-latest";
    target.nine_letter_ids = true;
    Outgoing outgoing;
    std::unique_ptr<Translation> translation;
    const auto problem = translate(ask, target, outgoing, translation);
    if (problem) FAIL(problem->what);
    return json::parse(outgoing.body);
}

}  // namespace

TEST_CASE("An id of nine letters and digits stands for any other, always the same one") {
    CHECK(nine_letters("").empty());
    CHECK(nine_letters("AbC012xyz") == "AbC012xyz");
    std::set<std::string> seen;
    for (int i = 0; i < 2000; ++i) {
        const auto id = "toolu_01" + std::to_string(i);
        const auto nine = nine_letters(id);
        CHECK(is_nine_letters(nine));
        CHECK(nine == nine_letters(id));
        CHECK(nine_letters(nine) == nine);  // what comes back is what was sent
        seen.insert(nine);
    }
    CHECK(seen.size() == 2000);
    for (const auto* odd : {"AbC012xy_", "AbC012xy", "AbC012xyz0",
                            "caf\xc3\xa9"
                            "1234"}) {
        CHECK(is_nine_letters(nine_letters(odd)));
    }
}

TEST_CASE("A call and its result bear one id at Mistral, whichever API the client speaks") {
    const auto messages = sent(AnswerShape::messages, R"({"max_tokens":9,"messages":[
        {"role":"user","content":"q"},{"role":"assistant","content":[
         {"type":"tool_use","id":"toolu_01ABCDEF","name":"f","input":{}},
         {"type":"tool_use","id":"AbC012xyz","name":"f","input":{}}]},
        {"role":"user","content":[
         {"type":"tool_result","tool_use_id":"toolu_01ABCDEF","content":"r"},
         {"type":"tool_result","tool_use_id":"AbC012xyz","content":"s"}]}]})");
    const auto responses = sent(AnswerShape::responses, R"({"input":[
        {"role":"user","content":"q"},
        {"type":"function_call","call_id":"call_1","name":"f","arguments":"{}"},
        {"type":"function_call","call_id":"AbC012xyz","name":"f","arguments":"{}"},
        {"type":"function_call_output","call_id":"call_1","output":"r"},
        {"type":"function_call_output","call_id":"AbC012xyz","output":"s"}]})");
    const auto gemini = sent(AnswerShape::gemini, R"({"contents":[
        {"role":"user","parts":[{"text":"q"}]},
        {"role":"model","parts":[{"functionCall":{"name":"f","args":{}}},
                                 {"functionCall":{"id":"AbC012xyz","name":"f","args":{}}}]},
        {"role":"user","parts":[{"functionResponse":{"name":"f","response":{"a":1}}},
                                {"functionResponse":{"id":"AbC012xyz","name":"f",
                                                     "response":{"a":2}}}]}]})");
    for (const auto& body : {messages, responses, gemini}) {
        CAPTURE(body.dump());
        const auto& said = body["messages"];
        const auto& calls = said[1]["tool_calls"];
        REQUIRE(calls.size() == 2);
        for (std::size_t i = 0; i < 2; ++i) {
            CHECK(is_nine_letters(calls[i]["id"]));
            CHECK(said[2 + i]["tool_call_id"] == calls[i]["id"]);
        }
        CHECK(calls[1]["id"] == "AbC012xyz");
        CHECK(calls[0]["id"] != calls[1]["id"]);
    }
}
