#include "dialects/chat/chat.hpp"
#include "dialects/gemini/request_writer.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

using namespace understudy::dialects;
using Json = nlohmann::json;
using Names = std::vector<std::string>;

namespace {

constexpr std::string_view kNew = "gemini-3.1-pro";

/// A talk that was made, and what is sent of it.
struct Sent {
    explicit Sent(Talk& talk, std::string_view model = kNew, bool ids = true) {
        gemini::Manner manner;
        manner.model = model;
        manner.ids = ids;
        problem = gemini::write_request(talk, manner, names, body);
        if (problem) return;
        json = Json::parse(body);
        contents = json["contents"];
    }
    std::string body;
    ToolNames names;
    std::optional<Problem> problem;
    Json json, contents;
};

/// The contents of a chat request's messages.
struct Chat {
    explicit Chat(std::string_view messages) : in(R"({"messages":)" + std::string(messages) + "}") {
        REQUIRE_FALSE(chat::read_request(Value::of(in), talk));
    }
    std::string in;
    Talk talk;
};

Json contents(std::string_view messages, std::string_view model = kNew) {
    Chat chat(messages);
    const Sent sent(chat.talk, model);
    REQUIRE_FALSE(sent.problem);
    return sent.contents;
}

Block text(std::string_view content) {
    Block block;
    block.content = content;
    return block;
}

Block call(std::string_view id, std::string_view seal = {}, SealKind by = SealKind::gemini) {
    Block block(Block::Kind::call);
    block.id = id;
    block.name = "f";
    block.arguments = "{}";
    block.seal = seal;
    block.sealed_by = seal.empty() ? SealKind::none : by;
    return block;
}

Block result(std::string_view id, std::string_view content, bool is_error = false) {
    Block block(Block::Kind::result);
    block.id = id;
    block.inner.push_back(text(content));
    block.is_error = is_error;
    return block;
}

Block media(Media::Kind kind, Media::Source source, std::string_view what, std::string type = {}) {
    Block block(Block::Kind::media);
    block.media.kind = kind;
    block.media.source = source;
    block.media.type = std::move(type);
    (source == Media::Source::url ? block.media.url : block.media.data) = what;
    return block;
}

Talk talk_of(std::vector<Turn> turns) {
    Talk talk;
    talk.turns = std::move(turns);
    return talk;
}

Json response(std::string_view content, bool is_error = false) {
    auto talk = talk_of({{Role::user, {text("q")}},
                         {Role::assistant, {call("c1")}},
                         {Role::user, {result("c1", content, is_error)}}});
    return Sent(talk).contents[2]["parts"][0]["functionResponse"]["response"];
}

constexpr std::string_view kPng = "iVBORw0KGgoAAAANSUhEUg";

}  // namespace

TEST_CASE("The system's words in front are its instruction, those in the middle stay there") {
    Chat chat(R"([{"role":"system","content":"A"},{"role":"developer","content":[
        {"type":"text","text":"B"}]},{"role":"user","content":"q"},{"role":"assistant",
        "content":"a"},{"role":"system","content":"C"},{"role":"user","content":"r"}])");
    const Sent sent(chat.talk);
    CHECK(sent.json["systemInstruction"].dump() == R"({"parts":[{"text":"A"},{"text":"B"}]})");
    CHECK(sent.contents.dump() == R"([{"parts":[{"text":"q"}],"role":"user"},)"
                                  R"({"parts":[{"text":"a"}],"role":"model"},)"
                                  R"({"parts":[{"text":"C"},{"text":"r"}],"role":"user"}])");
}

TEST_CASE("A model without an instruction hears it in front of the first words") {
    Chat chat(R"([{"role":"system","content":"A"},{"role":"user","content":"q"}])");
    const Sent sent(chat.talk, "gemma-3-27b-it");
    CHECK_FALSE(sent.json.contains("systemInstruction"));
    CHECK(sent.contents[0]["parts"].dump() == R"([{"text":"A"},{"text":"q"}])");
}

