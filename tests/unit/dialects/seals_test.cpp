// Thoughts and their seals belong to one provider: they go back to it intact, and to nobody else.
#include "dialects/translate.hpp"
#include "wire/sse.hpp"

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

/// The content of a message that came as events, put together as Anthropic's libraries do it.
Json blocks_in(std::string_view events) {
    Json blocks = Json::array();
    std::string arguments;
    wire::SseScanner scanner;
    wire::SseEvent event;
    for (; scanner.next(events, event); events.remove_prefix(event.raw.size())) {
        const auto data = Json::parse(event.data);
        if (event.name == "content_block_start") {
            CHECK(data["index"] == blocks.size());
            blocks.push_back(data["content_block"]);
            arguments.clear();
        } else if (event.name == "content_block_delta") {
            const auto& delta = data["delta"];
            auto& block = blocks.back();
            for (const auto* name : {"text", "thinking", "signature"}) {
                if (delta.contains(name))
                    block[name] = block[name].get<std::string>() + delta[name].get<std::string>();
            }
            arguments += delta.value("partial_json", "");
            if (!arguments.empty()) block["input"] = Json::parse(arguments, nullptr, false);
        }
    }
    return blocks;
}

/// The blocks that a client of Messages makes of these, which come as a stream of Converse's.
Json told_by(Translation& translation, const Json& content) {
    std::string out;
    const auto event = [&](std::string_view name, const Json& data) {
        translation.event(data.dump(), name, out);
    };
    event("messageStart", {{"role", "assistant"}});
    for (std::size_t at = 0; at < content.size(); ++at) {
        const auto delta = [&](const Json& what) {
            event("contentBlockDelta", {{"contentBlockIndex", at}, {"delta", what}});
        };
        const auto& block = content[at];
        if (block.contains("text")) delta(block);
        if (block.contains("toolUse")) {
            auto start = block["toolUse"];
            start.erase("input");
            event("contentBlockStart",
                  {{"contentBlockIndex", at}, {"start", {{"toolUse", start}}}});
            delta({{"toolUse", {{"input", block["toolUse"]["input"].dump()}}}});
        }
        if (block.contains("reasoningContent")) {
            const auto& thought = block["reasoningContent"];
            const auto& parts = thought.value("reasoningText", thought);
            for (const auto& [name, value] : parts.items()) {
                if (name != "signature") delta({{"reasoningContent", {{name, value}}}});
            }
            if (parts.contains("signature"))
                delta({{"reasoningContent", {{"signature", parts["signature"]}}}});
        }
        event("contentBlockStop", {{"contentBlockIndex", at}});
    }
    event("messageStop", {{"stopReason", "tool_use"}});
    translation.end(out);
    return blocks_in(out);
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
        {AnswerShape::chat, claude, {Dialect::messages, Dialect::converse}},
        {AnswerShape::chat, google, {Dialect::gemini}},
        {AnswerShape::messages, anthropic, {Dialect::converse}},
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

TEST_CASE("Claude's thoughts on Bedrock go to a client of Messages and back as they were") {
    const auto content = Json::parse(
        R"([{"reasoningContent":{"reasoningText":{"text":"Hm \u00e9\"\n","signature":"SEAL+/8="}}},)"
        R"({"reasoningContent":{"redactedContent":"EqQB"}},)"
        R"({"reasoningContent":{"reasoningText":{"text":"","signature":"Es=="}}},)"
        R"({"text":"Checking."},{"toolUse":{"toolUseId":"tooluse_1","name":"f","input":{"a":[1.0]}}}])");
    const Json question{{"role", "user"}, {"content", "x"}};
    Json asked{{"max_tokens", 9},
               {"messages", {question}},
               {"thinking", {{"type", "enabled"}, {"budget_tokens", 2000}}},
               {"tools", {{{"name", "f"}, {"input_schema", {{"type", "object"}}}}}}};
    for (const bool stream : {false, true}) {
        CAPTURE(stream);
        Json said = Json::array();
        const auto first = asked.dump();
        Ask ask;
        ask.shape = AnswerShape::messages;
        ask.body = first;
        ask.stream = stream;
        Target target;
        target.dialect = Dialect::converse;
        target.model = "anthropic.claude-sonnet-4-5";
        Outgoing outgoing;
        std::unique_ptr<Translation> translation;
        REQUIRE_FALSE(translate(ask, target, outgoing, translation));
        if (stream) {
            said = told_by(*translation, content);
        } else {
            const Json whole{
                {"output", {{"message", {{"role", "assistant"}, {"content", content}}}}},
                {"stopReason", "tool_use"}};
            said = Json::parse(translation->whole(whole.dump())).at("content");
        }
        auto next = asked;
        next["messages"] = {
            question,
            {{"role", "assistant"}, {"content", said}},
            {{"role", "user"},
             {"content",
              {{{"type", "tool_result"}, {"tool_use_id", "tooluse_1"}, {"content", "y"}}}}}};
        const auto back = Json::parse(sent(AnswerShape::messages, Dialect::converse, next.dump()));
        CHECK(back.at("messages").at(1).at("content") == content);
    }
}
