#include "dialects/chat/chat.hpp"
#include "dialects/gemini/request_writer.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

using namespace understudy::dialects;
using Json = nlohmann::json;

namespace {

constexpr std::string_view kMessages = R"("messages":[{"role":"user","content":"Hi"}])";
constexpr std::string_view kTool =
    R"("tools":[{"type":"function","function":{"name":"f","parameters":{"type":"object",)"
    R"("properties":{"a":{"type":"string"}}}}}])";

/// A chat request with these members besides its message, as it is sent to a model of Google's.
struct Sent {
    Sent(std::string_view model, std::string_view members, bool tools = false,
         std::uint64_t max_output = 0) {
        in = "{" + std::string(kMessages);
        if (tools) in.append(",").append(kTool);
        if (!members.empty()) in.append(",").append(members);
        in += "}";
        REQUIRE_FALSE(chat::read_request(Value::of(in), talk));
        gemini::Manner manner;
        manner.model = model;
        manner.max_output = max_output;
        problem = gemini::write_request(talk, manner, names, body);
        if (!problem) json = Json::parse(body);
    }
    std::string in, body;
    Talk talk;
    ToolNames names;
    std::optional<Problem> problem;
    Json json;
};

std::string config(std::string_view model, std::string_view members) {
    const Sent sent(model, members);
    REQUIRE_FALSE(sent.problem);
    return sent.json.value("generationConfig", Json::object()).dump();
}

using Names = std::vector<std::string>;

}  // namespace

TEST_CASE("A plain question is contents and nothing else") {
    const Sent sent("gemini-3.1-pro", "");
    CHECK(sent.body == R"({"contents":[{"role":"user","parts":[{"text":"Hi"}]}]})");
    CHECK(sent.talk.dropped.empty());
}

TEST_CASE("Each member that it knows goes into its generationConfig") {
    struct Row {
        std::string_view chat, google;
    };
    for (const auto& [chat, google] : {
             Row{R"("max_tokens":10)", R"({"maxOutputTokens":10})"},
             Row{R"("max_completion_tokens":12,"max_tokens":10)", R"({"maxOutputTokens":12})"},
             Row{R"("temperature":0.25)", R"({"temperature":0.25})"},
             Row{R"("top_p":0.5)", R"({"topP":0.5})"},
             Row{R"("top_k":40)", R"({"topK":40})"},
             Row{R"("seed":7)", R"({"seed":7})"},
             Row{R"("presence_penalty":0.5)", R"({"presencePenalty":0.5})"},
             Row{R"("frequency_penalty":-1)", R"({"frequencyPenalty":-1})"},
             Row{R"("frequency_penalty":0)", R"({})"},
             Row{R"("stop":"END")", R"({"stopSequences":["END"]})"},
             Row{R"("stop":["a","\n",""])", R"({"stopSequences":["a","\n"]})"},
             Row{R"("stop":null,"temperature":null)", R"({})"},
             Row{R"("response_format":{"type":"text"})", R"({})"},
             Row{R"("response_format":{"type":"json_object"})",
                 R"({"responseMimeType":"application/json"})"},
             Row{R"("response_format":{"type":"json_schema","json_schema":{"name":"x","strict":true,
                 "schema":{"type":"object","additionalProperties":false}}})",
                 R"({"responseJsonSchema":{"additionalProperties":false,"type":"object"},)"
                 R"("responseMimeType":"application/json"})"},
         }) {
        INFO(chat);
        CHECK(config("gemini-3.1-pro", chat) == google);
    }
}

