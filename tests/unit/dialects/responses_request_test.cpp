#include "dialects/responses/request_reader.hpp"

#include <catch2/catch.hpp>

#include <algorithm>

using namespace understudy::dialects;
using Kind = Block::Kind;

namespace {

/// A talk and the body that it is made of slices of.
struct Read {
    explicit Read(std::string text) : body(std::move(text)) {
        problem = responses::read_body(Value::of(body), talk);
    }
    Read(const Read&) = delete;
    Read& operator=(const Read&) = delete;

    bool dropped(std::string_view member) const {
        return std::find(talk.dropped.begin(), talk.dropped.end(), member) != talk.dropped.end();
    }
    std::string body;
    Talk talk;
    std::optional<Problem> problem;
};

/// Roles and what is said: "u:hi a:call(f,c1,{}) u:result(c1:out)".
std::string outline(const std::vector<Block>& blocks) {
    std::string out;
    for (const auto& block : blocks) {
        if (!out.empty()) out += '|';
        switch (block.kind) {
            case Kind::text:
                out += block.content;
                break;
            case Kind::media:
                out += "media(" + block.media.type + ")";
                break;
            case Kind::call:
                out += "call(" + block.name + "," + block.id + "," + std::string(block.arguments);
                out += ")";
                break;
            case Kind::result:
                out += "result(" + block.id + "," + block.name + ":" + outline(block.inner) + ")";
                break;
            case Kind::thinking:
                out += "thinking(" + std::string(block.content) + "," + std::string(block.seal);
                out += ")";
                break;
            case Kind::sealed:
                out += "sealed(" + std::string(block.content) + ")";
                break;
        }
    }
    return out;
}

std::string outline(const Talk& talk) {
    std::string out = "[" + outline(talk.system) + "]";
    for (const auto& turn : talk.turns) {
        const char role = turn.role == Role::user ? 'u' : turn.role == Role::assistant ? 'a' : 's';
        out.append(1, ' ').append(1, role).append(1, ':').append(outline(turn.blocks));
    }
    return out;
}

std::string items(const std::string& list) {
    return R"({"model":"m","input":[)" + list + "]}";
}

}  // namespace

TEST_CASE("A request to /responses: what is said") {
    struct Case {
        const char* body;
        const char* said;
    };
    const auto c = GENERATE(values<Case>({
        {R"({"input":"hi \"you\""})", R"([] u:hi \"you\")"},
        {R"({"input":"hi","instructions":"Be brief."})", "[Be brief.] u:hi"},
        {R"({"instructions":"A","input":[{"role":"developer","content":"B"},
            {"type":"message","role":"system","content":[{"type":"input_text","text":"C"}]},
            {"role":"user","content":"D"}]})",
         "[A|B|C] u:D"},
        {R"({"input":[{"role":"user","content":"a"},{"role":"developer","content":"b"},
            {"role":"user","content":"c"}]})",
         "[] u:a s:b u:c"},
        {R"({"input":[{"role":"user","content":"a"},{"role":"assistant","id":"msg_1",
            "status":"completed","content":[{"type":"output_text","text":"b","annotations":[]},
            {"type":"refusal","refusal":"c"}]},{"role":"assistant","content":"d"}]})",
         "[] u:a a:b|c|d"},
        {R"({"input":[{"role":"user","content":[
            {"type":"input_image","image_url":"data:image/png;base64,AA==","detail":"auto"},
            {"type":"input_image","image_url":"https://x/y.png"},
            {"type":"input_image","file_id":"file-1"},
            {"type":"input_file","filename":"a.pdf","file_data":"data:application/pdf;base64,AA"},
            {"type":"input_file","file_data":"JVBERi0xLjQK"},
            {"type":"input_file","file_url":"https://x/a.pdf"},
            {"type":"input_file","file_id":"file-2"},
            {"type":"input_audio","input_audio":{"data":"AA","format":"wav"}}]}]})",
         "[] u:media(image/png)|media()|media()|media(application/pdf)|media(application/pdf)|"
         "media()|media()|media(audio/wav)"},
    }));
    const Read read(c.body);
    INFO(c.body);
    REQUIRE_FALSE(read.problem);
    CHECK(outline(read.talk) == c.said);
}

