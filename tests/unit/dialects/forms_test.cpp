// Forms of one thing in a client's request, in its own API's words and in those of others that
// clients mix with them, put to upstreams of every dialect: what arrives means the same.
#include "dialects/translate.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <map>
#include <memory>
#include <string>
#include <vector>

using namespace understudy;
using namespace understudy::dialects;
using Json = nlohmann::json;
using wire::AnswerShape;
using wire::Dialect;

namespace {

struct Sent {
    Sent(AnswerShape client, Dialect to, std::string request) : body(std::move(request)) {
        Ask ask;
        ask.shape = client;
        ask.body = body;
        ask.model = "m";
        Target target;
        target.dialect = to;
        target.model = to == Dialect::messages   ? "claude-haiku-4-5"
                       : to == Dialect::converse ? "anthropic.claude-haiku-4-5-20251001-v1:0"
                       : to == Dialect::gemini   ? "gemini-3.1-pro"
                                                 : "gpt-5";
        problem = translate(ask, target, outgoing, translation);
    }
    Json json() const { return problem ? Json(problem->what) : Json::parse(outgoing.body); }
    std::string body;
    Outgoing outgoing;
    std::unique_ptr<Translation> translation;
    std::optional<Problem> problem;
};

constexpr Dialect kAll[] = {Dialect::chat, Dialect::messages, Dialect::responses, Dialect::gemini,
                            Dialect::converse};

/// Requests that mean what the first of them means, at every upstream that it can be put to.
void all_the_same(AnswerShape client, const std::vector<std::string>& requests) {
    for (const auto to : kAll) {
        if (!can_translate(client, to)) continue;
        const Sent first(client, to, requests.front());
        CAPTURE(wire::name_of(to), first.body);
        for (const auto& request : requests) {
            const Sent sent(client, to, request);
            CAPTURE(request);
            CHECK(sent.json() == first.json());
            CHECK(sent.outgoing.dropped == first.outgoing.dropped);
        }
    }
}

/// What is sent to an upstream of each dialect has these words, or it is unsupported by name.
using Words = std::map<Dialect, std::string>;
void has(AnswerShape client, const std::string& request, const Words& words) {
    for (const auto& [to, word] : words) {
        const Sent sent(client, to, request);
        CAPTURE(wire::name_of(to), request, sent.outgoing.body);
        if (word.starts_with("unsupported: ")) {
            REQUIRE(sent.problem);
            CHECK(sent.problem->kind == Problem::Kind::unsupported);
            CHECK("unsupported: " + sent.problem->what == word);
        } else {
            if (sent.problem) FAIL(sent.problem->what);
            CHECK(sent.outgoing.body.find(word) != std::string::npos);
        }
    }
}

std::string chat(const std::string& members) {
    return R"({"messages":[{"role":"user","content":"Hi"}],)" + members + "}";
}

std::string responses(const std::string& members) {
    return R"({"input":"Hi",)" + members + "}";
}

std::string part(const std::string& one) {
    return R"({"messages":[{"role":"user","content":[)" + one +
           R"(,{"type":"text","text":"x"}]}]})";
}

std::string input(const std::string& one) {
    return R"({"input":[{"role":"user","content":[)" + one +
           R"(,{"type":"input_text","text":"x"}]}]})";
}

using Strings = std::vector<std::string>;

const Strings kChoices[] = {
    // of one tool
    {R"({"type":"function","function":{"name":"f"}})", R"({"type":"function","name":"f"})",
     R"({"type":"tool","name":"f"})", R"({"function":{"name":"f"}})", R"({"name":"f"})"},
    {R"("auto")", R"({"type":"auto"})"},
    {R"("required")", R"("any")", R"({"type":"any"})", R"({"type":"required"})"},
    {R"("none")", R"({"type":"none"})"},
    {R"({"type":"allowed_tools","allowed_tools":{"mode":"required","tools":[{"name":"f"}]}})",
     R"({"type":"allowed_tools","mode":"required","tools":[{"type":"function","name":"f"}]})",
     R"({"type":"allowed_tools","mode":"required","tools":[{"function":{"name":"f"}}]})"},
};

const Strings kTools = {
    R"({"type":"function","function":{"name":"f","description":"F.","parameters":{"type":"object","properties":{"a":{"type":"string"}}},"strict":true}})",
    R"({"function":{"name":"f","description":"F.","parameters":{"type":"object","properties":{"a":{"type":"string"}}},"strict":true}})",
    R"({"type":"function","name":"f","description":"F.","parameters":{"type":"object","properties":{"a":{"type":"string"}}},"strict":true})",
    R"({"name":"f","description":"F.","input_schema":{"type":"object","properties":{"a":{"type":"string"}}},"strict":true})",
    R"({"type":"custom","name":"f","description":"F.","input_schema":{"type":"object","properties":{"a":{"type":"string"}}},"strict":true})",
};

}  // namespace