TEST_CASE("An effort is a level for new models, a budget for those of 2.5, and lost before") {
    struct Row {
        std::string_view model, word, thinking;
    };
    for (const auto& [model, word, thinking] : {
             Row{"gemini-4-argon", "none", R"({"thinkingLevel":"low"})"},
             Row{"gemini-4-argon", "minimal", R"({"includeThoughts":true,"thinkingLevel":"low"})"},
             Row{"gemini-4-argon", "medium",
                 R"({"includeThoughts":true,"thinkingLevel":"medium"})"},
             Row{"gemini-4-argon", "xhigh", R"({"includeThoughts":true,"thinkingLevel":"high"})"},
             Row{"models/gemini-3-flash-preview", "none", R"({"thinkingLevel":"minimal"})"},
             Row{"gemini-3.5-flash", "minimal",
                 R"({"includeThoughts":true,"thinkingLevel":"minimal"})"},
             Row{"gemini-3.7-flash", "none", R"({"thinkingLevel":"low"})"},
             Row{"gemini-flash-latest", "none", R"({"thinkingLevel":"low"})"},
             Row{"gemini-3-pro-preview", "medium",
                 R"({"includeThoughts":true,"thinkingLevel":"high"})"},
             Row{"gemini-3.1-pro-preview", "medium",
                 R"({"includeThoughts":true,"thinkingLevel":"medium"})"},
             Row{"gemini-2.5-flash", "none", R"({"thinkingBudget":0})"},
             Row{"gemini-2.5-pro", "none", R"({"thinkingBudget":128})"},
             Row{"gemini-2.5-flash-lite", "low",
                 R"({"includeThoughts":true,"thinkingBudget":1024})"},
             Row{"gemini-2.5-pro", "medium", R"({"includeThoughts":true,"thinkingBudget":8192})"},
             Row{"gemini-2.5-pro", "high", R"({"includeThoughts":true,"thinkingBudget":24576})"},
             Row{"gemini-2.5-pro", "max", R"({"includeThoughts":true,"thinkingBudget":32768})"},
         }) {
        INFO(model << " " << word);
        const Sent sent(model, R"("reasoning_effort":")" + std::string(word) + '"');
        REQUIRE_FALSE(sent.problem);
        CHECK(sent.json["generationConfig"]["thinkingConfig"].dump() == thinking);
        // Another word than was asked for, or thoughts where none were.
        const bool level = thinking.find("Level") != std::string_view::npos;
        const bool same =
            level ? thinking.find("\"" + std::string(word) + "\"") != std::string_view::npos
                  : word != "none" || thinking.find(":0}") != std::string_view::npos;
        CHECK(sent.talk.dropped == (same ? Names() : Names{"reasoning_effort"}));
    }
    const Sent old("gemini-2.0-flash", R"("reasoning_effort":"high")");
    CHECK_FALSE(old.json.contains("generationConfig"));
    CHECK(old.talk.dropped == Names{"reasoning_effort"});
    CHECK(Sent("gemini-2.0-flash", R"("reasoning_effort":"none")").talk.dropped.empty());
}

TEST_CASE("A budget of thought keeps to what the model allows, or becomes a level") {
    struct Row {
        std::string_view model;
        int budget;
        std::string_view thinking;
    };
    for (const auto& [model, budget, thinking] : {
             Row{"gemini-2.5-flash", 5000, R"({"includeThoughts":true,"thinkingBudget":5000})"},
             Row{"gemini-2.5-flash", 99999, R"({"includeThoughts":true,"thinkingBudget":24576})"},
             Row{"gemini-2.5-flash-lite", 5, R"({"includeThoughts":true,"thinkingBudget":512})"},
             Row{"gemini-2.5-flash", 0, R"({"thinkingBudget":0})"},
             Row{"gemini-4-argon", 0, R"({"thinkingLevel":"low"})"},
             Row{"gemini-4-argon", 1024, R"({"includeThoughts":true,"thinkingLevel":"low"})"},
             Row{"gemini-4-argon", 5000, R"({"includeThoughts":true,"thinkingLevel":"medium"})"},
             Row{"gemini-4-argon", 30000, R"({"includeThoughts":true,"thinkingLevel":"high"})"},
         }) {
        INFO(model << " " << budget);
        const Sent sent(model, R"("thinking":{"type":"enabled","budget_tokens":)" +
                                   std::to_string(budget) + "}");
        CHECK(sent.json["generationConfig"]["thinkingConfig"].dump() == thinking);
    }
}

