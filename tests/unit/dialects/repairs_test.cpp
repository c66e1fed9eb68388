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
             Row{R"({"error":{"message":"body.top_p: range of top_p is not supported"}})",
                 {"top_p"},
                 {"top_p"}},
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
             Row{openai("`max_tokens` must be less than or equal to `32768`, the maximum value for "
                        "`max_tokens` is less than the `context_window` for this model"),
                 32'768},
             Row{openai("max_tokens: 64,000 > 32,768, which is the maximum allowed"), 32'768},
             Row{openai("max_tokens is too large, the most is 8,192."), 8192},
             Row{openai("max_tokens must be in [1,8192]"), 8192},
             Row{openai("max_tokens must be in [1,512]"), 512},
             Row{openai("max_tokens must be in [1, 8,192]"), 8192},
             Row{R"({"detail":[{"type":"less_than_equal","loc":["body","max_tokens"],)"
                 R"("msg":"Input should be less than or equal to 8192"}]})",
                 8192},
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
        CHECK(got.dropped == Names{"max_tokens"});
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
             openai("`inputs` tokens + `max_tokens` must be <= 4096. Given: 100 `inputs` tokens"),
             openai("input tokens and max_tokens exceed 4096"),
             openai(
                 "max_tokens: 64000 is more than 30000, which 2768 tokens in the messages leave"),
             openai("prompt and max_tokens are 70000 tokens, the most is 65536"),
             openai("Input length and `max_tokens` exceed context limit: 2000 + 64000 > 65536"),
             openai("Invalid schema for function 'f': 'top_p' is not permitted"),
             openai("'temperature' is not allowed here", "tools[0].parameters.temperature"),
             openai("messages.1.content.0.thinking: Extra inputs are not permitted"),
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

TEST_CASE("A value that is refused is left out of this request and of no other") {
    const auto* const unsupported =
        "Unsupported value: 'reasoning_effort' does not support 'high' "
        "with this model. Supported values are: 'low', 'medium'.";
    for (const auto& error :
         {openai(unsupported, "reasoning_effort", "unsupported_value"),
          openai("temperature: 0.5 is not allowed, it must be in the range 1 to 2",
                 "temperature")}) {
        CAPTURE(error);
        const auto got = mended(error);
        CHECK(got.dropped.size() == 1);
        CHECK(got.body.contains("top_p"));
        CHECK_FALSE(got.repairs.empty());
        CHECK(got.repairs.lasting().empty());
    }
    const auto only = mended(
        openai("Unsupported value: 'temperature' does not support 0.5 with this model. Only the "
               "default (1) value is supported.",
               "temperature", "unsupported_value"));
    CHECK(only.repairs.lasting() == only.repairs);
}

TEST_CASE("A member is looked for where settings are, not in what tools are called with") {
    const std::string sent =
        R"({"model":"m","tools":[{"type":"function","function":{"name":"f","parameters":)"
        R"({"properties":{"user":{"type":"string"},"seed":{"type":"integer"}}}}}],)"
        R"("generationConfig":{"topK":4}})";
    CHECK(repairs_for(openai("property 'user' is unsupported"), sent, {}).empty());
    CHECK(repairs_for(openai("Unknown parameter: 'seed'.", "seed"), sent, {}).empty());
    CHECK_FALSE(repairs_for(openai("Unknown name \"topK\": Cannot find field."), sent, {}).empty());
}

TEST_CASE("A limit that is no more than what was asked for is not named") {
    Target target;
    target.model = "deployment";
    for (const auto& [most, dropped] :
         {std::pair<std::uint64_t, Names>{kAsked - 1, {"max_tokens"}}, {kAsked, {}}}) {
        target.repairs.max_output = most;
        std::optional<Problem> problem;
        CHECK(translated(kBody, target, problem).dropped == dropped);
    }
}

TEST_CASE("A limit of answers that are no streams is not one of streams") {
    const auto got =
        mended(openai("Requests with max_tokens > 4096 must have stream=true", "max_tokens"));
    CHECK(got.repairs.max_output == 4096);
    CHECK(got.repairs.lasting().empty());
}

TEST_CASE("What lasts is what is not of one request") {
    Repairs repairs;
    repairs.left_out = 1;
    repairs.max_output = 100;
    CHECK(repairs.lasting() == repairs);
    Repairs once;
    once.out_once = 2;
    once.max_output = 50;
    once.limit_once = true;
    CHECK(once.lasting().empty());
    repairs.add(once);
    CHECK(repairs.max_output == 50);
    CHECK(repairs.lasting().left_out == 1);
    CHECK(repairs.lasting().max_output == 0);
}