TEST_CASE("A conversation begins with the user, and empty texts are no parts") {
    const auto turns = contents(R"([{"role":"assistant","content":"a"},
        {"role":"user","content":[{"type":"text","text":""},{"type":"text","text":"q"}]}])");
    CHECK(turns[0]["role"] == "user");
    CHECK(turns[1].dump() == R"({"parts":[{"text":"a"}],"role":"model"})");
    CHECK(turns[2]["parts"].dump() == R"([{"text":"q"}])");
    Chat empty(R"([{"role":"user","content":" \n"}])");
    CHECK(Sent(empty.talk).problem->kind == Problem::Kind::unsupported);
}

TEST_CASE("Texts keep the escapes they were written with") {
    Chat chat(R"([{"role":"user","content":"a\u00e9\n\ud83d\ude00"}])");
    CHECK(Sent(chat.talk).body.find(R"({"text":"a\u00e9\n\ud83d\ude00"})") != std::string::npos);
}

TEST_CASE("Pitfall 21: results of parallel calls are one turn, in the order of the calls") {
    const auto turns = contents(R"([{"role":"user","content":"q"},
        {"role":"assistant","content":"Look.","tool_calls":[
          {"id":"c1","type":"function","function":{"name":"f","arguments":"{\"a\":1}"}},
          {"id":"c2","type":"function","function":{"name":"g","arguments":""}}]},
        {"role":"tool","tool_call_id":"c2","content":"two"},
        {"role":"tool","tool_call_id":"c1","content":"one"},
        {"role":"user","content":"And?"}])",
                                "gemini-2.5-pro");
    CHECK(turns[1].dump() ==
          R"({"parts":[{"text":"Look."},{"functionCall":{"args":{"a":1},"id":"c1","name":"f"}},)"
          R"({"functionCall":{"args":{},"id":"c2","name":"g"}}],"role":"model"})");
    // The name is the call's: the message of a tool has none.
    CHECK(turns[2].dump() ==
          R"({"parts":[{"functionResponse":{"id":"c1","name":"f","response":{"output":"one"}}},)"
          R"({"functionResponse":{"id":"c2","name":"g","response":{"output":"two"}}}],)"
          R"("role":"user"})");
    CHECK(turns[3].dump() == R"({"parts":[{"text":"And?"}],"role":"user"})");
}

TEST_CASE("Pitfall 65: each call has one result, whatever was trimmed away") {
    const auto turns = contents(R"([{"role":"user","content":"q"},
        {"role":"assistant","tool_calls":[
          {"id":"c1","type":"function","function":{"name":"f","arguments":"{}"}},
          {"id":"c2","type":"function","function":{"name":"f","arguments":"{}"}}]},
        {"role":"tool","tool_call_id":"c2","content":"two"},
        {"role":"tool","tool_call_id":"gone","content":"orphan"}])");
    REQUIRE(turns.size() == 4);
    REQUIRE(turns[2]["parts"].size() == 2);
    CHECK(turns[2]["parts"][0]["functionResponse"]["response"].contains("error"));
    CHECK(turns[2]["parts"][1]["functionResponse"]["response"]["output"] == "two");
    CHECK(turns[3]["parts"][0]["text"].get<std::string>().ends_with("orphan"));
}

TEST_CASE("Pitfall 66: two calls of one function are told apart by ids, where ids are taken") {
    auto turns = std::vector<Turn>{{Role::user, {text("q")}},
                                   {Role::assistant, {call("a b"), call("c2")}},
                                   {Role::user, {result("c2", "2"), result("a b", "1")}}};
    auto talk = talk_of(turns);
    const Sent sent(talk);
    const auto id = [&](int turn, std::size_t part, const char* what) {
        return sent.contents[static_cast<std::size_t>(turn)]["parts"][part][what]["id"];
    };
    CHECK(id(1, 0, "functionCall") == id(2, 0, "functionResponse"));
    CHECK(id(1, 0, "functionCall") == legal_id("a b", kGoogleId));
    CHECK(id(2, 1, "functionResponse") == "c2");
    auto again = talk_of(turns);
    CHECK(Sent(again, kNew, false).body.find("\"id\"") == std::string::npos);
}

