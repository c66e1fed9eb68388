// Clients of Google's API: what golden files cannot hold.
#include "dialects/gemini/proto_json.hpp"
#include "dialects/gemini/read_schema.hpp"
#include "dialects/translate.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

using namespace understudy;
using namespace understudy::dialects;
using Json = nlohmann::json;

namespace {

/// A client's request, put to an upstream of another dialect.
struct Asked {
    explicit Asked(std::string request, wire::Dialect to = wire::Dialect::chat, bool stream = false)
        : body(std::move(request)) {
        Ask ask;
        ask.shape = wire::AnswerShape::gemini;
        ask.body = body;
        ask.model = "gemini-x";
        ask.stream = stream;
        Target target;
        target.dialect = to;
        target.model = to == wire::Dialect::messages ? "claude-sonnet-5" : "m";
        problem = translate(ask, target, outgoing, translation);
    }
    std::string body;
    Outgoing outgoing;
    std::unique_ptr<Translation> translation;
    std::optional<Problem> problem;
};

std::string with_part(std::string_view part, std::string_view role = "model") {
    return R"({"contents":[{"role":"user","parts":[{"text":"x"}]},{"role":")" + std::string(role) +
           R"(","parts":[)" + std::string(part) + "]}]}";
}

std::string nested(std::size_t levels, std::string_view open, std::string_view close) {
    std::string out;
    for (std::size_t i = 0; i < levels; ++i) out += open;
    out += "1";
    for (std::size_t i = 0; i < levels; ++i) out += close;
    return out;
}

}  // namespace

TEST_CASE("Google's clients are translated for every other dialect that can be asked") {
    using wire::AnswerShape;
    for (const auto shape : {AnswerShape::gemini, AnswerShape::gemini_list}) {
        CHECK(can_translate(shape, wire::Dialect::chat));
        CHECK(can_translate(shape, wire::Dialect::messages));
        CHECK(can_translate(shape, wire::Dialect::responses));
        CHECK(can_translate(shape, wire::Dialect::converse));
        CHECK_FALSE(can_translate(shape, wire::Dialect::gemini));  // those are spliced
    }
    CHECK_FALSE(can_translate(AnswerShape::gemini_count, wire::Dialect::chat));
}

TEST_CASE("A name is the same in camelCase and in snake_case") {
    std::string memory;
    CHECK(gemini::camel("generation_config", memory) == "generationConfig");
    CHECK(gemini::camel("generationConfig", memory) == "generationConfig");
    CHECK(gemini::camel("_responseJsonSchema", memory) == "_responseJsonSchema");
    CHECK(gemini::camel("a__b_", memory) == "aB");
    CHECK(gemini::camel("", memory).empty());
    CHECK(gemini::number_of(Value::of(R"("12")")).raw() == "12");
    CHECK_FALSE(gemini::number_of(Value::of(R"("Infinity")")).present());
    CHECK_FALSE(gemini::number_of(Value::of(R"("{}")")).present());
    CHECK_FALSE(gemini::number_of(Value::of("[1]")).present());
}

TEST_CASE("Google's schemas become JSON Schema") {
    struct Case {
        const char* theirs;
        const char* plain;
    };
    const auto c = GENERATE(values<Case>({
        {R"({"type":"STRING"})", R"({"type":"string"})"},
        {R"({"type":"TYPE_UNSPECIFIED","description":"d"})", R"({"description":"d"})"},
        {R"({"type":["string","null"]})", R"({"type":["string","null"]})"},
        {R"({"type":["STRING","NULL"],"nullable":true})", R"({"type":["string","null"]})"},
        {R"({"type":"OBJECT","properties":{"nullable":{"type":"BOOLEAN"}},"max_properties":"3"})",
         R"({"type":"object","properties":{"nullable":{"type":"boolean"}},"maxProperties":3})"},
        {R"({"anyOf":[{"type":"NUMBER","format":"double"},{"type":"NULL"}],"example":1})",
         R"({"anyOf":[{"type":"number","format":"double"},{"type":"null"}]})"},
        {R"({"type":"ARRAY","items":{"ref":"#/defs/x"},"defs":{"x":{"type":"INTEGER"}}})",
         R"({"type":"array","items":{"$ref":"#/$defs/x"},"$defs":{"x":{"type":"integer"}}})"},
        {R"({"type":"object","additional_properties":false,"required":["a"],"title":"T\u00e9"})",
         R"({"type":"object","additionalProperties":false,"required":["a"],"title":"T\u00e9"})"},
        {R"({"type":9,"enum":"x","items":true})", R"({"type":9,"enum":[],"items":true})"},
        {R"({})", R"({})"},
        {R"([])", R"([])"},
    }));
    CHECK(gemini::json_schema(Value::of(c.theirs)) == c.plain);
}

TEST_CASE("Schemas nested as deep as a request may be are passed on") {
    const auto deep = nested(250, R"({"type":"OBJECT","items":)", "}");
    const auto body = R"({"contents":[{"parts":[{"text":"x"}]}],"tools":[{"functionDeclarations":)"
                      R"([{"name":"f","parameters":)" +
                      deep + "}]}]}";
    const Asked asked(body);
    REQUIRE_FALSE(asked.problem);
    wire::JsonKind kind{};
    CHECK_FALSE(wire::check_json(asked.outgoing.body, kind));
}

TEST_CASE("Arguments nested deep, and ten megabytes of them, arrive as they are") {
    for (const auto& args : {R"({"a":)" + nested(200, "[", "]") + "}",
                             R"({"a":")" + std::string(10 << 20, 'x') + "\"}"}) {
        for (const auto to : {wire::Dialect::chat, wire::Dialect::messages}) {
            const Asked asked(with_part(R"({"functionCall":{"name":"f","args":)" + args + "}}"),
                              to);
            REQUIRE_FALSE(asked.problem);
            const auto sent = Json::parse(asked.outgoing.body);
            const auto& message = sent["messages"][1];
            const auto got =
                to == wire::Dialect::chat
                    ? Json::parse(std::string(message["tool_calls"][0]["function"]["arguments"]))
                    : message["content"][0]["input"];
            CHECK((got == Json::parse(args)));
        }
    }
}

