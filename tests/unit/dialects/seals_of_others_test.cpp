// A seal in the hands of another API's client: it travels marked, goes back to its provider as it
// was, and to nobody else.
#include "dialects/seals.hpp"
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
using wire::AnswerShape;
using wire::Dialect;
using Json = nlohmann::json;

namespace {

constexpr std::string_view kSeal = "SEAL+/8=";

std::string_view model_at(Dialect to) {
    switch (to) {
        case Dialect::messages:
            return "claude-sonnet-4-5";
        case Dialect::gemini:
            return "gemini-3-pro";
        case Dialect::converse:
            return "anthropic.claude-sonnet-4-5";
        default:
            return "gpt-5";
    }
}

struct Turned {
    std::string body;
    std::unique_ptr<Translation> back;
};

Turned turned(AnswerShape shape, Dialect to, const Json& request, bool stream = false) {
    const auto text = request.dump();
    Ask ask;
    ask.shape = shape;
    ask.body = text;
    ask.stream = stream;
    ask.created = 1'790'000'000;
    Target target;
    target.dialect = to;
    target.model = model_at(to);
    Outgoing outgoing;
    Turned out;
    const auto problem = translate(ask, target, outgoing, out.back);
    if (problem) FAIL(problem->what);
    out.body = outgoing.body;
    return out;
}

const Json kSchema{{"type", "object"}, {"properties", Json::object()}};

/// A client of one API: what it asks, and what it sends back of an answer.
struct Client {
    AnswerShape shape;
    Json first;
    std::function<Json(const Json& first, const Json& said)> next;
    std::function<Json(const Json& body)> said;                  // of a plain answer
    std::function<Json(const std::vector<Json>& events)> heard;  // of a stream
};

Json messages_heard(const std::vector<Json>& events) {
    Json content = Json::array();
    std::string arguments;
    for (const auto& event : events) {
        if (event["type"] == "content_block_start") content.push_back(event["content_block"]);
        if (event["type"] != "content_block_delta") continue;
        const auto& delta = event["delta"];
        auto& block = content.back();
        if (delta["type"] == "thinking_delta")
            block["thinking"] =
                block["thinking"].get<std::string>() + delta["thinking"].get<std::string>();
        if (delta["type"] == "signature_delta") block["signature"] = delta["signature"];
    }
    return content;
}

std::vector<Client> clients() {
    const Json question{{"role", "user"}, {"content", "x"}};
    std::vector<Client> out;
    out.push_back(
        {AnswerShape::messages,
         Json{{"max_tokens", 9},
              {"messages", {question}},
              {"thinking", {{"type", "enabled"}, {"budget_tokens", 2000}}},
              {"tools", {{{"name", "f"}, {"input_schema", kSchema}}}}},
         [question](const Json& first, const Json& said) {
             Json next = first;
             const auto& id = said.back().at("id");
             next["messages"] = {
                 question,
                 {{"role", "assistant"}, {"content", said}},
                 {{"role", "user"},
                  {"content", {{{"type", "tool_result"}, {"tool_use_id", id}, {"content", "y"}}}}}};
             return next;
         },
         [](const Json& body) { return body.at("content"); }, messages_heard});
    out.push_back(
        {AnswerShape::responses,
         Json{{"input", {{{"type", "message"}, {"role", "user"}, {"content", "x"}}}},
              {"reasoning", {{"summary", "auto"}, {"effort", "low"}}},
              {"tools", {{{"type", "function"}, {"name", "f"}, {"parameters", kSchema}}}}},
         [](const Json& first, const Json& said) {
             Json next = first;
             for (const auto& item : said) next["input"].push_back(item);
             next["input"].push_back({{"type", "function_call_output"},
                                      {"call_id", said.back().at("call_id")},
                                      {"output", "y"}});
             return next;
         },
         [](const Json& body) { return body.at("output"); },
         [](const std::vector<Json>& events) {
             Json items = Json::array();
             for (const auto& event : events) {
                 if (event["type"] == "response.output_item.done") items.push_back(event["item"]);
             }
             return items;
         }});
    const auto parts_of = [](const Json& body) {
        return body.at("candidates").at(0).at("content").at("parts");
    };
    out.push_back(
        {AnswerShape::gemini,
         Json{{"contents", {{{"role", "user"}, {"parts", {{{"text", "x"}}}}}}},
              {"generationConfig",
               {{"thinkingConfig", {{"includeThoughts", true}, {"thinkingBudget", 2000}}}}},
              {"tools", {{{"functionDeclarations", {{{"name", "f"}, {"parameters", kSchema}}}}}}}},
         [](const Json& first, const Json& said) {
             Json next = first;
             next["contents"].push_back({{"role", "model"}, {"parts", said}});
             const auto& call = said.back().at("functionCall");
             next["contents"].push_back(
                 {{"role", "user"},
                  {"parts",
                   {{{"functionResponse",
                      {{"id", call.at("id")}, {"name", "f"}, {"response", {{"a", 1}}}}}}}}});
             return next;
         },
         parts_of,
         [parts_of](const std::vector<Json>& events) {
             Json parts = Json::array();
             for (const auto& event : events) {
                 for (const auto& part : parts_of(event)) parts.push_back(part);
             }
             return parts;
         }});
    return out;
}

/// A provider that has thought "Hm", sealed it, and calls f.
struct Provider {
    Dialect dialect;
    Json plain;
    std::vector<Json> events;
};

std::vector<Provider> providers() {
    const std::string seal(kSeal);
    const Json reasoning{{"type", "reasoning"},
                         {"id", "rs_1"},
                         {"summary", {{{"type", "summary_text"}, {"text", "Hm"}}}},
                         {"encrypted_content", seal}};
    const Json call{{"type", "function_call"}, {"id", "fc_1"},
                    {"call_id", "call_1"},     {"name", "f"},
                    {"arguments", "{}"},       {"status", "completed"}};
    const Json response{{"id", "resp_1"},
                        {"object", "response"},
                        {"status", "completed"},
                        {"model", "m"},
                        {"output", {reasoning, call}}};
    Json begun_call = call;
    begun_call["arguments"] = "";
    const Json thinking{{"type", "thinking"}, {"thinking", "Hm"}, {"signature", seal}};
    const Json use{
        {"type", "tool_use"}, {"id", "toolu_1"}, {"name", "f"}, {"input", Json::object()}};
    const Json message{{"id", "msg_1"},
                       {"type", "message"},
                       {"role", "assistant"},
                       {"model", "m"},
                       {"content", {thinking, use}},
                       {"stop_reason", "tool_use"},
                       {"usage", {{"input_tokens", 1}, {"output_tokens", 2}}}};
    Json begun = message;
    begun["content"] = Json::array();
    begun["stop_reason"] = nullptr;
    const Json chunk{{"candidates",
                      {{{"content",
                         {{"role", "model"},
                          {"parts",
                           {{{"text", "Hm"}, {"thought", true}},
                            {{"functionCall", {{"name", "f"}, {"args", Json::object()}}},
                             {"thoughtSignature", seal}}}}}},
                        {"finishReason", "STOP"},
                        {"index", 0}}}},
                     {"modelVersion", "m"},
                     {"responseId", "r"}};
    const auto item = [](const char* type, int index, const Json& what) {
        return Json{{"type", type}, {"output_index", index}, {"item", what}};
    };
    return {
        {Dialect::responses,
         response,
         {{{"type", "response.created"}, {"response", {{"id", "resp_1"}, {"model", "m"}}}},
          item("response.output_item.added", 0,
               {{"type", "reasoning"}, {"id", "rs_1"}, {"summary", Json::array()}}),
          {{"type", "response.reasoning_summary_text.delta"},
           {"output_index", 0},
           {"item_id", "rs_1"},
           {"summary_index", 0},
           {"delta", "Hm"}},
          item("response.output_item.done", 0, reasoning),
          item("response.output_item.added", 1, begun_call),
          item("response.output_item.done", 1, call),
          {{"type", "response.completed"}, {"response", response}}}},
        {Dialect::messages,
         message,
         {{{"type", "message_start"}, {"message", begun}},
          {{"type", "content_block_start"},
           {"index", 0},
           {"content_block", {{"type", "thinking"}, {"thinking", ""}, {"signature", ""}}}},
          {{"type", "content_block_delta"},
           {"index", 0},
           {"delta", {{"type", "thinking_delta"}, {"thinking", "Hm"}}}},
          {{"type", "content_block_delta"},
           {"index", 0},
           {"delta", {{"type", "signature_delta"}, {"signature", seal}}}},
          {{"type", "content_block_stop"}, {"index", 0}},
          {{"type", "content_block_start"}, {"index", 1}, {"content_block", use}},
          {{"type", "content_block_stop"}, {"index", 1}},
          {{"type", "message_delta"}, {"delta", {{"stop_reason", "tool_use"}}}},
          {{"type", "message_stop"}}}},
        {Dialect::gemini, chunk, {chunk}},
    };
}

std::vector<Json> streamed(Translation& back, const std::vector<Json>& events) {
    std::string text;
    for (const auto& event : events) {
        const auto name = event.value("type", std::string());
        CHECK(back.event(event.dump(), name, text));
    }
    back.end(text);
    std::vector<Json> out;
    wire::SseScanner scanner;
    wire::SseEvent event;
    std::string_view rest = text;
    while (scanner.next(rest, event)) {
        out.push_back(Json::parse(event.data));
        rest.remove_prefix(event.raw.size());
    }
    return out;
}

bool has(const std::string& text, std::string_view part) {
    return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("Seals of others travel marked, go back as they were, and to nobody else") {
    for (const auto& client : clients()) {
        for (const auto& provider : providers()) {
            if (!can_translate(client.shape, provider.dialect)) continue;
            for (const bool stream : {false, true}) {
                const auto asked = turned(client.shape, provider.dialect, client.first, stream);
                const auto said =
                    stream ? client.heard(streamed(*asked.back, provider.events))
                           : client.said(Json::parse(asked.back->whole(provider.plain.dump())));
                CAPTURE(static_cast<int>(client.shape), wire::name_of(provider.dialect), stream,
                        said.dump(), asked.body);
                if (provider.dialect == Dialect::responses)
                    CHECK(has(asked.body, R"("include":["reasoning.encrypted_content"])"));
                CHECK_FALSE(has(said.dump(), "\"" + std::string(kSeal) + "\""));
                const auto next = client.next(client.first, said);
                for (const auto to :
                     {Dialect::messages, Dialect::responses, Dialect::gemini, Dialect::chat}) {
                    if (!can_translate(client.shape, to)) continue;
                    const auto body = turned(client.shape, to, next).body;
                    CAPTURE(wire::name_of(to), body);
                    CHECK(has(body, kSeal) == (to == provider.dialect));
                    CHECK_FALSE(has(body, kSealMark));
                    CHECK_FALSE(has(body, kSealMarkBase64));
                    if (to == provider.dialect)
                        CHECK(has(body, "\"Hm\"") == (to != Dialect::gemini));
                }
            }
        }
    }
}
