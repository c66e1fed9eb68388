// A wish for thoughts is never changed in silence, nor turned round: more is no less, none is none.
#include "dialects/messages/effort.hpp"
#include "dialects/translate.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <string>

using namespace understudy::dialects;
using nlohmann::json;
using understudy::wire::AnswerShape;
using understudy::wire::Dialect;

namespace {

constexpr std::string_view kWords[] = {"minimal", "low", "medium", "high", "xhigh", "max"};

struct Sent {
    json body;
    std::vector<std::string> dropped;
};

Sent sent(Dialect to, std::string_view model, std::string_view word) {
    const auto body = R"({"messages":[{"role":"user","content":"Hi"}],"reasoning_effort":")" +
                      std::string(word) + "\"}";
    Ask ask;
    ask.body = body;
    Target target;
    target.dialect = to;
    target.model = model;
    Outgoing outgoing;
    std::unique_ptr<Translation> translation;
    const auto problem = translate(ask, target, outgoing, translation);
    if (problem) FAIL(problem->what);
    return {json::parse(outgoing.body), outgoing.dropped};
}

json thinking_in(const json& body) {
    const auto& holder =
        body.contains("additionalModelRequestFields") ? body["additionalModelRequestFields"] : body;
    return holder.value("thinking", json());
}

std::string word_in(const json& body) {
    for (const auto* holder : {"output_config", "outputConfig"}) {
        if (body.contains(holder)) return body[holder].value("effort", "");
    }
    return "";
}

}  // namespace

TEST_CASE("More effort is never fewer tokens of thought, and some are left for the answer") {
    for (const std::uint64_t most : {4'096U, 8'192U, 32'000U, 64'000U, 128'000U}) {
        std::uint64_t before = 0;
        for (const auto word : kWords) {
            CAPTURE(most, word);
            Effort effort;
            effort.word = word;
            const auto budget = messages::budget_of(effort, most);
            CHECK(budget >= before);
            CHECK(budget < most);
            before = budget;
        }
    }
    for (const auto& [to, model] :
         {std::pair{Dialect::messages, "claude-opus-4-1"},
          {Dialect::converse, "us.anthropic.claude-opus-4-1-20250805-v1:0"}}) {
        const auto high = thinking_in(sent(to, model, "high").body)["budget_tokens"];
        for (const auto* word : {"xhigh", "max"}) {
            const auto got = sent(to, model, word);
            CHECK(thinking_in(got.body)["budget_tokens"] >= high);
            CHECK(got.dropped.empty());
        }
    }
}

TEST_CASE("None reaches Claude wherever it is, and is named where it can only think little") {
    struct Row {
        const char *model, *type, *effort;
        bool named;
    };
    for (const auto& [model, type, effort, named] : {
             Row{"claude-opus-5", "disabled", "", false},
             Row{"claude-haiku-5-5", "disabled", "", false},
             Row{"claude-sonnet-5", "disabled", "", false},
             Row{"claude-opus-4-6", "disabled", "", false},
             Row{"claude-sonnet-5-5", "between_tools", "", true},
             Row{"claude-opus-5-5", "", "low", true},
             Row{"claude-fable-5-1", "", "low", true},
             Row{"claude-opus-4-5", "", "", false},  // does not think without being told to
             Row{"claude-3-5-haiku", "", "", false},
         }) {
        for (const auto to : {Dialect::messages, Dialect::converse}) {
            const auto there = (to == Dialect::converse ? "anthropic." : "") + std::string(model);
            CAPTURE(there);
            const auto got = sent(to, there, "none");
            const auto thinking = thinking_in(got.body);
            CHECK((thinking.is_null() ? "" : thinking["type"].get<std::string>()) == type);
            CHECK(word_in(got.body) == effort);
            CHECK(got.dropped == (named ? std::vector<std::string>{"reasoning_effort"}
                                        : std::vector<std::string>()));
        }
    }
}

TEST_CASE("A word that becomes another one is named") {
    struct Row {
        Dialect to;
        const char *model, *word;
        bool named;
    };
    for (const auto& [to, model, word, named] : {
             Row{Dialect::messages, "claude-opus-5", "high", false},
             Row{Dialect::messages, "claude-opus-5", "xhigh", false},
             Row{Dialect::messages, "claude-opus-5", "minimal", true},
             Row{Dialect::messages, "claude-opus-4-6", "xhigh", true},
             Row{Dialect::messages, "claude-3-5-haiku", "high", true},  // does not think
             Row{Dialect::converse, "anthropic.claude-opus-4-6-v1", "xhigh", true},
             Row{Dialect::converse, "anthropic.claude-3-5-haiku-v1:0", "high", true},
             Row{Dialect::converse, "openai.gpt-oss-120b-1:0", "medium", false},
             Row{Dialect::converse, "openai.gpt-oss-120b-1:0", "max", true},
             Row{Dialect::converse, "openai.gpt-oss-120b-1:0", "none", true},
             Row{Dialect::converse, "deepseek.r1-v1:0", "none", true},
             Row{Dialect::gemini, "gemini-4-argon", "none", true},
             Row{Dialect::gemini, "gemini-4-argon", "xhigh", true},
             Row{Dialect::gemini, "gemini-4-argon", "high", false},
             Row{Dialect::gemini, "gemini-2.5-pro", "none", true},
             Row{Dialect::gemini, "gemini-2.5-flash", "none", false},
             Row{Dialect::gemini, "gemini-2.0-flash", "none", false},
         }) {
        CAPTURE(model, word);
        const auto got = sent(to, model, word);
        CHECK(got.dropped ==
              (named ? std::vector<std::string>{"reasoning_effort"} : std::vector<std::string>()));
    }
    CHECK(thinking_in(sent(Dialect::messages, "claude-3-5-haiku", "high").body).is_null());
    CHECK(thinking_in(sent(Dialect::converse, "anthropic.claude-3-haiku-v1:0", "max").body)
              .is_null());
}