TEST_CASE("Ten megabytes of arguments come back as one call") {
    Asked asked(R"({"contents":[{"parts":[{"text":"x"}]}]})", wire::Dialect::chat, true);
    REQUIRE_FALSE(asked.problem);
    std::string out;
    const std::string piece(10'000, 'y');
    const auto send = [&](const std::string& arguments) {
        Json chunk;
        chunk["id"] = "c";
        auto& call = chunk["choices"][0]["delta"]["tool_calls"][0];
        call["index"] = 0;
        call["id"] = "call_1";
        call["function"]["name"] = "f";
        call["function"]["arguments"] = arguments;
        asked.translation->event(chunk.dump(), {}, out);
    };
    send("{\"a\":\"");
    for (int i = 0; i < 1000; ++i) send(piece);
    send("\"}");
    CHECK(out.empty());  // a call is one object there
    asked.translation->end(out);
    REQUIRE(out.starts_with("data: "));
    const auto chunk = Json::parse(out.substr(6));
    const std::string got =
        chunk["candidates"][0]["content"]["parts"][0]["functionCall"]["args"]["a"];
    CHECK(got.size() == 10'000'000);
}

TEST_CASE("Bytes that are no UTF-8 are refused") {
    const Asked asked(with_part("{\"text\":\"\xff\xc3\"}", "user"));
    REQUIRE(asked.problem);
    CHECK(asked.problem->kind == Problem::Kind::bad_request);
}

TEST_CASE("What a client says of a type cannot break out of its string") {
    const Asked asked(
        with_part(R"({"inlineData":{"mimeType":"image/\"},x","data":"AAAA"}})", "user"));
    REQUIRE_FALSE(asked.problem);
    const auto sent = Json::parse(asked.outgoing.body);
    CHECK(sent["messages"][0]["content"][1]["image_url"]["url"] == "data:image/\"},x;base64,AAAA");
}

TEST_CASE("Half a character waits for the other half: Google's SDKs refuse one") {
    Asked asked(R"({"contents":[{"parts":[{"text":"x"}]}],"generationConfig":{"thinkingConfig":)"
                R"({"includeThoughts":true}}})",
                wire::Dialect::messages, true);
    REQUIRE_FALSE(asked.problem);
    std::string out;
    const auto send = [&](std::string_view type, std::string_view member, std::string_view text) {
        asked.translation->event(R"({"type":"content_block_delta","index":0,"delta":{"type":")" +
                                     std::string(type) + R"(",")" + std::string(member) + R"(":")" +
                                     std::string(text) + R"("}})",
                                 {}, out);
    };
    send("text_delta", "text", R"(a\ud83d)");
    send("text_delta", "text", R"(\ude00b)");
    send("text_delta", "text", R"(\ud83d)");
    send("thinking_delta", "thinking", "t");
    send("text_delta", "text", R"(\\ud83d)");  // no escape at all
    send("text_delta", "text", R"(\ud83d)");
    asked.translation->event(R"({"type":"message_stop"})", {}, out);
    std::vector<std::string> texts;
    for (std::string_view rest = out; !rest.empty();) {
        const auto end = rest.find("\r\n\r\n");
        REQUIRE(end != std::string_view::npos);
        const auto chunk = Json::parse(rest.substr(6, end - 6));
        texts.push_back(chunk["candidates"][0]["content"]["parts"][0]["text"]);
        rest.remove_prefix(end + 4);
    }
    const std::vector<std::string> expected{"a",
                                            "\xf0\x9f\x98\x80"
                                            "b",
                                            "\xef\xbf\xbd",
                                            "t",
                                            "\\ud83d",
                                            "\xef\xbf\xbd",
                                            ""};
    CHECK(texts == expected);
}

