// Seals as clients bring them back: what they bear is theirs to write, and how it is cut is theirs
// to choose.
#include "dialects/seals.hpp"
#include "dialects/translate.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

using namespace understudy;
using namespace understudy::dialects;
using wire::AnswerShape;
using wire::Dialect;
using Json = nlohmann::json;

namespace {

std::string sent(AnswerShape shape, Dialect to, const Json& request) {
    const auto text = request.dump();
    Ask ask;
    ask.shape = shape;
    ask.body = text;
    Target target;
    target.dialect = to;
    target.model = to == Dialect::messages   ? "claude-sonnet-4-5"
                   : to == Dialect::gemini   ? "gemini-3-pro"
                   : to == Dialect::converse ? "anthropic.claude-sonnet-4-5"
                                             : "gpt-5";
    Outgoing outgoing;
    std::unique_ptr<Translation> translation;
    const auto problem = translate(ask, target, outgoing, translation);
    if (problem) FAIL(problem->what);
    return outgoing.body;
}

/// Base64 by the book, of whatever a client likes.
std::string base64(std::string_view bytes) {
    constexpr std::string_view kDigits =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::string out;
    unsigned bits = 0;
    unsigned held = 0;
    for (const char c : bytes) {
        bits = bits << 8U | static_cast<unsigned char>(c);
        for (held += 8; held >= 6; held -= 6) out += kDigits[bits >> (held - 6) & 63U];
    }
    if (held != 0) out += kDigits[bits << (6 - held) & 63U];
    return out.append((4 - out.size() % 4) % 4, '=');
}

Json thought(std::string_view text, std::string_view seal) {
    Json part{{"text", text}, {"thought", true}};
    if (!seal.empty()) part["thoughtSignature"] = seal;
    return part;
}

/// A conversation of Google's whose second turn is the model's, in as many contents as there are.
Json conversation(const std::vector<Json>& contents) {
    Json request{{"contents", {{{"role", "user"}, {"parts", {{{"text", "x"}}}}}}}};
    for (const auto& parts : contents)
        request["contents"].push_back({{"role", "model"}, {"parts", parts}});
    request["contents"].push_back({{"role", "user"}, {"parts", {{{"text", "z"}}}}});
    return request;
}

const Json kSaid{{"text", "y"}};

}  // namespace

TEST_CASE("What is decoded of a seal adds nothing to a request but a seal") {
    const std::string mark(kSealMark);
    for (const std::string_view owner :
         {"claude:", "openai:", "gemini:", "gemini-call:", "claude-redacted:"}) {
        for (const std::string_view rest :
             {std::string_view(R"(AAA"}]}],"model":"other","x":[{"y":[{"z":")"),
              std::string_view("AAA\\"), std::string_view("AAA\n"), std::string_view("A A"),
              std::string_view("AAA\x7f"), std::string_view("AAA\xff"),
              std::string_view("AAA\0", 4)}) {
            const auto seal = base64(mark + std::string(owner) + std::string(rest));
            REQUIRE(seal.starts_with(kSealMarkBase64));
            const auto request = conversation({{thought("Hm", seal), kSaid}});
            for (const auto to :
                 {Dialect::messages, Dialect::converse, Dialect::responses, Dialect::chat}) {
                CAPTURE(owner, rest, wire::name_of(to));
                const auto body = sent(AnswerShape::gemini, to, request);
                CAPTURE(body);
                REQUIRE(Json::accept(body));
                CHECK(body.find("AAA") == std::string::npos);
                CHECK(body.find("other") == std::string::npos);
            }
        }
    }
}

TEST_CASE("Only a client of Google's is given seals in base64") {
    const auto seal = base64("understudy-seal-openai:AAA");
    const Json request{{"max_tokens", 9},
                       {"messages",
                        {{{"role", "user"}, {"content", "x"}},
                         {{"role", "assistant"},
                          {"content",
                           {{{"type", "thinking"}, {"thinking", "Hm"}, {"signature", seal}},
                            {{"type", "text"}, {"text", "y"}}}}},
                         {{"role", "user"}, {"content", "z"}}}}};
    CHECK(sent(AnswerShape::messages, Dialect::responses, request).find("AAA") ==
          std::string::npos);
    // Nor one that is not.
    const auto plain = conversation({{thought("Hm", "understudy-seal-claude:AAA"), kSaid}});
    CHECK(sent(AnswerShape::gemini, Dialect::messages, plain).find("AAA") == std::string::npos);
}

TEST_CASE("A seal that was written with escapes comes back from base64") {
    const auto seal = sealed_for(Dialect::gemini, SealKind::claude, R"(AA\/BB\u003d)");
    CHECK(seal == base64("understudy-seal-claude:AA/BB="));
    const auto body = Json::parse(
        sent(AnswerShape::gemini, Dialect::messages, conversation({{thought("Hm", seal), kSaid}})));
    CHECK(body["messages"][1]["content"][0] ==
          Json{{"type", "thinking"}, {"thinking", "Hm"}, {"signature", "AA/BB="}});
}

TEST_CASE("Chunks that are kept as turns of their own are one thought with its seal") {
    const auto seal = sealed_for(Dialect::gemini, SealKind::claude, "AAA=");
    for (const auto& contents :
         {std::vector<Json>{{thought("Hm", "")}, {thought("", seal)}, {kSaid}},
          {{thought("H", "")}, Json::array(), {thought("m", "")}, {thought("", seal), kSaid}},
          {{thought("H", ""), thought("m", ""), thought("", seal)}, {kSaid}}}) {
        const auto body =
            Json::parse(sent(AnswerShape::gemini, Dialect::messages, conversation(contents)));
        CAPTURE(body.dump());
        REQUIRE(body["messages"].size() == 3);
        CHECK(body["messages"][1]["content"] ==
              Json{{{"type", "thinking"}, {"thinking", "Hm"}, {"signature", "AAA="}},
                   {{"type", "text"}, {"text", "y"}}});
    }
}

TEST_CASE("Claude's thoughts without words and its redacted ones come back as what they were") {
    const auto of = [](Dialect client, bool alone) {
        return sealed_for(client, SealKind::claude, "AAA=", seal_of(SealKind::claude, alone));
    };
    const Json bare{{"type", "thinking"}, {"thinking", ""}, {"signature", "AAA="}};
    const Json redacted{{"type", "redacted_thinking"}, {"data", "AAA="}};
    for (const bool alone : {false, true}) {
        CAPTURE(alone);
        const auto google =
            Json::parse(sent(AnswerShape::gemini, Dialect::messages,
                             conversation({{thought("", of(Dialect::gemini, alone)), kSaid}})));
        CHECK(google["messages"][1]["content"][0] == (alone ? redacted : bare));
        const Json request{{"input",
                            {{{"role", "user"}, {"content", "x"}},
                             {{"type", "reasoning"},
                              {"summary", Json::array()},
                              {"encrypted_content", of(Dialect::responses, alone)}},
                             {{"role", "assistant"}, {"content", "y"}},
                             {{"role", "user"}, {"content", "z"}}}}};
        const auto openai = Json::parse(sent(AnswerShape::responses, Dialect::messages, request));
        CAPTURE(openai.dump());
        CHECK(openai["messages"][1]["content"][0] == (alone ? redacted : bare));
        CHECK(of(Dialect::messages, alone) == "AAA=");
    }
}
