#include "dialects/openai_gates.hpp"

#include "dialects/translate.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <string>

using namespace understudy::dialects;
using nlohmann::json;
using understudy::wire::AnswerShape;
using understudy::wire::Dialect;

namespace {

struct Sent {
    json body;
    std::vector<std::string> dropped;
    std::optional<Problem> problem;
    bool names(std::string_view member) const {
        return std::find(dropped.begin(), dropped.end(), member) != dropped.end();
    }
};

/// A request of Claude's clients at a model of OpenAI's.
Sent sent(Dialect to, std::string_view model, const std::string& members) {
    const auto body =
        R"({"max_tokens":100,"messages":[{"role":"user","content":"Hi"}])" + members + "}";
    Ask ask;
    ask.shape = AnswerShape::messages;
    ask.body = body;
    Target target;
    target.dialect = to;
    target.model = model;
    Outgoing outgoing;
    std::unique_ptr<Translation> translation;
    Sent sent;
    sent.problem = translate(ask, target, outgoing, translation);
    if (!sent.problem) sent.body = json::parse(outgoing.body);
    sent.dropped = outgoing.dropped;
    return sent;
}

std::string effort_in(const json& body) {
    if (body.contains("reasoning_effort")) return body["reasoning_effort"];
    return body.contains("reasoning") ? body["reasoning"].value("effort", "") : "";
}

constexpr auto kSampling = R"(,"temperature":0.5,"top_p":0.9)";
constexpr auto kOff = R"(,"thinking":{"type":"disabled"})";

}  // namespace

TEST_CASE("A model is known by a part of its name, between others") {
    struct Row {
        std::string_view model, family;
    };
    for (const auto& [model, family] : {
             Row{"gpt-5", "gpt-5"},
             Row{"gpt-5-mini-2025-08-07", "gpt-5"},
             Row{"openai/gpt-5.6-sol", "gpt-5.6"},
             Row{"my-gpt-4o-deployment", "gpt-4o"},
             Row{"gpt-4-0613", "gpt-4"},
             Row{"ft:gpt-4.1-mini:acme::id", "gpt-4.1"},
             Row{"o3-mini-2025-01-31", "o3-mini"},
             Row{"gpt-5-chat-latest", "gpt-5-chat"},
             Row{"gpt-5.1-codex-max", "gpt-5.1-codex-max"},
             Row{"gpt-6-astra", "gpt-6-astra"},
             Row{"gpt-6.2-sol", ""},  // the newest
             Row{"gpt-5.9", ""},
             Row{"gpt-5.10-mini", ""},
             Row{"us.openai.gpt-7", ""},
             Row{"openai.gpt-6-sol", "gpt-6"},  // as Bedrock spells them
             Row{"us.openai.gpt-5.4", "gpt-5.4"},
             Row{"global.openai.gpt-6-luna", "gpt-6"},
             Row{"openai.gpt-4o", "gpt-4o"},
             Row{"openai.o3-mini", "o3-mini"},
             Row{"openai/o1", "o1"},
             Row{"azure/openai-o3", "o3"},
             Row{"ft:o4-mini:acme::id", "o4-mini"},
         }) {
        INFO(model);
        const auto* const gates = openai_gates_of(model);
        REQUIRE(gates != nullptr);
        CHECK(gates->family == family);
    }
    for (const std::string_view model : {"gpt-oss-120b",
                                         "llama-turbo1",
                                         "qwen3",
                                         "mistral-large",
                                         "phi-o12",
                                         "foo3",
                                         "",
                                         "gpt-41",
                                         "gpt-41-mini",
                                         "gpt-4omini",
                                         "gpt-4turbo",
                                         "gpt-4v",
                                         "yandexgpt-5.1",
                                         "yandexgpt-5",
                                         "minigpt-4",
                                         "minigpt-7",
                                         "rugpt-3.5",
                                         "gpt-4all-j",
                                         "gpt-6b",
                                         "cerebras-gpt-13b",
                                         "gpt-2",
                                         "gpt-4.7",
                                         "gpt-5.9.1",
                                         "gpt-10",
                                         "gpt-",
                                         "marco-o1:7b",
                                         "skywork-o1-open",
                                         "llama-3.1-o1",
                                         "acme/marco-o1",
                                         "v2.gpt-5x",
                                         "2.gpt-7"}) {
        INFO(model);
        CHECK(openai_gates_of(model) == nullptr);
    }
}

