// Calls and their results where ids are shared or come again, and words that stand beside what is
// said: all of it arrives, or is named.
#include "dialects/translate.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <memory>
#include <string>

using namespace understudy;
using namespace understudy::dialects;
using Json = nlohmann::json;
using wire::AnswerShape;
using wire::Dialect;

namespace {

struct Sent {
    Sent(AnswerShape client, Dialect to, const Json& request) : body(request.dump()) {
        Ask ask;
        ask.shape = client;
        ask.body = body;
        ask.model = "m";
        Target target;
        target.dialect = to;
        target.model = to == Dialect::gemini ? "gemini-3-pro" : "claude-sonnet-5";
        const auto problem = translate(ask, target, outgoing, translation);
        if (problem) FAIL(problem->what);
        json = Json::parse(outgoing.body);
    }
    bool dropped(const std::string& member) const {
        const auto& all = outgoing.dropped;
        return std::find(all.begin(), all.end(), member) != all.end();
    }
    bool says(const std::string& text) const {
        return outgoing.body.find(text) != std::string::npos;
    }
    std::string body;
    Outgoing outgoing;
    std::unique_ptr<Translation> translation;
    Json json;
};

Json user(const std::string& text) {
    return {{"role", "user"}, {"content", text}};
}

Json calls(const std::vector<std::string>& ids) {
    auto list = Json::array();
    for (const auto& id : ids) {
        list.push_back(
            {{"id", id}, {"type", "function"}, {"function", {{"name", "f"}, {"arguments", "{}"}}}});
    }
    return {{"role", "assistant"}, {"tool_calls", list}};
}

Json result(const std::string& id, const std::string& text) {
    return {{"role", "tool"}, {"tool_call_id", id}, {"content", text}};
}

Json talk(const Json& messages) {
    return {{"max_tokens", 9}, {"messages", messages}};
}

std::string text_of(const Json& result) {
    std::string out;
    for (const auto& one : result["content"]) out += one["text"].get<std::string>() + "|";
    return out;
}

Json blocks(const Json& content) {
    const Json message{{"role", "user"}, {"content", content}};
    return talk(Json::array({message}));
}

}  // namespace

TEST_CASE("Calls of one turn that share an id are answered in order, and all texts are kept") {
    const Sent two(AnswerShape::chat, Dialect::messages,
                   talk({user("x"), calls({"c", "c"}), result("c", "one"), result("c", "two")}));
    const auto& asked = two.json["messages"][1]["content"];
    const auto& given = two.json["messages"][2]["content"];
    REQUIRE(given.size() == 2);
    CHECK(text_of(given[0]) == "one|");
    CHECK(text_of(given[1]) == "two|");
    CHECK(asked[0]["id"] == "c");
    CHECK(asked[1]["id"] != "c");
    for (int i = 0; i < 2; ++i) CHECK(asked[i]["id"] == given[i]["tool_use_id"]);

    const Sent more(AnswerShape::chat, Dialect::messages,
                    talk({user("x"), calls({"c"}), result("c", "one"), result("c", "two"),
                          result("c", "two")}));
    const auto& all = more.json["messages"][2]["content"];
    REQUIRE(all.size() == 1);
    CHECK(text_of(all[0]) == "one|two|");

    const Sent late(AnswerShape::chat, Dialect::messages,
                    talk({user("x"),
                          calls({"a", "b"}),
                          result("b", "B"),
                          {{"role", "system"}, {"content", "notice"}},
                          result("a", "A")}));
    const auto& both = late.json["messages"][2]["content"];
    CHECK(text_of(both[0]) == "A|");
    CHECK(text_of(both[1]) == "B|");
}

TEST_CASE("Ids that come again in a later turn are told apart, the same way each time") {
    auto messages = Json{user("x"), calls({"0"}), result("0", "one"),
                         user("y"), calls({"0"}), result("0", "two")};
    const Sent once(AnswerShape::chat, Dialect::messages, talk(messages));
    messages.push_back(calls({"0"}));
    messages.push_back(result("0", "three"));
    const Sent again(AnswerShape::chat, Dialect::messages, talk(messages));
    const auto& first = once.json["messages"];
    const auto& longer = again.json["messages"];
    std::vector<std::string> ids;
    for (const auto at : {1U, 3U, 5U}) {
        ids.push_back(longer[at]["content"][0]["id"]);
        CHECK(longer[at + 1]["content"][0]["tool_use_id"] == ids.back());
    }
    CHECK(ids[0] == "0");
    CHECK(ids[1] != "0");
    CHECK(ids[2] != ids[1]);
    for (std::size_t i = 0; i < first.size(); ++i) CHECK(first[i] == longer[i]);
}