TEST_CASE("The choice of a tool is read in any API's words") {
    const std::string chat_tools = R"("tools":[{"type":"function","function":{"name":"f"}},)"
                                   R"({"type":"function","function":{"name":"g"}}],)";
    const std::string flat_tools = R"("tools":[{"type":"function","name":"f"},)"
                                   R"({"type":"function","name":"g"}],)";
    for (const auto& forms : kChoices) {
        Strings in_chat, in_responses;
        for (const auto& form : forms) {
            in_chat.push_back(chat(chat_tools + R"("tool_choice":)" + form));
            in_responses.push_back(responses(flat_tools + R"("tool_choice":)" + form));
        }
        all_the_same(AnswerShape::chat, in_chat);
        all_the_same(AnswerShape::responses, in_responses);
    }
    for (const auto shape : {AnswerShape::chat, AnswerShape::responses}) {
        const bool is_chat = shape == AnswerShape::chat;
        const std::string one_by_one =
            R"("tool_choice":{"type":"any","disable_parallel_tool_use":true})";
        has(shape, is_chat ? chat(chat_tools + one_by_one) : responses(flat_tools + one_by_one),
            {{Dialect::messages,
              R"("tool_choice":{"type":"any","disable_parallel_tool_use":true)"}});
    }
}

TEST_CASE("A tool is read in any API's words") {
    Strings in_chat, in_responses, in_messages;
    for (const auto& form : kTools) {
        in_chat.push_back(chat(R"("tools":[)" + form + "]"));
        in_responses.push_back(responses(R"("tools":[)" + form + "]"));
        in_messages.push_back(chat(R"("max_tokens":9,"tools":[)" + form + "]"));
    }
    all_the_same(AnswerShape::chat, in_chat);
    all_the_same(AnswerShape::responses, in_responses);
    all_the_same(AnswerShape::messages, in_messages);
    // One of free text.
    const std::string grammar = R"({"type":"grammar","syntax":"lark","definition":"start: X"})";
    const std::string wrapped = R"({"type":"grammar","grammar":)"
                                R"({"syntax":"lark","definition":"start: X"}})";
    all_the_same(
        AnswerShape::chat,
        {chat(R"("tools":[{"type":"custom","custom":{"name":"p","format":)" + wrapped + "}}]"),
         chat(R"("tools":[{"type":"custom","name":"p","format":)" + grammar + "}]")});
    // A mark for the cache is in the tool, or in what it wraps.
    for (const auto* tool :
         {R"({"type":"function","function":{"name":"f","cache_control":{"type":"ephemeral"}}})",
          R"({"type":"function","function":{"name":"f"},"cache_control":{"type":"ephemeral"}})"}) {
        has(AnswerShape::chat, chat(std::string(R"("tools":[)") + tool + "]"),
            {{Dialect::messages, R"("properties":{}},"cache_control":{"type":"ephemeral"})"}});
    }
}