TEST_CASE("Ids that were made are the same in the next request, with more behind them") {
    const std::string first = R"({"contents":[{"parts":[{"text":"x"}]},{"role":"model","parts":)"
                              R"([{"functionCall":{"name":"f","args":{}}}]},{"parts":[{)"
                              R"("functionResponse":{"name":"f","response":{}}}]}]})";
    auto second = first.substr(0, first.size() - 2);
    second += R"(,{"role":"model","parts":[{"functionCall":{"name":"f","args":{}}}]},{"parts":[{)"
              R"("functionResponse":{"name":"f","response":{}}}]}]})";
    const Asked a(first);
    const Asked b(second);
    REQUIRE_FALSE(a.problem);
    REQUIRE_FALSE(b.problem);
    const auto messages = Json::parse(b.outgoing.body)["messages"];
    const auto before = Json::parse(a.outgoing.body)["messages"];
    for (std::size_t i = 0; i < before.size(); ++i) CHECK(before[i] == messages[i]);
    CHECK(messages[1]["tool_calls"][0]["id"] != messages[3]["tool_calls"][0]["id"]);
    CHECK(messages[1]["tool_calls"][0]["id"] == messages[2]["tool_call_id"]);
}

TEST_CASE("A hundred thousand calls and results are put in order without looking for each") {
    constexpr int kCalls = 100'000;
    std::string calls;
    std::string results;
    for (int i = 0; i < kCalls; ++i) {
        if (i != 0) calls += ',';
        if (i != 0) results += ',';
        const auto name = "f" + std::to_string(i);
        calls += R"({"functionCall":{"name":")" + name + "\"}}";
        results += R"({"functionResponse":{"name":")" + name + R"("}})";
    }
    const auto body = R"({"contents":[{"role":"user","parts":[{"text":"x"}]},{"role":"model",)"
                      R"("parts":[)" +
                      calls + R"(]},{"parts":[)" + results + "]}]}";
    for (const auto to : {wire::Dialect::chat, wire::Dialect::messages, wire::Dialect::responses}) {
        const Asked asked(body, to);
        REQUIRE_FALSE(asked.problem);
        CHECK(asked.outgoing.body.find("no result") == std::string::npos);
    }
}

TEST_CASE("Names that are lost are told of within bounds") {
    std::string parts = R"({"text":"x"})";
    for (int i = 0; i < 1000; ++i) {
        parts += R"(,{"text":"y","k)" + std::to_string(i) + std::string(100, 'z') + "\":1}";
    }
    const Asked asked(with_part(parts, "user"));
    REQUIRE_FALSE(asked.problem);
    CHECK(asked.outgoing.dropped.size() == 32);
    CHECK(asked.outgoing.dropped.back().size() == 80);
}

TEST_CASE("Deep lists, odd kinds and duplicate members are read or refused, never fatal") {
    for (const auto* part :
         {R"({"functionCall":[]})", R"({"functionCall":7})", R"({"functionResponse":[[]]})",
          R"({"inlineData":[]})", R"({"fileData":7})", R"({"thought":"yes","text":"a"})",
          R"({"text":"a","text":"b"})", R"({})", R"({"thoughtSignature":5,"text":"x"})",
          R"({"thoughtSignature":"U"})", R"({"text":null})"}) {
        for (const auto to : {wire::Dialect::chat, wire::Dialect::messages}) {
            const Asked asked(with_part(part, "user"), to);
            CAPTURE(part);
            if (asked.problem) {
                CHECK_FALSE(asked.problem->what.empty());
                continue;
            }
            wire::JsonKind kind{};
            CHECK_FALSE(wire::check_json(asked.outgoing.body, kind));
        }
    }
    for (const auto* member :
         {R"("tools":7)", R"("toolConfig":[])", R"("toolConfig":{"functionCallingConfig":7})",
          R"("systemInstruction":7)", R"("generationConfig":{"stopSequences":[7]})",
          R"("generationConfig":{"thinkingConfig":7})", R"("tools":[{"functionDeclarations":[7]}])",
          R"("generationConfig":{"temperature":{}})",
          R"("generationConfig":{"candidateCount":""})"}) {
        const Asked asked(R"({"contents":[{"parts":[{"text":"x"}]}],)" + std::string(member) + "}");
        CAPTURE(member);
        if (asked.problem) CHECK(asked.problem->kind == Problem::Kind::bad_request);
    }
}