TEST_CASE("What OpenAI's reasoning models refuse is left out and named") {
    for (const auto to : {Dialect::chat, Dialect::responses}) {
        for (const auto* model :
             {"gpt-5", "o3", "o4-mini", "gpt-5.6-sol", "gpt-6-astra", "gpt-7"}) {
            CAPTURE(to == Dialect::chat, model);
            const auto got = sent(to, model, kSampling);
            REQUIRE_FALSE(got.problem);
            for (const auto* name : {"temperature", "top_p"}) {
                CHECK_FALSE(got.body.contains(name));
                CHECK(got.names(name));
            }
            CHECK(sent(to, model, R"(,"stop_sequences":["x"])").problem);
        }
        for (const auto* model : {"gpt-4o", "gpt-5-chat-latest", "llama-4", "gpt-oss-20b"}) {
            const auto got = sent(to, model, kSampling);
            CHECK(got.body["temperature"] == 0.5);
            CHECK(got.body["top_p"] == 0.9);
            CHECK(got.dropped.empty());
        }
    }
    CHECK(sent(Dialect::chat, "o1", R"(,"stop_sequences":["x"])").body["stop"] == json{"x"});
    // From 5.1 on both are taken where it does not think.
    const auto cool = sent(Dialect::chat, "gpt-5.6-sol", std::string(kSampling) + kOff);
    CHECK(cool.body["temperature"] == 0.5);
    CHECK(cool.dropped.empty());
    CHECK(sent(Dialect::chat, "gpt-6-sol", std::string(kSampling) + kOff).names("temperature"));
}

TEST_CASE("The penalties of Google's clients are refused by a model that thinks") {
    Ask ask;
    ask.shape = AnswerShape::gemini;
    ask.body =
        R"({"contents":[{"parts":[{"text":"q"}]}],"generationConfig":{"presencePenalty":0.1,)"
        R"("frequencyPenalty":0.2,"seed":7}})";
    Target target;
    target.model = "gpt-5";
    Outgoing outgoing;
    std::unique_ptr<Translation> translation;
    REQUIRE_FALSE(translate(ask, target, outgoing, translation));
    const auto body = json::parse(outgoing.body);
    CHECK_FALSE(body.contains("presence_penalty"));
    CHECK_FALSE(body.contains("frequency_penalty"));
    CHECK(body["seed"] == 7);
    CHECK(outgoing.dropped == std::vector<std::string>{"presence_penalty", "frequency_penalty"});
}

TEST_CASE("An effort goes to OpenAI in a word that the model knows; another word is named") {
    struct Row {
        std::string_view model, asked, told;
        bool named;
    };
    for (const auto& [model, asked, told, named] : {
             Row{"gpt-4o", "none", "", false},  // it has what it wants
             Row{"gpt-4o", "high", "", true},
             Row{"gpt-5", "none", "minimal", true},
             Row{"gpt-5", "minimal", "minimal", false},
             Row{"gpt-5", "max", "high", true},
             Row{"o3", "none", "low", true},
             Row{"o3", "xhigh", "high", true},
             Row{"gpt-5-pro", "low", "high", true},
             Row{"gpt-5.1", "none", "none", false},
             Row{"gpt-5.1", "minimal", "low", true},
             Row{"gpt-5.2", "max", "xhigh", true},
             Row{"gpt-5.6-luna", "max", "max", false},
             Row{"gpt-6-sol", "none", "none", false},
             Row{"gpt-6-astra", "none", "low", true},
             Row{"gpt-6-astra", "max", "max", false},
             Row{"gpt-6.2-sol", "none", "low", true},
             Row{"somebody-s", "none", "none", false},  // not known: as it was asked
             Row{"somebody-s", "max", "max", false},
         }) {
        for (const auto to : {Dialect::chat, Dialect::responses}) {
            CAPTURE(model, asked, to == Dialect::chat);
            const auto members = asked == "none" ? std::string(kOff)
                                                 : R"(,"thinking":{"type":"adaptive"},)"
                                                   R"("output_config":{"effort":")" +
                                                       std::string(asked) + "\"}";
            const auto got = sent(to, model, members);
            CHECK(effort_in(got.body) == told);
            CHECK(got.names("reasoning_effort") == named);
        }
    }
}