TEST_CASE("A format of answers is read in any API's words") {
    const std::string schema = R"("schema":{"type":"object","properties":{"a":{"type":"string"}}})";
    const Strings forms = {
        R"({"type":"json_schema","json_schema":{"name":"n","strict":true,)" + schema + "}}",
        R"({"type":"json_schema","name":"n","strict":true,)" + schema + "}",
        R"({"type":"json_object","name":"n","strict":true,)" + schema + "}",
    };
    Strings in_chat, in_responses;
    for (const auto& form : forms) {
        in_chat.push_back(chat(R"("response_format":)" + form));
        in_responses.push_back(responses(R"("text":{"format":)" + form + "}"));
    }
    all_the_same(AnswerShape::chat, in_chat);
    all_the_same(AnswerShape::responses, in_responses);
}

TEST_CASE("How much is to be thought is read in any API's words") {
    all_the_same(AnswerShape::chat,
                 {chat(R"("reasoning":{"effort":"low"})"), chat(R"("reasoning_effort":"low")")});
    all_the_same(AnswerShape::chat, {chat(R"("thinking":{"type":"enabled","budget_tokens":2000})"),
                                     chat(R"("reasoning":{"max_tokens":2000})")});
    all_the_same(
        AnswerShape::chat,
        {chat(R"("thinking":{"type":"enabled"})"), chat(R"("thinking":{"type":"adaptive"})"),
         chat(R"("reasoning":{"enabled":true})"), chat(R"("reasoning_effort":"medium")")});
    all_the_same(AnswerShape::chat,
                 {chat(R"("reasoning":{})"), chat(R"("reasoning":{"exclude":true})"),
                  chat(R"("reasoning":{"exclude":false})"), chat(R"("stream":false)")});
    all_the_same(
        AnswerShape::chat,
        {chat(R"("reasoning_effort":"none")"), chat(R"("thinking":{"type":"disabled"})"),
         chat(R"("reasoning":{"enabled":false})"), chat(R"("reasoning":{"effort":"none"})")});
}

TEST_CASE("A picture is read in any API's words") {
    const Strings forms = {
        R"({"type":"image_url","image_url":{"url":"data:image/png;base64,iVBORw0KGgo="}})",
        R"({"type":"image_url","image_url":"data:image/png;base64,iVBORw0KGgo="})",
        R"({"type":"input_image","image_url":"data:image/png;base64,iVBORw0KGgo="})",
        R"({"type":"input_image","image_url":"DATA:;base64,iVBORw0KGgo="})",
        R"({"type":"image_url","image_url":{"url":"iVBORw0KGgo="}})",
        R"({"type":"image","source":{"type":"base64","media_type":"image/png","data":"iVBORw0KGgo="}})",
        R"({"type":"image","image":"data:image/png;base64,iVBORw0KGgo="})",
        R"({"type":"image","url":"data:image/png;base64,iVBORw0KGgo="})",
        R"({"type":"file","file":{"file_data":"data:image/png;base64,iVBORw0KGgo="}})",
        R"({"type":"input_file","file_data":"data:image/png;base64,iVBORw0KGgo="})",
    };
    const Strings places = {
        R"({"type":"image_url","image_url":{"url":"https://x.test/a"}})",
        R"({"type":"input_image","image_url":"https://x.test/a"})",
        R"({"type":"image","source":{"type":"url","url":"https://x.test/a"}})",
        R"({"type":"image","image":"https://x.test/a"})",
    };
    for (const auto& list : {forms, places}) {
        Strings in_chat, in_responses;
        for (const auto& form : list) {
            in_chat.push_back(part(form));
            in_responses.push_back(input(form));
        }
        all_the_same(AnswerShape::chat, in_chat);
        all_the_same(AnswerShape::responses, in_responses);
    }
}