TEST_CASE("Pitfall 62: more output than the model can write is asked of nobody") {
    const auto most = [](std::string_view model, std::string_view members, std::uint64_t limit) {
        return Sent(model, members, false, limit).json["generationConfig"]["maxOutputTokens"];
    };
    CHECK(most("gemini-3.1-pro", R"("max_tokens":100000)", 65536) == 65536);
    CHECK(most("gemini-3.1-pro", R"("max_tokens":100000)", 0) == 100000);
    // Of the fourth generation a plain answer is shorter than a stream.
    CHECK(most("gemini-4-argon", R"("max_tokens":64000)", 65536) == 32768);
    CHECK(most("gemini-4-argon", R"("max_tokens":64000,"stream":true)", 65536) == 64000);
    CHECK(most("gemini-4-argon", R"("max_tokens":100)", 65536) == 100);
}

TEST_CASE("What is harmless to lose is lost, and named") {
    const Sent sent("gemini-3.1-pro",
                    R"("user":"u","prompt_cache_key":"k","seed":99999999999,"logit_bias":{"1":1})");
    REQUIRE_FALSE(sent.problem);
    CHECK_FALSE(sent.json.contains("generationConfig"));
    CHECK(sent.talk.dropped == Names{"logit_bias", "prompt_cache_key", "user", "seed"});
    CHECK(config("gemini-3.1-pro", R"("seed":-5)") == R"({"seed":-5})");
}

TEST_CASE("What cannot be said is refused with the member's name") {
    struct Row {
        std::string_view model, members;
        bool tools;
        std::string_view begins;
    };
    constexpr std::string_view kJson = R"("response_format":{"type":"json_object"})";
    for (const auto& [model, members, tools, begins] : {
             Row{"gemini-3.1-pro", R"("n":2)", false, "n:"},
             Row{"gemini-3.1-pro", R"("logprobs":true)", false, "logprobs:"},
             Row{"gemini-2.5-pro", kJson, true, "response_format:"},
             Row{"gemini-3.1-pro", R"("stop":["1","2","3","4","5","6"])", false, "stop:"},
         }) {
        const Sent sent(model, members, tools);
        REQUIRE(sent.problem);
        CHECK(sent.problem->kind == Problem::Kind::unsupported);
        CHECK(sent.problem->what.starts_with(begins));
    }
    CHECK_FALSE(Sent("gemini-3.1-pro", kJson, true).problem);
    CHECK_FALSE(Sent("gemini-2.5-pro", kJson, false).problem);
}

TEST_CASE("One call at a time cannot be said: it is left out, and named") {
    struct Row {
        std::string_view members;
        bool tools;
        Names dropped;
    };
    const Names named{"parallel_tool_calls"};
    for (const auto& [members, tools, dropped] : {
             Row{R"("parallel_tool_calls":false)", true, named},
             Row{R"("parallel_tool_calls":false,"tool_choice":"required")", true, named},
             Row{R"("parallel_tool_calls":false,"tool_choice":"none")", true, {}},
             Row{R"("parallel_tool_calls":true)", true, {}},
             Row{R"("parallel_tool_calls":false)", false, {}},
         }) {
        const Sent sent("gemini-3.1-pro", members, tools);
        REQUIRE_FALSE(sent.problem);
        CHECK(sent.talk.dropped == dropped);
    }
}

TEST_CASE("The choice of a tool is a mode, and none without tools") {
    struct Row {
        std::string_view members, config;
    };
    for (const auto& [members, config] : {
             Row{R"("tool_choice":"auto")", R"({"mode":"AUTO"})"},
             Row{R"("tool_choice":"required")", R"({"mode":"ANY"})"},
             Row{R"("tool_choice":"none")", R"({"mode":"NONE"})"},
             Row{R"("tool_choice":{"type":"function","function":{"name":"f"}})",
                 R"({"allowedFunctionNames":["f"],"mode":"ANY"})"},
         }) {
        const Sent sent("gemini-3.1-pro", members, true);
        CHECK(sent.json["toolConfig"]["functionCallingConfig"].dump() == config);
        CHECK_FALSE(Sent("gemini-3.1-pro", members).json.contains("toolConfig"));
    }
    CHECK_FALSE(Sent("gemini-3.1-pro", "", true).json.contains("toolConfig"));
}

