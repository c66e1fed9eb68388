// Random conversations on their way through one API after the other: what all of them can carry is
// the same behind each.
#include "dialects/chat/chat.hpp"
#include "dialects/gemini/request_reader.hpp"
#include "dialects/gemini/request_writer.hpp"
#include "dialects/messages/messages.hpp"
#include "wire/dialect.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <random>
#include <string>
#include <vector>

using namespace understudy;
using namespace understudy::dialects;
using Json = nlohmann::json;
using wire::Dialect;

namespace {

class Dice {
  public:
    explicit Dice(unsigned seed) : engine_(seed) {}
    std::size_t below(std::size_t limit) { return engine_() % limit; }
    bool often() { return below(3) != 0; }
    bool seldom() { return below(4) == 0; }

  private:
    std::mt19937 engine_;
};

const std::vector<std::string> kWords{"Hello.",
                                      "a \"quoted\" \\ word\nand a line",
                                      "\xc3\xa9\xf0\x9f\x98\x80 \xe4\xb8\xad",
                                      "{\"a\":1}",
                                      "[1,2",
                                      "  spaces  ",
                                      "Error: not found",
                                      "\x01\x7f</tool>",
                                      "0"};

const std::vector<Json> kArguments{Json::object(), Json::parse(R"({"city":"Oslo"})"),
                                   Json::parse(R"({"n":1.5e3,"deep":[{"x":[]}]})"),
                                   Json::parse(R"({"input":"\u0000\n","\u00e9":null})")};

const std::vector<Json> kSchemas{
    Json::parse(R"({"type":"object","properties":{"city":{"type":"string"}},"required":["city"]})"),
    Json::parse(R"({"type":"object","properties":{"n":{"type":["number","null"],"minimum":0}}})")};

template <class T>
const T& pick(Dice& dice, const std::vector<T>& from) {
    return from[dice.below(from.size())];
}

/// A chat request that says nothing that only chat can say.
Json random_request(Dice& dice) {
    Json messages = Json::array();
    if (dice.often()) messages.push_back({{"role", "system"}, {"content", pick(dice, kWords)}});
    std::size_t calls = 0;
    std::vector<std::string> open;
    const auto turns = 1 + dice.below(5);
    for (std::size_t turn = 0; turn < turns; ++turn) {
        for (const auto& id : open) {
            messages.push_back(
                {{"role", "tool"}, {"tool_call_id", id}, {"content", pick(dice, kWords)}});
        }
        if (open.empty() || dice.often()) {
            Json content = Json::array({{{"type", "text"}, {"text", pick(dice, kWords)}}});
            if (dice.seldom()) {
                content.push_back({{"type", "image_url"},
                                   {"image_url", {{"url", "data:image/png;base64,iVBORw0KGgo="}}}});
            }
            if (dice.seldom()) content.push_back({{"type", "text"}, {"text", pick(dice, kWords)}});
            messages.push_back({{"role", "user"}, {"content", content}});
        }
        open.clear();
        if (turn + 1 == turns) break;  // the last word is the user's
        Json answer{{"role", "assistant"}};
        if (dice.often()) answer["content"] = pick(dice, kWords);
        const auto wanted = answer.contains("content") ? dice.below(3) : 1 + dice.below(2);
        for (std::size_t i = 0; i < wanted; ++i) {
            open.push_back("call_" + std::to_string(calls++));
            answer["tool_calls"].push_back({{"id", open.back()},
                                            {"type", "function"},
                                            {"function",
                                             {{"name", dice.often() ? "f" : "g"},
                                              {"arguments", pick(dice, kArguments).dump()}}}});
        }
        messages.push_back(answer);
    }
    Json request{{"model", "m"}, {"messages", messages}, {"max_tokens", 1 + dice.below(5000)}};
    for (const auto* name : {"f", "g"}) {
        Json tool{{"name", name}, {"parameters", pick(dice, kSchemas)}};
        if (dice.often()) tool["description"] = pick(dice, kWords);
        request["tools"].push_back({{"type", "function"}, {"function", tool}});
    }
    if (dice.seldom()) request["tool_choice"] = dice.often() ? "required" : "none";
    if (dice.often()) request["temperature"] = 0.25;
    if (dice.seldom()) request["stop"] = {"END", "\"quoted\""};
    return request;
}

std::optional<Problem> read_body(Dialect dialect, const std::string& body, Talk& talk) {
    const auto value = Value::of(body);
    switch (dialect) {
        case Dialect::messages:
            return messages::read_request(value, talk);
        case Dialect::gemini:
            return gemini::read_request(value, talk);
        default:
            return chat::read_request(value, talk);
    }
}

std::optional<Problem> write_body(Dialect dialect, Talk& talk, std::string& body) {
    ToolNames names;
    switch (dialect) {
        case Dialect::messages:
            return messages::write_request(talk, "claude-sonnet-4-5", 0, names, body);
        case Dialect::gemini: {
            gemini::Manner manner;
            manner.model = "gemini-3.1-pro";
            return gemini::write_request(talk, manner, names, body);
        }
        default: {
            chat::Manner manner;
            manner.model = "m";
            return chat::write_request(talk, manner, names, body);
        }
    }
}

void add_text(Json& words, const std::string& text) {
    if (!words.empty() && words.back().is_string()) {
        words.back() = words.back().get<std::string>() + "\n\n" + text;
    } else {
        words.push_back(text);
    }
}

std::string text_of(const Block& result) {
    std::string text = result.is_error ? "Error: " : "";
    for (const auto& one : result.inner) text += unescaped(one.content);
    return text;
}

Json of_block(const Block& block) {
    if (block.kind == Block::Kind::call) {
        const auto text =
            block.arguments_escaped ? unescaped(block.arguments) : std::string(block.arguments);
        return {{"call", block.id}, {"name", block.name}, {"arguments", Json::parse(text)}};
    }
    return {{"result", block.id}, {"said", text_of(block)}};
}

/// What a talk says, in no dialect's form and with nothing of how it is divided.
Json meaning_of(Talk& talk) {
    merge_turns(talk.turns);
    Json out;
    out["system"] = unescaped(join_text(talk.system, "\\n\\n"));
    for (const auto& turn : talk.turns) {
        Json words = Json::array();
        Json others = Json::array();
        for (const auto& block : turn.blocks) {
            if (block.kind == Block::Kind::text) {
                add_text(words, unescaped(block.content));
            } else if (block.kind == Block::Kind::media) {
                words.push_back({{"type", block.media.type}, {"data", block.media.data}});
            } else {
                others.push_back(of_block(block));
            }
        }
        out["turns"].push_back({turn.role == Role::assistant, words, others});
    }
    for (const auto& tool : talk.tools) {
        out["tools"].push_back(
            {tool.name, unescaped(tool.description), Json::parse(tool.schema.raw())});
    }
    const auto kind = talk.choice.kind;
    out["choice"] = kind == Choice::Kind::required ? "required"
                    : kind == Choice::Kind::none   ? "none"
                                                   : "automatic";
    out["most"] = talk.max_tokens.count();
    out["temperature"] = talk.temperature.number(-1);
    for (const auto sequence : talk.stop) out["stop"].push_back(unescaped(sequence));
    return out;
}

}  // namespace

TEST_CASE("A conversation means the same behind every API that it goes through") {
    const std::vector<Dialect> all{Dialect::chat, Dialect::messages, Dialect::gemini};
    for (unsigned seed = 0; seed < 400; ++seed) {
        CAPTURE(seed);
        Dice dice(seed);
        auto body = random_request(dice).dump();
        auto at = Dialect::chat;
        Json meaning;
        std::string way = "chat";
        for (int hop = 0; hop < 6; ++hop) {
            Talk talk;
            CAPTURE(way, body);
            auto problem = read_body(at, body, talk);
            if (problem) FAIL(problem->what);
            const auto here = meaning_of(talk);
            if (meaning.is_null()) meaning = here;
            REQUIRE(here.dump(1) == meaning.dump(1));
            std::string next;
            at = pick(dice, all);
            way += " ";
            way += wire::name_of(at);
            problem = write_body(at, talk, next);
            if (problem) FAIL(problem->what);
            body = next;
        }
    }
}