TEST_CASE("A document is read in any API's words") {
    const Strings forms = {
        R"({"type":"file","file":{"file_data":"data:application/pdf;base64,JVBERi0x","filename":"a.pdf"}})",
        R"({"type":"file","file":{"file_data":"JVBERi0x","filename":"a.pdf"}})",
        R"({"type":"file","file":{"file_id":"data:application/pdf;base64,JVBERi0x","filename":"a.pdf"}})",
        R"({"type":"file","file_data":"data:application/pdf;base64,JVBERi0x","filename":"a.pdf"})",
        R"({"type":"input_file","file_data":"data:application/pdf;base64,JVBERi0x","filename":"a.pdf"})",
        R"({"type":"input_file","file_url":"data:application/pdf;base64,JVBERi0x","filename":"a.pdf"})",
        R"({"type":"document","title":"a.pdf","source":{"type":"base64","media_type":"application/pdf","data":"JVBERi0x"}})",
        R"({"type":"document_url","document_url":"data:application/pdf;base64,JVBERi0x","document_name":"a.pdf"})",
    };
    const Strings places = {
        R"({"type":"file","file":{"file_id":"https://x.test/a.pdf"}})",
        R"({"type":"file","file":{"file_data":"https://x.test/a.pdf"}})",
        R"({"type":"file","file":{"file_url":"https:\/\/x.test/a.pdf"}})",
        R"({"type":"input_file","file_url":"https://x.test/a.pdf"})",
        R"({"type":"document","source":{"type":"url","url":"https://x.test/a.pdf"}})",
        R"({"type":"document_url","document_url":"https://x.test/a.pdf"})",
    };
    for (const auto& list : {forms, places}) {
        Strings in_chat, in_responses;
        for (const auto& form : list) {
            in_chat.push_back(part(form));
            in_responses.push_back(input(form));
        }
        all_the_same(AnswerShape::chat, in_chat);
        all_the_same(AnswerShape::responses, in_responses);
    }
    const Words of_one_account{
        {Dialect::messages, "unsupported: a file is known by its id to its own provider only"}};
    has(AnswerShape::chat, part(R"({"type":"file","file":{"file_id":"file-abc"}})"),
        of_one_account);
    // What is said of its type counts where the place does not tell.
    has(AnswerShape::chat,
        part(R"({"type":"file","file":{"file_id":"https://x.test/a","format":"image/png"}})"),
        {{Dialect::messages,
          R"({"type":"image","source":{"type":"url","url":"https://x.test/a"})"}});
    has(AnswerShape::chat,
        part(R"({"type":"file","file":{"file_id":"gs://b/a.mp4","format":"video/mp4"}})"),
        {{Dialect::messages,
          "unsupported: messages[0]: films are known to their own provider only"}});
}

TEST_CASE("A sound is read in any API's words, and sent to whom it can be sent") {
    all_the_same(
        AnswerShape::chat,
        {part(R"({"type":"input_audio","input_audio":{"data":"UklGRg==","format":"wav"}})"),
         part(R"({"type":"audio_url","audio_url":{"url":"data:audio/wav;base64,UklGRg=="}})")});
    has(AnswerShape::chat,
        part(R"({"type":"audio_url","audio_url":{"url":"https://x.test/a.wav"}})"),
        {{Dialect::gemini, R"("fileData":{)"},
         {Dialect::messages, "unsupported: audio cannot be sent to it"},
         {Dialect::responses, "unsupported: audio cannot be sent to it"}});
    has(AnswerShape::gemini,
        R"({"contents":[{"parts":[{"fileData":{"mimeType":"audio/mp3","fileUri":"https://x.test/a"}}]}]})",
        {{Dialect::chat, "unsupported: it takes audio as data, not by its URL"}});
    // OpenAI's names for the kinds of it are two.
    for (const auto& [type, format] :
         {std::pair("audio/mpeg", "mp3"), std::pair("audio/mp3", "mp3"),
          std::pair("audio/x-wav", "wav"), std::pair("audio/wav", "wav"),
          std::pair("audio/ogg; codecs=opus", "ogg")}) {
        has(AnswerShape::gemini,
            R"({"contents":[{"parts":[{"inlineData":{"mimeType":")" + std::string(type) +
                R"(","data":"UklGRg=="}}]}]})",
            {{Dialect::chat, R"("format":")" + std::string(format) + R"(")"}});
    }
}

