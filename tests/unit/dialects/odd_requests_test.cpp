// Requests whose members are not what their API has: 400, and nothing is lost in silence.
#include "cpu_time.hpp"
#include "dialects/schema.hpp"
#include "dialects/translate.hpp"

#include <catch2/catch.hpp>

#include <chrono>
#include <memory>
#include <string>

using namespace understudy;
using namespace understudy::dialects;
using wire::AnswerShape;

namespace {

std::optional<Problem> problem_of(AnswerShape client, const std::string& body) {
    Ask ask;
    ask.shape = client;
    ask.body = body;
    ask.model = "m";
    Target target;
    target.dialect = client == AnswerShape::chat ? wire::Dialect::messages : wire::Dialect::chat;
    target.model = "claude-sonnet-5";
    Outgoing outgoing;
    std::unique_ptr<Translation> translation;
    return translate(ask, target, outgoing, translation);
}

std::string messages(const std::string& content, const std::string& role = "user") {
    return R"({"max_tokens":1,"messages":[{"role":")" + role + R"(","content":)" + content + "}]}";
}

std::string with(const std::string& member) {
    return R"({"messages":[{"role":"user","content":"x"}],)" + member + "}";
}

std::string calling(const std::string& call) {
    return R"({"messages":[{"role":"user","content":"x"},{"role":"assistant","tool_calls":)" +
           call + "}]}";
}

}  // namespace

TEST_CASE("A wrong type in a request of Messages is a 400") {
    struct Row {
        std::string body, what;
    };
    const Row rows[] = {
        {messages(R"([{"type":"text","text":7}])"), "the text of a block is no text"},
        {messages(R"([{"type":"text"}])"), "the text of a block is no text"},
        {messages(R"([{"type":"tool_use","id":"a","name":"f","input":"x"}])", "assistant"),
         "the input of a tool_use is no object"},
        {messages(R"([{"type":"tool_use","name":"f"}])", "assistant"), "has no id or no name"},
        {messages(R"([{"type":"tool_use","id":"a","name":"f"}])"), "does not belong there"},
        {messages(R"([{"type":"tool_result","tool_use_id":"a"}])", "assistant"),
         "does not belong there"},
        {messages(R"([{"type":"tool_result","tool_use_id":"a","content":[{"type":"tool_result",)"
                  R"("tool_use_id":"b","content":"lost"}]}])"),
         "does not belong there"},
        {R"({"max_tokens":1,"messages":[]})", "messages is empty"},
        {with(R"("max_tokens":1,"system":[{"type":"image"}])"), "does not belong there"},
        {with(R"("max_tokens":"zz")"), "max_tokens is no whole number"},
        {with(R"("max_tokens":-1)"), "max_tokens is no whole number"},
        {with(R"("max_tokens":0.5)"), "max_tokens is no whole number"},
        {with(R"("max_tokens":1,"tools":{})"), "tools is no list"},
        {with(R"("max_tokens":1,"stop_sequences":"x")"), "stop_sequences is no list"},
        {with(R"("temperature":"hot")"), "temperature is no number"},
        {with(R"("thinking":"much")"), "thinking is no object"},
        {with(R"("thinking":{"type":"enabled","budget_tokens":0.5})"), "thinking.budget_tokens"},
        {with(R"("output_config":{"effort":7})"), "output_config.effort is no text"},
        {with(R"("metadata":{"user_id":7})"), "metadata.user_id is no text"},
        {with(R"("tools":[{"name":"f","input_schema":"x"}])"), "a tool.input_schema is no object"},
        {with(R"("tools":[{"name":"f","description":[]}])"), "a tool.description is no text"},
        {with(R"("tools":[{"name":"f"}],"tool_choice":{"type":"tool","name":"g"})"),
         "not in tools"},
        {with(R"("tools":[{"name":"f"}],"tool_choice":{"type":"tool","name":7})"),
         "tool_choice.name is no text"},
        {messages(R"([{"type":"tool_result","tool_use_id":7}])"), "tool_use_id is no text"},
        {messages(R"([{"type":"tool_result"}])"), "has no tool_use_id"},
        {messages(R"([{"type":"tool_result","tool_use_id":"a","content":[)"
                  R"({"type":"tool_reference"}]}])"),
         "a tool_reference has no tool_name"},
        {messages(R"([{"type":"tool_reference","tool_name":"f"}])"), "does not belong there"},
        {messages(R"([{"type":"tool_result","tool_use_id":"a","is_error":"yes"}])"),
         "is_error is no true or false"},
        {messages(R"([{"type":"thinking","thinking":"x"}])"), "does not belong there"},
        {messages(R"([{"type":"thinking","thinking":7}])", "assistant"), "thinking is no text"},
        {messages(R"([{"text":"x"}])"), "has no type"},
        {messages(R"([{"type":"image","source":"x"}])"), "a source is missing"},
        {messages(R"([{"type":"image","source":{"type":"base64","data":7}}])"),
         "source.data is no text"},
        {messages(R"([{"type":"image","source":{"type":"url"}}])"), "says not what it holds"},
        {with(R"("max_tokens":1,"stop_sequences":[1])"), "one of them is no text"},
    };
    for (const auto& row : rows) {
        CAPTURE(row.body);
        const auto problem = problem_of(AnswerShape::messages, row.body);
        REQUIRE(problem);
        CHECK(problem->kind == Problem::Kind::bad_request);
        CAPTURE(problem->what);
        CHECK(problem->what.find(row.what) != std::string::npos);
    }
    CHECK_FALSE(problem_of(AnswerShape::messages, with(R"("max_tokens":64.0)")));
}

