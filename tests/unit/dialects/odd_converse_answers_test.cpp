// Answers that are not written as Converse's are: nothing of them is lost without a word.
#include "tests/unit/dialects/odd_answers.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <string>
#include <utility>
#include <vector>

using namespace understudy;
using namespace understudy::dialects;
using namespace understudy::dialects::test;
using nlohmann::json;
using wire::AnswerShape;
using wire::Dialect;

namespace {

/// What became of one event of Converse, by a name that its frame has.
std::string of_converse(const std::vector<std::pair<std::string, std::string>>& events,
                        const char*& lost) {
    const auto translation = asked(AnswerShape::chat, Dialect::converse, true);
    std::string out;
    for (const auto& [name, data] : events) {
        if (!translation->event(data, name, out)) break;
    }
    lost = translation->lost();
    return out;
}

std::string converse_whole(const std::string& block) {
    return R"({"output":{"message":{"content":[)" + block + R"(]}},"stopReason":"tool_use"})";
}

}  // namespace

TEST_CASE("Converse's answers are read as any other's where they are not written as they should") {
    const auto whole = [](const std::string& block) {
        return json::parse(
            asked(AnswerShape::chat, Dialect::converse, false)->whole(converse_whole(block)));
    };
    const auto arguments = [&](const std::string& input) {
        return whole(R"({"toolUse":{"toolUseId":"t","name":"f","input":)" + input +
                     "}}")["choices"][0]["message"]["tool_calls"][0]["function"]["arguments"];
    };
    CHECK(arguments(R"("{\"a\":1}")") == R"({"a":1})");
    CHECK(arguments(R"({"a":1})") == R"({"a":1})");
    CHECK(arguments("[1]") == "[1]");
    CHECK(arguments("null") == "{}");
    CHECK(arguments(R"("")") == "{}");
    CHECK(whole(R"({"text":5})")["choices"][0]["message"]["content"] == "5");
    for (const auto* tool :
         {R"({"toolUseId":"t","input":{"a":1}})", R"({"name":""})", R"("f")", "5"}) {
        CAPTURE(tool);
        const auto plain = asked(AnswerShape::chat, Dialect::converse, false);
        static_cast<void>(plain->whole(converse_whole(R"({"toolUse":)" + std::string(tool) + "}")));
        CHECK(plain->lost() == std::string("it calls a tool without a name"));
        const char* lost = nullptr;
        of_converse({{"messageStart", R"({"role":"assistant"})"},
                     {"contentBlockStart",
                      R"({"contentBlockIndex":0,"start":{"toolUse":)" + std::string(tool) + "}}"}},
                    lost);
        CHECK(lost == std::string("it calls a tool without a name"));
    }
    const char* lost = nullptr;
    const auto delta = [](const std::string& what) {
        return std::pair<std::string, std::string>(
            "contentBlockDelta", R"({"contentBlockIndex":0,"delta":)" + what + "}");
    };
    of_converse({delta(R"({"toolUse":{"input":"{"}})")}, lost);  // of a call that never began
    CHECK(lost != nullptr);
    CHECK(joined(of_converse({delta(R"({"text":5})")}, lost), "content") == "5");
    CHECK(lost == nullptr);
    const auto out =
        of_converse({{"contentBlockStart", R"({"contentBlockIndex":0,"start":{"toolUse":)"
                                           R"({"toolUseId":"t","name":"f"}}})"},
                     delta(R"({"toolUse":{"input":{"a":1}}})")},
                    lost);
    CHECK(joined(out, "arguments") == R"({"a":1})");
}
