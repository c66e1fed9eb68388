// Thoughts and their seals belong to one provider: they go back to it intact, and to nobody else.
#include "dialects/translate.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <algorithm>

using namespace understudy;
using namespace understudy::dialects;
using wire::AnswerShape;
using wire::Dialect;
using Json = nlohmann::json;

namespace {

constexpr std::string_view kSeal = "SEAL+/8=";

/// The body that is sent of a request.
std::string sent(AnswerShape shape, Dialect to, std::string_view body) {
    Ask ask;
    ask.shape = shape;
    ask.body = body;
    Target target;
    target.dialect = to;
    target.model = to == Dialect::messages   ? "claude-sonnet-5"
                   : to == Dialect::gemini   ? "gemini-3-pro"
                   : to == Dialect::converse ? "anthropic.claude-sonnet-5-v1:0"
                                             : "m";
    Outgoing outgoing;
    std::unique_ptr<Translation> translation;
    const auto problem = translate(ask, target, outgoing, translation);
    if (problem) FAIL(problem->what);
    return outgoing.body;
}

}  // namespace

TEST_CASE("A seal goes to the provider that issued it, and to nobody else") {
    // Claude's in LiteLLM's form, and Google's in the form of its own endpoint for OpenAI's API.
    const std::string claude =
        R"({"max_tokens":9,"messages":[{"role":"user","content":"x"},{"role":"assistant",)"
        R"("content":"y","thinking_blocks":[{"type":"thinking","thinking":"Hm","signature":"SEAL+/8="}]},)"
        R"({"role":"user","content":"z"}]})";
    const std::string google =
        R"({"messages":[{"role":"user","content":"x"},{"role":"assistant","tool_calls":[{"id":"c",)"
        R"("type":"function","function":{"name":"f","arguments":"{}"},"extra_content":{"google":)"
        R"({"thought_signature":"SEAL+/8="}}}]},{"role":"tool","tool_call_id":"c","content":"z"}]})";
    const std::string anthropic =
        R"({"max_tokens":9,"messages":[{"role":"user","content":"x"},{"role":"assistant",)"
        R"("content":[{"type":"thinking","thinking":"Hm","signature":"SEAL+/8="},)"
        R"({"type":"redacted_thinking","data":"SEAL+/8="},{"type":"text","text":"y"}]},)"
        R"({"role":"user","content":"z"}]})";
    const std::string openai =
        R"({"input":[{"type":"message","role":"user","content":"x"},{"type":"reasoning","id":"rs_1",)"
        R"("summary":[{"type":"summary_text","text":"Hm"}],"encrypted_content":"SEAL+/8="},)"
        R"({"type":"message","role":"user","content":"z"}]})";
    const std::string gemini =
        R"({"contents":[{"parts":[{"text":"x"}]},{"role":"model","parts":[{"text":"Hm",)"
        R"("thought":true,"thoughtSignature":"SEAL+/8="},{"text":"y","thoughtSignature":"SEAL+/8="},)"
        R"({"functionCall":{"name":"f"},"thoughtSignature":"SEAL+/8="}]},)"
        R"({"parts":[{"functionResponse":{"name":"f","response":{}}}]}]})";
    struct Row {
        AnswerShape shape;
        const std::string& body;
        std::vector<Dialect> own;  // to whom it goes
    };
    const Row rows[] = {
        {AnswerShape::chat, claude, {Dialect::messages}},
        {AnswerShape::chat, google, {Dialect::gemini}},
        {AnswerShape::messages, anthropic, {}},
        {AnswerShape::responses, openai, {}},
        {AnswerShape::gemini, gemini, {}},
    };
    for (const auto& row : rows) {
        for (const auto to :
             {Dialect::chat, Dialect::messages, Dialect::gemini, Dialect::converse}) {
            if (!can_translate(row.shape, to)) continue;
            const auto body = sent(row.shape, to, row.body);
            CAPTURE(row.body, wire::name_of(to), body);
            const bool own = std::find(row.own.begin(), row.own.end(), to) != row.own.end();
            CHECK((body.find(kSeal) != std::string::npos) == own);
            CHECK(Json::accept(body));
        }
    }
}