TEST_CASE("A request to /responses: calls, outputs and thoughts") {
    struct Case {
        const char* name;
        const char* list;
        const char* said;
    };
    const auto c = GENERATE(values<Case>({
        {"neighbouring calls are one turn, across reasoning",
         R"({"role":"user","content":"q"},
            {"type":"function_call","call_id":"c1","name":"f","arguments":"{\"a\":1}","id":"fc_1"},
            {"type":"reasoning","id":"rs_1","summary":[{"type":"summary_text","text":"x"},
             {"type":"summary_text","text":"y"}],"encrypted_content":"gAAA"},
            {"type":"function_call","call_id":"c2","name":"g","arguments":""},
            {"type":"function_call_output","call_id":"c1","output":"one"},
            {"type":"function_call_output","call_id":"c2","output":[{"type":"input_text",
             "text":"two"},{"type":"input_image","image_url":"data:image/png;base64,AA"}]})",
         R"([] u:q a:call(f,c1,{\"a\":1})|thinking(x\n\ny,gAAA)|call(g,c2,) )"
         "u:result(c1,f:one)|result(c2,g:two|media(image/png))"},
        {"custom calls keep their text",
         R"({"type":"custom_tool_call","call_id":"c1","name":"apply_patch","input":"*** A\n"},
            {"type":"custom_tool_call_output","call_id":"c1","output":"ok"})",
         R"([] a:call(apply_patch,c1,*** A\n) u:result(c1,apply_patch:ok))"},
        {"a seal without thoughts is one on its own",
         R"({"role":"user","content":"q"},{"type":"reasoning","summary":[],"encrypted_content":"g"},
            {"type":"reasoning","summary":[]},{"role":"assistant","content":"a"})",
         "[] u:q a:sealed(g)|a"},
        {"raw thoughts are read before their summary",
         R"({"role":"user","content":"q"},{"type":"reasoning","summary":[{"text":"short"}],
            "content":[{"type":"reasoning_text","text":"long"}]},{"role":"assistant","content":"a"})",
         "[] u:q a:thinking(long,)|a"},
        {"codex#7051: a developer message between a call and its output",
         R"({"role":"user","content":"q"},
            {"type":"function_call","call_id":"c1","name":"f","arguments":"{}"},
            {"role":"developer","content":"note"},
            {"type":"function_call","call_id":"c2","name":"f","arguments":"{}"},
            {"role":"user","content":"more"},
            {"type":"function_call_output","call_id":"c1","output":"1"},
            {"role":"developer","content":"late"},
            {"type":"function_call_output","call_id":"c2","output":"2"},
            {"role":"user","content":"end"})",
         "[] u:q a:call(f,c1,{})|call(f,c2,{}) u:result(c1,f:1)|result(c2,f:2) s:note u:more s:late "
         "u:end"},
        {"a call that nobody answered holds nothing up",
         R"({"type":"function_call","call_id":"c1","name":"f","arguments":"{}"},
            {"role":"developer","content":"note"},{"role":"user","content":"go on"})",
         "[] a:call(f,c1,{}) s:note u:go on"},
        {"an output without its call is kept for who mends turns",
         R"({"type":"function_call_output","call_id":"c9","output":"1"})", "[] u:result(c9,:1)"},
        {"what a provider's own tools did is told in words",
         R"({"role":"user","content":"q"},
            {"type":"web_search_call","id":"ws_1","status":"completed","action":{"query":"x"}},
            {"type":"image_generation_call","id":"ig_1","result":"AAAA"},
            {"type":"local_shell_call_output","id":"x","output":"done"},
            {"type":"compaction","encrypted_content":"gAAA"})",
         R"([] u:q a:(web_search_call) {\"query\":\"x\"}|(image_generation_call) )"
         "u:(local_shell_call_output) done|(What was said before was made short, and cannot be "
         "read here.)"},
    }));
    const Read read(items(c.list));
    INFO(c.name);
    REQUIRE_FALSE(read.problem);
    CHECK(outline(read.talk) == c.said);
}