TEST_CASE("A call without an id gets one") {
    auto call = calls({"a"});
    call["tool_calls"][0].erase("id");
    const Sent sent(AnswerShape::chat, Dialect::messages, talk({user("x"), call, user("y")}));
    const auto& messages = sent.json["messages"];
    const std::string id = messages[1]["content"][0]["id"];
    CHECK(id.starts_with("us_"));
    CHECK(messages[2]["content"][0]["tool_use_id"] == id);
}

TEST_CASE("What stands beside a document or a hit of a search is said, or named as dropped") {
    const Json text{{"type", "text"}, {"text", "BODY"}};
    const Json hit{{"type", "search_result"},
                   {"source", "SOURCE"},
                   {"title", "TITLE"},
                   {"content", Json::array({text})}};
    const Json plain{{"type", "document"},
                     {"source", {{"type", "text"}, {"media_type", "text/plain"}, {"data", "BODY"}}},
                     {"title", "TITLE"},
                     {"context", "CONTEXT"}};
    const Json parts{{"type", "document"},
                     {"source", {{"type", "content"}, {"content", Json::array({text})}}},
                     {"title", "TITLE"},
                     {"context", "CONTEXT"}};
    for (const auto to : {Dialect::chat, Dialect::responses, Dialect::gemini}) {
        const Sent found(AnswerShape::messages, to, blocks(Json::array({hit})));
        for (const auto* word : {"TITLE", "SOURCE", "BODY"}) CHECK(found.says(word));
        for (const auto& document : {plain, parts}) {
            const Sent sent(AnswerShape::messages, to, blocks(Json::array({document})));
            for (const auto* word : {"TITLE", "CONTEXT", "BODY"}) CHECK(sent.says(word));
        }
    }
    const Json pdf{
        {"type", "document"},
        {"source", {{"type", "base64"}, {"media_type", "application/pdf"}, {"data", "JVBERi0="}}},
        {"title", "TITLE"},
        {"citations", {{"enabled", true}}}};
    const Sent sent(AnswerShape::messages, Dialect::gemini, blocks(Json::array({pdf})));
    CHECK(sent.dropped("title"));
    CHECK(sent.dropped("messages[].content[].citations"));
}

TEST_CASE("Names, examples and schemas that have no place there are named as dropped") {
    const Json bob{{"role", "user"}, {"name", "BOB"}, {"content", "x"}};
    const Sent named(AnswerShape::chat, Dialect::messages, talk(Json::array({bob})));
    CHECK(named.dropped("messages[].name"));
    auto request = talk(Json::array({user("x")}));
    request["tools"] = Json::array({{{"name", "f"},
                                     {"input_schema", {{"type", "object"}}},
                                     {"input_examples", Json::array()}}});
    CHECK(Sent(AnswerShape::messages, Dialect::chat, request).dropped("tools[].input_examples"));
    request["tools"] =
        Json::array({{{"name", "f"}, {"input_schema", {{"$ref", "https://x.test/a.json"}}}}});
    CHECK(Sent(AnswerShape::messages, Dialect::gemini, request).dropped("tools[].parameters"));
}

TEST_CASE("Tools of free text may be those that are allowed") {
    auto request = talk(Json::array({user("x")}));
    const Json grammar{{"syntax", "lark"}, {"definition", "start: /a/"}};
    const Json format{{"type", "grammar"}, {"grammar", grammar}};
    const Json custom{{"type", "custom"}, {"custom", {{"name", "free"}, {"format", format}}}};
    request["tools"] = Json::array({custom, {{"type", "function"}, {"function", {{"name", "f"}}}}});
    request["tool_choice"] = {
        {"type", "allowed_tools"},
        {"allowed_tools", {{"mode", "required"}, {"tools", Json::array({custom})}}}};
    const Sent sent(AnswerShape::chat, Dialect::messages, request);
    REQUIRE(sent.json["tools"].size() == 1);
    CHECK(sent.json["tools"][0]["name"] == "free");
    CHECK(sent.json["tool_choice"]["type"] == "any");
    CHECK(sent.dropped("tools[].custom.format"));
    CHECK(sent.json["tools"][0]["description"] ==
          "The input follows this grammar (lark):\nstart: /a/");
}
