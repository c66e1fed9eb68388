// What one API's client got of another provider is taken out before that API's own provider sees
// it.
#include "dialects/seals.hpp"
#include "dialects/unsealed.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <string>

using namespace understudy::dialects;
using understudy::wire::Dialect;
using Json = nlohmann::json;

namespace {

std::string marked_for(Dialect client) {
    const auto by = client == Dialect::responses ? SealKind::claude : SealKind::openai;
    return sealed_for(client, by, "SEAL");
}

std::string messages_with(std::string_view signature, bool call) {
    Json content{{{"type", "thinking"}, {"thinking", "Hm"}, {"signature", signature}}};
    if (call) {
        content.push_back(
            {{"type", "tool_use"}, {"id", "t"}, {"name", "f"}, {"input", Json::object()}});
    } else {
        content.push_back({{"type", "text"}, {"text", "y"}});
    }
    return Json{{"model", "m"},
                {"thinking", {{"type", "enabled"}, {"budget_tokens", 1024}}},
                {"messages",
                 {{{"role", "user"}, {"content", "x"}},
                  {{"role", "assistant"}, {"content", content}},
                  {{"role", "user"}, {"content", "z"}}}}}
        .dump();
}

}  // namespace

TEST_CASE("A request whose thoughts are its own provider's stays as it is") {
    for (const bool demands : {false, true}) {
        CHECK(
            without_foreign_seals(Dialect::messages, messages_with("EqQB", true), demands).empty());
        CHECK(without_foreign_seals(Dialect::messages, R"({"messages":[]})", demands).empty());
    }
    CHECK(without_foreign_seals(Dialect::messages, messages_with("", false), false).empty());
    CHECK(without_foreign_seals(
              Dialect::responses,
              R"({"input":[{"type":"reasoning","summary":[],"encrypted_content":"gAAA"}]})", true)
              .empty());
    CHECK(without_foreign_seals(
              Dialect::gemini,
              R"({"contents":[{"parts":[{"thought":true,"text":"a","thoughtSignature":"Eq"}]}]})",
              false)
              .empty());
}

TEST_CASE("Thoughts of others, and bare ones where seals are demanded, are taken out") {
    for (const auto& signature : {marked_for(Dialect::messages), std::string()}) {
        CAPTURE(signature);
        const auto talk = Json::parse(
            without_foreign_seals(Dialect::messages, messages_with(signature, false), true));
        CHECK(talk["messages"][1]["content"] == Json{{{"type", "text"}, {"text", "y"}}});
        CHECK(talk.contains("thinking"));
        // With a call that has no thought before it Claude does not think.
        const auto calls = Json::parse(
            without_foreign_seals(Dialect::messages, messages_with(signature, true), true));
        CHECK(calls["messages"][1]["content"].size() == 1);
        CHECK_FALSE(calls.contains("thinking"));
    }
    Json responses{
        {"input",
         {{{"type", "reasoning"},
           {"summary", Json::array()},
           {"encrypted_content", marked_for(Dialect::responses)}},
          {{"type", "function_call"}, {"id", "fc_1"}, {"call_id", "c"}, {"name", "f"}}}}};
    auto left = Json::parse(without_foreign_seals(Dialect::responses, responses.dump(), false));
    responses["input"].erase(0);
    CHECK(left == responses);
    Json gemini{
        {"contents",
         {{{"role", "model"},
           {"parts",
            {{{"text", ""}, {"thought", true}, {"thoughtSignature", marked_for(Dialect::gemini)}},
             {{"text", "y"}}}}}}}};
    left = Json::parse(without_foreign_seals(Dialect::gemini, gemini.dump(), false));
    gemini["contents"][0]["parts"].erase(0);
    CHECK(left == gemini);
}
