#include "dialects/repairs.hpp"

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

/// The same request of Claude's clients before and after an upstream's error.
struct Mended {
    Repairs repairs;
    json body;
    std::vector<std::string> dropped;
    std::optional<Problem> problem;
};

Outgoing translated(const std::string& body, const Target& target,
                    std::optional<Problem>& problem) {
    Ask ask;
    ask.shape = AnswerShape::messages;
    ask.body = body;
    Outgoing outgoing;
    std::unique_ptr<Translation> translation;
    problem = translate(ask, target, outgoing, translation);
    return outgoing;
}

constexpr std::uint64_t kAsked = 64'000;
const std::string kBody =
    R"({"max_tokens":64000,"temperature":0.5,"top_p":0.9,"thinking":{"type":"adaptive"},)"
    R"("output_config":{"effort":"high"},"metadata":{"user_id":"u"},)"
    R"("tools":[{"name":"f","input_schema":{"type":"object"}}],)"
    R"("tool_choice":{"type":"auto","disable_parallel_tool_use":true},)"
    R"("messages":[{"role":"user","content":"Hi"}]})";

Mended mended(const std::string& error, std::string_view model = "deployment",
              Dialect dialect = Dialect::chat) {
    Target target;
    target.dialect = dialect;
    target.model = model;
    std::optional<Problem> problem;
    const auto first = translated(kBody, target, problem);
    REQUIRE_FALSE(problem);
    Mended mended;
    mended.repairs = repairs_for(error, first.body, kAsked);
    target.repairs = mended.repairs;
    const auto second = translated(kBody, target, mended.problem);
    if (!mended.problem) mended.body = json::parse(second.body);
    mended.dropped = second.dropped;
    return mended;
}

std::string openai(const std::string& message, const char* param = nullptr,
                   const char* code = nullptr) {
    json error{{"message", message}, {"type", "invalid_request_error"}};
    error["param"] = param != nullptr ? json(param) : json();
    error["code"] = code != nullptr ? json(code) : json();
    return json{{"error", error}}.dump();
}

using Names = std::vector<std::string>;

}  // namespace

TEST_CASE("A member that is refused is left out, in whatever words it is refused") {
    struct Row {
        std::string error;
        Names gone, dropped;
    };
    const Names sampling{"temperature", "top_p"};
    for (const auto& [error, gone, dropped] : {
             Row{openai("Unsupported parameter: 'temperature' is not supported with this model.",
                        "temperature", "unsupported_parameter"),
                 sampling, sampling},
             Row{openai("Unsupported value: 'temperature' does not support 0.5 with this model. "
                        "Only the default (1) value is supported.",
                        "temperature", "unsupported_value"),
                 sampling, sampling},
             Row{openai("invalid temperature: only 1 is allowed for this model"), sampling,
                 sampling},
             Row{R"({"detail":[{"type":"extra_forbidden","loc":["body","top_p"],)"
                 R"("msg":"Extra inputs are not permitted","input":0.9}]})",
                 sampling, sampling},
             Row{openai("Unrecognized request argument supplied: reasoning_effort"),
                 {"reasoning_effort"},
                 {"reasoning_effort"}},
             Row{openai("Unsupported value: 'reasoning_effort' does not support 'high' with this "
                        "model. Supported values are: 'none'.",
                        "reasoning_effort", "unsupported_value"),
                 {"reasoning_effort"},
                 {"reasoning_effort"}},
             Row{openai("Unsupported parameter: 'parallel_tool_calls'", "parallel_tool_calls",
                        "unsupported_parameter"),
                 {"parallel_tool_calls"},
                 {"parallel_tool_calls"}},
             Row{R"({"message":"property 'user' is unsupported","type":"invalid_request_error"})",
                 {"user"},
                 {"user"}},
         }) {
        CAPTURE(error);
        const auto got = mended(error);
        REQUIRE_FALSE(got.problem);
        for (const auto& name : gone) CHECK_FALSE(got.body.contains(name));
        CHECK(got.dropped == dropped);
        CHECK(got.body.contains("tools"));
    }
}