TEST_CASE("Calls and results that stand among the parts of Chat's messages are calls and results") {
    const std::string ask = R"({"messages":[{"role":"user","content":"Hi"},)";
    all_the_same(
        AnswerShape::chat,
        {ask + R"({"role":"assistant","content":"So.","tool_calls":[{"id":"c","type":"function",)"
               R"("function":{"name":"f","arguments":"{\"a\":1}"}}]},)"
               R"({"role":"tool","tool_call_id":"c","content":"r"}]})",
         ask + R"({"role":"assistant","content":[{"type":"text","text":"So."},)"
               R"({"type":"tool_use","id":"c","name":"f","input":{"a":1}}]},)"
               R"({"role":"user","content":[{"type":"tool_result","tool_use_id":"c",)"
               R"("content":[{"type":"text","text":"r"}]}]}]})"});
    for (const auto* wrong :
         {R"({"role":"user","content":[{"type":"tool_use","id":"c","name":"f"}]}]})",
          R"({"role":"assistant","content":[{"type":"tool_result","tool_use_id":"c"}]}]})"}) {
        const Sent sent(AnswerShape::chat, Dialect::messages, ask + wrong);
        CHECK(sent.problem);
    }
}

TEST_CASE("What a provider's own tools said is told in words, or named as lost") {
    const std::string ask = R"({"input":[{"role":"user","content":"Hi"},)";
    const Sent listed(
        AnswerShape::responses, Dialect::messages,
        ask + R"({"type":"mcp_list_tools","id":"m","server_label":"s","tools":[]}]})");
    REQUIRE_FALSE(listed.problem);
    CHECK(listed.outgoing.dropped == Strings{"input[].mcp_list_tools"});
    const Sent called(AnswerShape::responses, Dialect::messages,
                      ask + R"({"type":"mcp_call","id":"m","name":"find","arguments":"{\"q\":1}",)"
                            R"("output":"found"},{"role":"user","content":"Go on"}]})");
    REQUIRE_FALSE(called.problem);
    CHECK(called.outgoing.body.find(R"((mcp_call) find {\"q\":1} found)") != std::string::npos);
    CHECK(called.outgoing.dropped == Strings{"input[].mcp_call"});

    const std::string use =
        R"({"max_tokens":9,"messages":[{"role":"user","content":"Hi"},)"
        R"({"role":"assistant","content":[{"type":"tool_use","id":"t","name":"ToolSearch","input":{}}]},)"
        R"({"role":"user","content":[{"type":"tool_result","tool_use_id":"t","content":[)"
        R"({"type":"tool_reference","tool_name":"mcp__x__y"}]}]}],"tools":[)"
        R"({"type":"tool_search_tool_regex_20251119","name":"tool_search_tool_regex"},)"
        R"({"name":"mcp__x__y","input_schema":{"type":"object"},"defer_loading":true}]})";
    has(AnswerShape::messages, use,
        {{Dialect::chat, "(The tool mcp__x__y can be called now.)"},
         {Dialect::responses, "(The tool mcp__x__y can be called now.)"},
         {Dialect::gemini, "(The tool mcp__x__y can be called now.)"},
         {Dialect::converse, "(The tool mcp__x__y can be called now.)"}});
    CHECK(Sent(AnswerShape::messages, Dialect::chat, use).outgoing.dropped ==
          Strings{"tools[].tool_search_tool_regex_20251119", "tools[].defer_loading"});

    const std::string made_short =
        R"({"max_tokens":9,"messages":[{"role":"user","content":"Hi"},)"
        R"({"role":"assistant","content":[{"type":"compaction","content":"So far."}]},)"
        R"({"role":"user","content":"Go on"}]})";
    has(AnswerShape::messages, made_short, {{Dialect::chat, R"("content":"So far.")"}});
}

TEST_CASE("Values of enumerations are read by name and by number, as protocol buffers have them") {
    const auto asked = [](const std::string& type, const std::string& of, const std::string& mode,
                          const std::string& modality) {
        return R"({"contents":[{"parts":[{"text":"Hi"}]}],"tools":[{"function_declarations":[)"
               R"({"name":"f","parameters":{"type":)" +
               type + R"(,"properties":{"a":{"type":)" + of +
               R"(,"nullable":true}}}}]}],"tool_config":{"function_calling_config":{"mode":)" +
               mode + R"(}},"generation_config":{"response_modalities":[)" + modality + "]}}";
    };
    all_the_same(AnswerShape::gemini, {asked(R"("OBJECT")", R"("STRING")", R"("ANY")", R"("TEXT")"),
                                       asked("6", "1", "2", "1")});
    all_the_same(
        AnswerShape::gemini,
        {asked(R"("OBJECT")", R"("ARRAY")", R"("NONE")", R"("IMAGE")"), asked("6", "5", "3", "2")});
}