TEST_CASE("A strict tool is one whose calls are validated") {
    constexpr std::string_view kStrict =
        R"("tools":[{"type":"function","function":{"name":"f","strict":true}}])";
    const auto mode = [&](std::string_view more) {
        const Sent sent("gemini-3.1-pro", std::string(kStrict) + std::string(more));
        return sent.json["toolConfig"]["functionCallingConfig"]["mode"];
    };
    CHECK(mode("") == "VALIDATED");
    CHECK(mode(R"(,"tool_choice":"auto")") == "VALIDATED");
    CHECK(mode(R"(,"tool_choice":"required")") == "ANY");
}

TEST_CASE("Pitfall 31: the schema of a tool goes as plain JSON schema, whole") {
    constexpr std::string_view kSchema =
        R"({"type":"object","$defs":{"x":{"const":1}},"properties":{"n":{"type":["integer","null"],)"
        R"("exclusiveMinimum":0},"r":{"$ref":"#/$defs/x"}},"additionalProperties":false})";
    const Sent sent("gemini-3.1-pro",
                    R"("tools":[{"type":"function","function":{"name":"f","description":"d\n",)"
                    R"("parameters":)" +
                        std::string(kSchema) + "}}]");
    const auto& tool = sent.json["tools"][0]["functionDeclarations"][0];
    CHECK(tool["parametersJsonSchema"] == Json::parse(kSchema));
    CHECK(tool["description"] == "d\n");
    CHECK_FALSE(tool.contains("parameters"));
}

TEST_CASE("Pitfall 29: a tool without parameters declares none") {
    for (const auto* parameters :
         {"", R"(,"parameters":{})", R"(,"parameters":{"type":"object","properties":{}})",
          R"(,"parameters":null)"}) {
        const Sent sent("gemini-3.1-pro", R"("tools":[{"type":"function","function":{"name":"f")" +
                                              std::string(parameters) + "}}]");
        CHECK(sent.json["tools"].dump() == R"([{"functionDeclarations":[{"name":"f"}]}])");
    }
    // An empty list of tools is refused there.
    CHECK_FALSE(Sent("gemini-3.1-pro", R"("tools":[])").json.contains("tools"));
}

TEST_CASE("A tool of free text takes one string") {
    const Sent sent("gemini-3.1-pro", R"("tools":[{"type":"custom","custom":{"name":"patch"}}])");
    CHECK(sent.json["tools"][0]["functionDeclarations"][0]["parametersJsonSchema"].dump() ==
          R"({"properties":{"input":{"type":"string"}},"required":["input"],"type":"object"})");
}

TEST_CASE("Pitfall 61: a name that is refused there is another one, and comes back as it was") {
    const std::string tail(80, 'x');
    for (const auto& name : {"mcp__" + tail, std::string("3d.render"), "9" + tail,
                             std::string("-dash"), std::string(63, '7'), std::string(64, '7')}) {
        ToolNames names;
        const auto sent = gemini::sent_name(names, name);
        INFO(name << " " << sent);
        CHECK(sent != name);
        CHECK(sent.size() <= 64);
        CHECK((sent[0] == '_' || (sent[0] >= 'a' && sent[0] <= 'z')));
        CHECK(names.original(sent) == name);
        CHECK(gemini::sent_name(names, name) == sent);
    }
    ToolNames names;
    CHECK(gemini::sent_name(names, "get_weather") == "get_weather");
    CHECK(names.empty());
    CHECK(gemini::sent_name(names, "3x") != gemini::sent_name(names, "4x"));
}