TEST_CASE("A limit above the model's own becomes the number that is named") {
    struct Row {
        std::string error;
        std::uint64_t most;
    };
    for (const auto& [error, most] : {
             Row{openai("Invalid max_tokens value, the valid range of max_tokens is [1, 8192]"),
                 8192},
             Row{openai("max_tokens: 64000 > 8192, which is the maximum allowed number of output "
                        "tokens for claude-3-5-haiku-20241022"),
                 8192},
             Row{openai("max_tokens is too large: 64000. This model supports at most 16384 "
                        "completion tokens, whereas you provided 64000.",
                        "max_tokens", "invalid_value"),
                 16'384},
             Row{openai("`max_tokens` must be less than or equal to `32768`, the maximum value"),
                 32'768},
             Row{R"({"message":"The maximum tokens you requested exceeds the model limit of 4096. )"
                 R"(Try again with a maximum tokens value that is lower than 4096."})",
                 4096},
             Row{R"({"error":{"code":400,"status":"INVALID_ARGUMENT","message":"Unable to submit )"
                 R"(request because it has a maxOutputTokens value of 64000 but the supported )"
                 R"(range is from 1 (inclusive) to 8193 (exclusive)."}})",
                 8192},
         }) {
        CAPTURE(error);
        const auto got = mended(error);
        CHECK(got.repairs.max_output == most);
        CHECK(got.body["max_tokens"] == most);
        CHECK(got.dropped.empty());
        CHECK(mended(error, "gemini-3.1-pro", Dialect::gemini)
                  .body["generationConfig"]["maxOutputTokens"] == most);
    }
    // It is the name that is refused.
    const auto named =
        mended(openai("Unsupported parameter: 'max_tokens' is not supported with "
                      "this model. Use 'max_completion_tokens' instead.",
                      "max_tokens", "unsupported_parameter"));
    CHECK_FALSE(named.body.contains("max_tokens"));
    CHECK(named.body["max_completion_tokens"] == kAsked);
}

TEST_CASE("Tools beside which a model may not think are asked for without thoughts") {
    const auto error = openai(
        "Function tools with reasoning_effort are not supported for gpt-5.6-sol in "
        "/v1/chat/completions. To use function tools, use /v1/responses or set "
        "reasoning_effort to 'none'.",
        "reasoning_effort");
    for (const auto* model : {"gpt-5.6-sol", "deployment"}) {
        const auto got = mended(error, model);
        CHECK(got.body["reasoning_effort"] == "none");
        CHECK(std::count(got.dropped.begin(), got.dropped.end(), "reasoning_effort") == 1);
    }
    // Left out, the effort is the model's own: it is as it was.
    const auto always = mended(error, "gpt-6-astra");
    REQUIRE(always.problem);
    CHECK(always.problem->kind == Problem::Kind::unsupported);
}

TEST_CASE("What is about something else, or must not be left out, is no cause for a repair") {
    for (const auto& error : {
             openai("Unsupported parameter: 'stop' is not supported with this model.", "stop"),
             openai("Unsupported parameter: 'tools' is not supported with this model.", "tools"),
             openai("Unknown parameter: 'seed'.", "seed"),  // which was not sent
             openai("The temperature of the conversation is too high"),
             openai("Invalid schema for function 'f': unknown keyword of a user's"),
             openai("This model's maximum context length is 32768 tokens and your request has 1200 "
                    "input tokens (64000 > 32768 - 1200), reduce max_tokens"),
             openai("max_tokens must be at least 1024"),
             openai("Expected `thinking`, but found `tool_use`."),
             std::string("<html>temperature</html>"),
             std::string(),
         }) {
        CAPTURE(error);
        CHECK(mended(error).repairs.empty());
    }
}

TEST_CASE("What is learnt adds up, and of two limits the smaller one counts") {
    Repairs repairs;
    CHECK(repairs.empty());
    Repairs other;
    other.max_output = 100;
    other.left_out = 1;
    repairs.add(other);
    other.max_output = 200;
    other.left_out = 2;
    repairs.add(other);
    CHECK(repairs.max_output == 100);
    CHECK(repairs.left_out == 3);
    repairs.add({});
    CHECK(repairs.max_output == 100);
}