TEST_CASE("A request to /responses: seals are OpenAI's, arguments are insides of strings") {
    const Read read(items(R"({"type":"reasoning","summary":[{"text":"x"}],"encrypted_content":"g"},
        {"type":"reasoning","summary":[{"text":"y"}]},{"type":"reasoning","encrypted_content":"h"},
        {"type":"custom_tool_call","call_id":"c","name":"p","input":"t"})"));
    REQUIRE_FALSE(read.problem);
    const auto& blocks = read.talk.turns.at(0).blocks;
    REQUIRE(blocks.size() == 4);
    CHECK(blocks[0].sealed_by == SealKind::openai);
    CHECK(blocks[1].sealed_by == SealKind::none);
    CHECK(blocks[2].sealed_by == SealKind::openai);
    CHECK(blocks[3].custom);
    CHECK(blocks[3].arguments_escaped);
}

TEST_CASE("A request to /responses: media") {
    const Read read(items(R"({"role":"user","content":[
        {"type":"input_file","filename":"a.pdf","file_data":"JVBERi0xLjQK"},
        {"type":"input_image","file_id":"file-1","detail":"high"}]})"));
    REQUIRE_FALSE(read.problem);
    const auto& blocks = read.talk.turns.at(0).blocks;
    CHECK(blocks[0].media.kind == Media::Kind::document);
    CHECK(blocks[0].media.source == Media::Source::base64);
    CHECK(blocks[0].media.data == "JVBERi0xLjQK");
    CHECK(blocks[0].media.title == "a.pdf");
    CHECK(blocks[1].media.source == Media::Source::file);
    CHECK(blocks[1].media.data == "file-1");
    CHECK(read.dropped("input[].content[].detail"));
}

TEST_CASE("A request to /responses: settings that are carried") {
    const Read read(R"({"model":"m","input":"q","stream":true,"max_output_tokens":99,
        "temperature":0.5,"top_p":0.9,"top_k":4,"seed":7,"presence_penalty":1,"frequency_penalty":2,
        "stop":["a","b"],"user":"u","prompt_cache_key":"k","parallel_tool_calls":false,
        "reasoning":{"effort":"high","summary":"auto"},
        "tools":[{"type":"function","name":"f","description":"d","parameters":{"type":"object"},
                  "strict":true}],"tool_choice":"required",
        "text":{"format":{"type":"json_schema","name":"n","schema":{"type":"object"},
                "strict":true}}})");
    REQUIRE_FALSE(read.problem);
    const auto& talk = read.talk;
    CHECK(talk.stream);
    CHECK(talk.max_tokens.count() == 99);
    CHECK(talk.temperature.raw() == "0.5");
    CHECK(talk.top_p.raw() == "0.9");
    CHECK(talk.top_k.raw() == "4");
    CHECK(talk.seed.raw() == "7");
    CHECK(talk.presence_penalty.raw() == "1");
    CHECK(talk.frequency_penalty.raw() == "2");
    CHECK(talk.stop == std::vector<std::string_view>{"a", "b"});
    CHECK(talk.user.text() == "u");
    CHECK(talk.cache_key.text() == "k");
    CHECK(talk.choice.parallel == false);
    CHECK(talk.choice.kind == Choice::Kind::required);
    CHECK(talk.effort.word == "high");
    CHECK(talk.effort.show);
    CHECK(talk.format.kind == Format::Kind::schema);
    CHECK(talk.format.name == "n");
    CHECK(talk.format.strict);
    CHECK(talk.format.schema.raw() == R"({"type":"object"})");
    REQUIRE(talk.tools.size() == 1);
    CHECK(talk.tools[0].name == "f");
    CHECK(talk.tools[0].description == "d");
    CHECK(talk.tools[0].strict);
    CHECK(talk.tools[0].schema.raw() == R"({"type":"object"})");
    CHECK(talk.dropped.empty());
}

TEST_CASE("A request to /responses: thoughts are shown to who asks for them") {
    struct Case {
        const char* reasoning;
        const char* word;
        bool show;
    };
    const auto c = GENERATE(values<Case>({
        {R"({"effort":"low"})", "low", false},
        {R"({"summary":"detailed"})", "", true},
        {R"({"effort":"none","summary":"auto"})", "none", false},
        {R"({"generate_summary":"concise"})", "", true},
        {"null", "", false},
    }));
    const Read read(R"({"input":"q","reasoning":)" + std::string(c.reasoning) + "}");
    REQUIRE_FALSE(read.problem);
    CHECK(read.talk.effort.word == c.word);
    CHECK(read.talk.effort.show == c.show);
}