TEST_CASE("What the system alone said is what is to be answered") {
    const Words words{
        {Dialect::chat, R"("messages":[{"role":"system","content":"One.\n\nTwo."}])"},
        {Dialect::responses, R"("input":[{"type":"message","role":"system","content":[)"
                             R"({"type":"input_text","text":"One."},)"
                             R"({"type":"input_text","text":"Two."}]}])"},
        {Dialect::messages, R"("messages":[{"role":"user","content":[)"
                            R"({"type":"text","text":"One."},{"type":"text","text":"Two."}]}])"},
        {Dialect::gemini,
         R"("contents":[{"role":"user","parts":[{"text":"One."},{"text":"Two."}]}])"},
        {Dialect::converse,
         R"("messages":[{"role":"user","content":[{"text":"One."},{"text":"Two."}]}])"}};
    auto others = words;
    others.erase(Dialect::chat);
    has(AnswerShape::chat,
        R"({"messages":[{"role":"system","content":"One."},{"role":"developer","content":"Two."}]})",
        others);
    others = words;
    others.erase(Dialect::responses);
    has(AnswerShape::responses,
        R"({"instructions":"One.","input":[{"role":"developer","content":"Two."}]})", others);
}

TEST_CASE("A file has a name that ends as its type does") {
    struct Row {
        const char *type, *title, *name;
    };
    const Row rows[] = {
        {"application/pdf", "", "document.pdf"},
        {"application/pdf", "T", "T.pdf"},
        {"application/pdf", "a.pdf", "a.pdf"},
        {"application/pdf", "Of 3.14 and more", "Of 3.14 and more.pdf"},
        {"application/vnd.openxmlformats-officedocument.wordprocessingml.document", "",
         "document.docx"},
        {"application/x-odd", "", "document.pdf"},
        {"application/x-odd", "odd", "odd"},
    };
    for (const auto& row : rows) {
        const auto file = R"({"type":"file","file":{"filename":")" + std::string(row.title) +
                          R"(","file_data":"data:)" + row.type + R"(;base64,AAAA"}})";
        has(AnswerShape::chat, part(file),
            {{Dialect::responses, R"("filename":")" + std::string(row.name) + R"(")"}});
        has(AnswerShape::responses, input(file),
            {{Dialect::chat, R"("filename":")" + std::string(row.name) + R"(")"}});
    }
}

TEST_CASE("Base64 is read in any alphabet, and with lines in it") {
    const auto picture = [](const std::string& data) {
        return part(R"({"type":"image_url","image_url":{"url":"data:image/png;base64,)" + data +
                    R"("}})");
    };
    all_the_same(
        AnswerShape::chat,
        {picture("iVBORw0KGgo+/+8="), picture("iVBORw0KGgo-_-8="), picture("iVBORw0KGgo-_-8"),
         picture(R"(iVBORw0K\nGgo+\/+8=\r\n)"), picture("iVBORw0K Ggo+/+8=")});
    const Sent odd(AnswerShape::chat, Dialect::messages, picture(R"(iVBORw0K\u0047)"));
    CHECK_FALSE(odd.problem);
    // Inside of results, too.
    has(AnswerShape::messages,
        R"({"max_tokens":9,"messages":[{"role":"user","content":"Hi"},{"role":"assistant","content":[)"
        R"({"type":"tool_use","id":"t","name":"f","input":{}}]},{"role":"user","content":[)"
        R"({"type":"tool_result","tool_use_id":"t","content":[{"type":"image","source":)"
        R"({"type":"base64","media_type":"image/png","data":"iVBORw0KGgo-_-8"}}]}]}]})",
        {{Dialect::chat, "iVBORw0KGgo+/+8="}, {Dialect::converse, "iVBORw0KGgo+/+8="}});
}