TEST_CASE("The arguments of a call are an object, whatever the model wrote") {
    struct Row {
        std::string_view arguments, args;
    };
    for (const auto& [arguments, args] :
         {Row{R"({\"a\": [1, 2.50]})", R"({"a": [1, 2.50]})"}, Row{"", "{}"}, Row{" ", "{}"},
          Row{"null", "{}"}, Row{R"(\"\")", "{}"}, Row{"[1]", R"({"rawInvalidInput":"[1]"})"},
          Row{R"({\"a\":)", R"({"rawInvalidInput":"{\"a\":"})"}}) {
        auto block = call("c");
        block.arguments = arguments;
        block.arguments_escaped = true;
        auto talk = talk_of({{Role::user, {text("q")}}, {Role::assistant, {block}}});
        CHECK(Sent(talk).body.find("\"args\":" + std::string(args) + "}") != std::string::npos);
    }
    auto block = call("c");
    block.arguments = "*** x";
    block.custom = true;
    auto talk = talk_of({{Role::user, {text("q")}}, {Role::assistant, {block}}});
    CHECK(Sent(talk).body.find(R"("args":{"input":"*** x"}})") != std::string::npos);
}

TEST_CASE("Pitfall 34: a result that is an object stays one, unless it would change") {
    CHECK(response(R"({\"temp\": 3})") == Json::parse(R"({"temp":3})"));
    CHECK(response("3C") == Json::parse(R"({"output":"3C"})"));
    CHECK(response("[1]") == Json::parse(R"({"output":"[1]"})"));
    CHECK(response("") == Json::parse(R"({"output":""})"));
    CHECK(response("{oops") == Json::parse(R"({"output":"{oops"})"));
    CHECK(response("\\ufeff{}").contains("output"));
    CHECK(response("No such file", true) == Json::parse(R"({"error":"No such file"})"));
    CHECK(response(R"({\"code\":1})", true) == Json::parse(R"({"error":"{\"code\":1}"})"));
    // Numbers are doubles there: this one would become another.
    CHECK(response(R"({\"id\":9007199254740993})") ==
          Json::parse(R"({"output":"{\"id\":9007199254740993}"})"));
    // These members say there what the object is.
    CHECK(response(R"({\"error\":null})") == Json::parse(R"({"output":"{\"error\":null}"})"));
}

TEST_CASE("A call's seal goes back to its issuer; one that is lost has a word in its place") {
    const auto parts = [](std::vector<Block> blocks, std::string_view model = kNew) {
        auto talk = talk_of({{Role::user, {text("q")}}, {Role::assistant, std::move(blocks)}});
        Json seals = Json::array();
        const Sent sent(talk, model);
        for (const auto& part : sent.contents[1]["parts"]) {
            seals.push_back(part.value("thoughtSignature", ""));
        }
        return seals.dump();
    };
    constexpr std::string_view kSkip = R"(["skip_thought_signature_validator"])";
    CHECK(parts({call("1", "Eqo=")}) == R"(["Eqo="])");
    CHECK(parts({call("1")}) == kSkip);
    // Of parallel calls the first one alone has one.
    CHECK(parts({call("1", "Eqo="), call("2")}) == R"(["Eqo=",""])");
    CHECK(parts({call("1"), call("2")}) == R"(["skip_thought_signature_validator",""])");
    // Pitfall 36: another provider's seal is none.
    CHECK(parts({call("1", "Eabc", SealKind::claude)}) == kSkip);
    CHECK(parts({call("1", "gAAA", SealKind::openai)}, "gemini-flash-latest") == kSkip);
    // Models before the third generation ask for none.
    CHECK(parts({call("1")}, "gemini-2.5-pro") == R"([""])");
    CHECK(parts({call("1", "Eqo=")}, "gemini-2.5-pro") == R"(["Eqo="])");
}

TEST_CASE("Each turn with calls has a seal of its own") {
    const auto turns = contents(R"([{"role":"user","content":"q"},
        {"role":"assistant","tool_calls":[{"id":"c1","type":"function",
          "function":{"name":"f","arguments":"{}"},
          "extra_content":{"google":{"thought_signature":"Eqo="}}}]},
        {"role":"tool","tool_call_id":"c1","content":"1"},
        {"role":"assistant","tool_calls":[{"id":"c2","type":"function",
          "function":{"name":"f","arguments":"{}"}}]},
        {"role":"tool","tool_call_id":"c2","content":"2"}])");
    CHECK(turns[1]["parts"][0]["thoughtSignature"] == "Eqo=");
    CHECK(turns[3]["parts"][0]["thoughtSignature"] == "skip_thought_signature_validator");
}

TEST_CASE("Thoughts go back with their seal to their issuer, and to nobody else") {
    const auto thought = [](SealKind by, std::string_view seal, Block::Kind kind) {
        Block block(kind);
        block.sealed_by = by;
        block.content = kind == Block::Kind::sealed ? seal : "Hm.";
        if (kind == Block::Kind::thinking) block.seal = seal;
        return block;
    };
    constexpr auto kThinking = Block::Kind::thinking;
    auto own = talk_of({{Role::user, {text("q")}},
                        {Role::assistant,
                         {thought(SealKind::gemini, "Eqo=", kThinking),
                          thought(SealKind::gemini, "Eqr=", Block::Kind::sealed), text("a")}},
                        {Role::user, {text("r")}}});
    CHECK(Sent(own).contents[1]["parts"].dump() ==
          R"([{"text":"Hm.","thought":true,"thoughtSignature":"Eqo="},)"
          R"({"text":"","thoughtSignature":"Eqr="},{"text":"a"}])");
    CHECK(own.dropped.empty());
    auto foreign = talk_of({{Role::user, {text("q")}},
                            {Role::assistant,
                             {thought(SealKind::claude, "Eabc", kThinking),
                              thought(SealKind::openai, "gAAA", Block::Kind::sealed),
                              thought(SealKind::none, "", kThinking), text("a")}},
                            {Role::user, {text("r")}}});
    CHECK(Sent(foreign).contents[1]["parts"].dump() == R"([{"text":"a"}])");
    CHECK(foreign.dropped == Names{"reasoning"});
}

TEST_CASE("What another provider's own tools did is left out, and named") {
    auto hosted = call("s1");
    hosted.server_side = true;
    auto talk = talk_of({{Role::user, {text("q")}},
                         {Role::assistant, {hosted, result("s1", "found"), text("a")}},
                         {Role::user, {text("r")}}});
    CHECK(Sent(talk).contents[1]["parts"].dump() == R"([{"text":"a"}])");
    CHECK(talk.dropped == Names{"hosted tool calls"});
}

TEST_CASE("A mark for the cache is lost, and named") {
    auto marked = text("q");
    marked.cache = Value::of(R"({"type":"ephemeral"})");
    auto talk = talk_of({{Role::user, {marked}}});
    CHECK(Sent(talk).contents.dump() == R"([{"parts":[{"text":"q"}],"role":"user"}])");
    CHECK(talk.dropped == Names{"cache_control"});
}

TEST_CASE("Media go as data with the type of their bytes, or as a place to read from") {
    using K = Media::Kind;
    using S = Media::Source;
    struct Row {
        Block block;
        std::string_view part;
    };
    for (auto& [block, part] : std::vector<Row>{
             {media(K::image, S::base64, kPng, "image/jpeg"),
              R"({"inlineData":{"data":"iVBORw0KGgoAAAANSUhEUg","mimeType":"image/png"}})"},
             {media(K::document, S::base64, "JVBERi0xLjQK", ""),
              R"({"inlineData":{"data":"JVBERi0xLjQK","mimeType":"application/pdf"}})"},
             {media(K::document, S::base64, "aGk=", "text/csv"),
              R"({"inlineData":{"data":"aGk=","mimeType":"text/csv"}})"},
             {media(K::audio, S::base64, "UklG", "audio/wav"),
              R"({"inlineData":{"data":"UklG","mimeType":"audio/wav"}})"},
             {media(K::document, S::text, "line\\n"), R"({"text":"line\n"})"},
             {media(K::image, S::url, "https://x.test/a.PNG?b=.jpg"),
              R"({"fileData":{"fileUri":"https://x.test/a.PNG?b=.jpg"}})"},
             {media(K::image, S::url, "https:\\/\\/x.test\\/a.png#c"),
              R"({"fileData":{"fileUri":"https://x.test/a.png#c","mimeType":"image/png"}})"},
             {media(K::document, S::url, "gs://b/a.pdf"),
              R"({"fileData":{"fileUri":"gs://b/a.pdf","mimeType":"application/pdf"}})"}}) {
        auto talk = talk_of({{Role::user, {block}}});
        const Sent sent(talk);
        REQUIRE_FALSE(sent.problem);
        CHECK(sent.contents[0]["parts"][0].dump() == part);
    }
}

TEST_CASE("Media that it does not read are refused") {
    using K = Media::Kind;
    using S = Media::Source;
    struct Row {
        Block block;
        std::string_view model;
    };
    for (auto& [block, model] : std::vector<Row>{
             {media(K::image, S::base64, "R0lGODlhAQABAIAA", "image/gif"), kNew},
             {media(K::image, S::base64, "AAAA", ""), kNew},
             {media(K::document, S::base64, "UEsDBA", "application/vnd.ms-excel"), kNew},
             {media(K::document, S::file, "file-123"), kNew},
             {media(K::image, S::url, "http://x.test/a.png"), kNew},
             {media(K::image, S::url, "https://x.test/a.png"), "gemini-2.0-flash"}}) {
        auto talk = talk_of({{Role::user, {block}}});
        const Sent sent(talk, model);
        REQUIRE(sent.problem);
        CHECK(sent.problem->kind == Problem::Kind::unsupported);
    }
    auto own = talk_of({{Role::user, {media(K::image, S::url, "https://youtu.be/x")}}});
    CHECK_FALSE(Sent(own, "gemini-2.0-flash").problem);
    auto system = talk_of({{Role::user, {text("q")}}});
    system.system.push_back(media(K::image, S::base64, kPng));
    CHECK(Sent(system).problem);
}

TEST_CASE("Pitfall 46: a picture in a result is inside it, or behind all results") {
    auto shown = result("c1", "Here:");
    shown.inner.push_back(media(Media::Kind::image, Media::Source::base64, kPng));
    const std::vector<Turn> turns{{Role::user, {text("q")}},
                                  {Role::assistant, {call("c1"), call("c2")}},
                                  {Role::user, {shown, result("c2", "2"), text("r")}}};
    auto talk = talk_of(turns);
    const auto inside = Sent(talk).contents;
    CHECK(inside[2]["parts"][0]["functionResponse"]["response"]["output"] == "Here:");
    CHECK(inside[2]["parts"][0]["functionResponse"]["parts"][0]["inlineData"]["data"] == kPng);
    REQUIRE(inside.size() == 4);
    CHECK(inside[3]["parts"].dump() == R"([{"text":"r"}])");
    auto again = talk_of(turns);
    const auto behind = Sent(again, "gemini-2.5-pro").contents;
    CHECK_FALSE(behind[2]["parts"][0]["functionResponse"].contains("parts"));
    CHECK(behind[2]["parts"].size() == 2);
    CHECK(behind[3]["parts"][0]["inlineData"]["mimeType"] == "image/png");
    CHECK(behind[3]["parts"][1]["text"] == "r");
}