TEST_CASE(
    "litellm PR#19368, CLIProxyAPI#5482: no kind of tool that codex declares is lost silently") {
    const Read read(R"({"input":[{"type":"additional_tools","tools":[{"type":"namespace",
          "name":"late","tools":[{"type":"function","name":"h","parameters":{}}]}]},
        {"role":"user","content":"q"},
        {"type":"tool_search_output","tools":[{"type":"function","name":"found"}]},
        {"type":"function_call","call_id":"c1","namespace":"one","name":"f","arguments":"{}"},
        {"type":"function_call","call_id":"c2","name":"g","arguments":"{}"},
        {"type":"function_call","call_id":"c3","namespace":"gone","name":"x","arguments":"{}"}],
        "tools":[{"type":"custom","name":"apply_patch","description":"Edits.",
          "format":{"type":"grammar","syntax":"lark","definition":"start: \"a\""}},
        {"type":"namespace","name":"one","description":"d","tools":[
          {"type":"function","name":"f"},{"type":"function","name":"g"},
          {"type":"function","name":"one__odd"}]},
        {"type":"namespace","name":"two","tools":[{"type":"function","name":"f"}]},
        {"type":"function","name":"f"},{"type":"web_search"}],
        "tool_choice":{"type":"function","namespace":"two","name":"f"}})");
    REQUIRE_FALSE(read.problem);
    std::vector<std::string> names;
    std::vector<std::string> spaces;
    for (const auto& tool : read.talk.tools) {
        names.push_back(tool.name);
        spaces.push_back(tool.space);
    }
    CHECK(names == std::vector<std::string>{"apply_patch", "one__f", "g", "one__one__odd", "two__f",
                                            "f", "h", "found"});
    CHECK(spaces == std::vector<std::string>{"", "one", "one", "one", "two", "", "late", ""});
    CHECK(read.talk.choice.name == "two__f");
    CHECK(read.talk.tools[0].custom);
    CHECK(read.talk.tools[0].description ==
          R"(Edits.\n\nThe input follows this grammar (lark):\nstart: \"a\")");
    CHECK(outline(read.talk) ==
          "[] u:q|(tool_search_output) found a:call(one__f,c1,{})|call(g,c2,{})|"
          "call(gone__x,c3,{})");
    CHECK(read.dropped("tools[].format"));
    CHECK(read.dropped("tools[].web_search"));
    CHECK(read.dropped("tools[].namespace.description"));
}

TEST_CASE("Two tools of /responses that would get one name are a bad request") {
    const Read read(R"({"input":"q","tools":[{"type":"function","name":"a__f"},
        {"type":"function","name":"f"},
        {"type":"namespace","name":"a","tools":[{"type":"function","name":"f"}]}]})");
    REQUIRE(read.problem);
    CHECK(read.problem->what == "two tools have the name a__f");
}

TEST_CASE("bifrost PR#7348: allowed tools are the only ones that are offered") {
    const std::string mode = GENERATE("auto", "required");
    const Read read(R"({"input":"q","tools":[{"type":"function","name":"f"},
        {"type":"namespace","name":"n","tools":[{"type":"function","name":"g"}]},
        {"type":"function","name":"h"}],"tool_choice":{"type":"allowed_tools","mode":")" +
                    mode + R"(","tools":[{"type":"function","name":"g"},
        {"type":"function","name":"h"}]}})");
    REQUIRE_FALSE(read.problem);
    REQUIRE(read.talk.tools.size() == 2);
    CHECK(read.talk.tools[0].name == "g");
    CHECK(read.talk.tools[1].name == "h");
    CHECK(read.talk.choice.kind ==
          (mode == "auto" ? Choice::Kind::automatic : Choice::Kind::required));
    CHECK(read.talk.dropped.empty());
}

TEST_CASE("Without a tool left, nothing is said of how to choose one") {
    const Read read(R"({"input":"q","tools":[{"type":"web_search"}],"tool_choice":"auto",
        "parallel_tool_calls":true})");
    REQUIRE_FALSE(read.problem);
    CHECK(read.talk.tools.empty());
    CHECK(read.talk.choice.kind == Choice::Kind::unsaid);
    CHECK_FALSE(read.talk.choice.parallel);
}

TEST_CASE("CLIProxyAPI#4815: input is a text or a list, and tells the same") {
    const Read text(R"({"input":"hi"})");
    const Read list(R"({"input":[{"role":"user","content":[{"type":"input_text","text":"hi"}]}]})");
    CHECK(outline(text.talk) == outline(list.talk));
}