TEST_CASE("A wrong type in a request of Chat is a 400") {
    struct Row {
        std::string body, what;
    };
    const Row rows[] = {
        {R"({"messages":[{"role":"user","content":[{"type":"text","text":[]}]}]})",
         "the text of a part is no text"},
        {calling("{}"), "tool_calls is no list"},
        {calling(R"([{"id":7,"function":{"name":"f"}}])"), "tool_calls[].id is no text"},
        {calling(R"([{"id":"a","function":{"name":"f","arguments":7}}])"), "are no text"},
        {with(R"("max_tokens":[])"), "max_tokens is no whole number"},
        {with(R"("max_completion_tokens":0)"), "max_completion_tokens is no whole number"},
        {with(R"("tools":"x")"), "tools is no list"},
        {with(R"("temperature":"hot")"), "temperature is no number"},
        {with(R"("n":0.5)"), "n is no whole number"},
        {with(R"("parallel_tool_calls":"no")"), "parallel_tool_calls is no true or false"},
        {with(R"("response_format":"json")"), "response_format is no object"},
        {with(R"("reasoning_effort":3)"), "reasoning_effort is no text"},
        {with(R"("tools":[{"function":{"name":"f","parameters":"x"}}])"),
         "parameters is no object"},
        {with(R"("tools":[{"function":"f"}])"), "tools[0].function is no object"},
        {with(R"("tools":[{"function":{"name":"f"}}],"tool_choice":{"type":"function",)"
              R"("function":{"name":"g"}})"),
         "not in tools"},
        {with(R"("tools":[{"function":{"name":"f"}}],"tool_choice":{"type":"allowed_tools",)"
              R"("allowed_tools":{"mode":"required","tools":[{"type":"function",)"
              R"("function":{"name":"g"}}]}})"),
         "allows no tool"},
        {R"({"messages":[{"role":"user","content":[{"text":"x"}]}]})", "has no type"},
        {R"({"messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":7}}]}]})",
         "image_url.url is no text"},
        {R"({"messages":[{"role":"user","content":[{"type":"input_audio","input_audio":{}}]}]})",
         "has no data"},
        {with(R"("stop":7)"), "stop is neither"},
        {with(R"("stop":[7])"), "stop: one of them"},
    };
    for (const auto& row : rows) {
        CAPTURE(row.body);
        const auto problem = problem_of(AnswerShape::chat, row.body);
        REQUIRE(problem);
        CHECK(problem->kind == Problem::Kind::bad_request);
        CAPTURE(problem->what);
        CHECK(problem->what.find(row.what) != std::string::npos);
    }
    CHECK_FALSE(problem_of(AnswerShape::chat, with(R"("stop":"x","max_tokens":null)")));
}

TEST_CASE("What has a kind that is not known here may be known to another entry") {
    for (const auto& [client, body] : {
             std::pair(AnswerShape::messages, messages(R"([{"type":"container_upload"}])")),
             std::pair(AnswerShape::messages,
                       messages(R"([{"type":"image","source":{"type":"hologram"}}])")),
             std::pair(
                 AnswerShape::chat,
                 std::string(R"({"messages":[{"role":"user","content":[{"type":"video_url"}]}]})")),
             std::pair(AnswerShape::responses,
                       std::string(R"({"input":[{"role":"user","content":[{"type":"video"}]}]})")),
         }) {
        CAPTURE(body);
        const auto problem = problem_of(client, body);
        REQUIRE(problem);
        CHECK(problem->kind == Problem::Kind::unsupported);
    }
}

TEST_CASE("Blocks inside of blocks take no more time than their bytes") {
    for (const auto* front : {R"({"type":"tool_result","tool_use_id":"a","content":[)",
                              R"({"type":"search_result","content":[)",
                              R"({"type":"document","source":{"type":"content","content":[)"}) {
        const bool document = std::string_view(front).find("source") != std::string_view::npos;
        std::string leaves;
        for (int i = 0; i < 20'000; ++i) leaves += R"({"type":"text","text":"x"},)";
        leaves += R"({"type":"text","text":"x"})";
        std::string body = leaves;
        for (int level = 0; level < 120; ++level) {
            body = front + body + (document ? "]}}" : "]}");
        }
        const auto begun = test::cpu_time();
        CHECK(problem_of(AnswerShape::messages, messages("[" + body + "]")));
        // A walk through half a megabyte takes less than a millisecond.
        CHECK(test::cpu_time() - begun < std::chrono::seconds(2));
    }
}

TEST_CASE("A schema that is a reference to one of its own definitions has that one's properties") {
    const auto schema = Value::of(
        R"({"$ref":"#/$defs/Node","$defs":{"Node":{"type":"object","properties":{"next":{"$ref":"#/$defs/Node"}},"required":["next"]}}})");
    CHECK(
        object_schema(schema) ==
        R"({"type":"object","$defs":{"Node":{"type":"object","properties":{"next":{"$ref":"#/$defs/Node"}},"required":["next"]}},"required":["next"],"properties":{"next":{"$ref":"#/$defs/Node"}}})");
}

TEST_CASE("What all branches together require is required, and what one of several does is not") {
    const auto schema = Value::of(
        R"({"required":["c"],"allOf":[{"properties":{"a":{},"c":{}},"required":["a","c"]},)"
        R"({"properties":{"b":{}}}],"anyOf":[{"properties":{"d":{}},"required":["d"]}]})");
    CHECK(object_schema(schema) == R"({"type":"object","required":["a","c"],)"
                                   R"("properties":{"d":{},"a":{},"c":{},"b":{}}})");
}

TEST_CASE("Two hundred thousand names of a schema are each looked for but once") {
    std::string names;
    std::string properties;
    for (int i = 0; i < 200'000; ++i) {
        const auto name = "\"n" + std::to_string(i) + '"';
        names += (i == 0 ? "" : ",") + name;
        properties += (i == 0 ? "" : ",") + name + ":{}";
    }
    const auto text = R"({"allOf":[{"required":[)" + names + R"(],"properties":{)" + properties +
                      R"(}},{"required":["n7"],"properties":{"n7":1}}]})";
    const auto begun = test::cpu_time();
    const auto out = object_schema(Value::of(text));
    CHECK(test::cpu_time() - begun < std::chrono::seconds(5));
    CHECK(out ==
          R"({"type":"object","required":[)" + names + R"(],"properties":{)" + properties + "}}");
}

TEST_CASE("A schema that refers by way of others is followed, and never for long") {
    struct Row {
        const char *schema, *has;
    };
    const Row rows[] = {
        {R"({"$ref":"#/$defs/a","$defs":{"a":{"$ref":"#/$defs/b~1%63"},"b/c":{"type":"object","properties":{"x":{}}}}})",
         R"("properties":{"x":{}})"},
        {R"({"$ref":"#/$defs/a","$defs":{"a":{"anyOf":[{"properties":{"x":{}}},{"properties":{"y":{}}}]}}})",
         R"("properties":{"x":{},"y":{}})"},
        {R"({"$ref":"#/$defs/a","$defs":{"a":{"$ref":"#/$defs/a"}}})", R"("properties":{})"},
        {R"({"$ref":"https://x.test/a.json"})", R"("$ref":"https://x.test/a.json")"},
    };
    for (const auto& row : rows) {
        const auto out = object_schema(Value::of(row.schema));
        CAPTURE(out);
        CHECK(out.find(row.has) != std::string::npos);
    }
}

TEST_CASE("A kind that only its own provider knows is unsupported: the next entry may know it") {
    struct Row {
        AnswerShape client;
        std::string body, what;
    };
    const auto part = [](const std::string& one) {
        return R"({"messages":[{"role":"user","content":[)" + one + "]}]}";
    };
    const Row rows[] = {
        {AnswerShape::chat, part(R"({"type":"video_url","video_url":{"url":"x"}})"), "video_url"},
        {AnswerShape::chat, R"({"messages":[{"role":"function","name":"f","content":"x"}]})",
         "function"},
        {AnswerShape::chat, with(R"("response_format":{"type":"grammar"})"), "grammar"},
        {AnswerShape::chat, with(R"("tool_choice":{"type":"mcp"})"), "mcp"},
        {AnswerShape::chat, calling(R"([{"id":"a","type":"computer"}])"), "computer"},
        {AnswerShape::messages, part(R"({"type":"container_upload","file_id":"x"})"),
         "container_upload"},
        {AnswerShape::messages, part(R"({"type":"image","source":{"type":"newkind"}})"), "newkind"},
        {AnswerShape::messages, with(R"("output_config":{"format":{"type":"grammar"}})"),
         "grammar"},
        {AnswerShape::responses,
         R"({"input":[{"role":"user","content":[{"type":"input_video"}]}]})", "input_video"},
        {AnswerShape::gemini, R"({"contents":[{"parts":[{"text":"x"},{"newPart":{"a":1}}]}]})",
         "newPart"},
    };
    for (const auto& row : rows) {
        CAPTURE(row.body);
        const auto problem = problem_of(row.client, row.body);
        REQUIRE(problem);
        CAPTURE(problem->what);
        CHECK(problem->kind == Problem::Kind::unsupported);
        CHECK(problem->what.find(row.what) != std::string::npos);
    }
    const auto both =
        problem_of(AnswerShape::gemini, R"({"contents":[{"role":"model","parts":[{"text":"x",)"
                                        R"("functionCall":{"name":"f"}}]}]})");
    REQUIRE(both);
    CHECK(both->kind == Problem::Kind::bad_request);
    CHECK(both->what.find("more than one thing") != std::string::npos);
    // How a part is to be looked at says nothing of its own.
    CHECK_FALSE(problem_of(AnswerShape::gemini,
                           R"({"contents":[{"parts":[{"text":"x","newHint":{"a":1}}]}]})"));
}
