#include "wire/classify.hpp"

#include <catch2/catch.hpp>

#include <string>
#include <string_view>
#include <vector>

using namespace understudy::wire;

namespace {

struct Row {
    const char* what;
    unsigned status;
    std::string body;
    FailureClass failure;
    const char* content_type = "application/json";
};

void check(const std::vector<Row>& table) {
    for (const auto& row : table) {
        INFO(row.what);
        Fields fields;
        fields.add("Content-Type", row.content_type);
        CHECK(name_of(classify_status(row.status, row.body, fields)) == name_of(row.failure));
    }
}

std::string openai(std::string_view message, std::string_view type, std::string_view code) {
    return R"({"error":{"message":")" + std::string(message) + R"(","type":")" + std::string(type) +
           R"(","param":null,"code":)" + (code.empty() ? "null" : '"' + std::string(code) + '"') +
           "}}";
}

}  // namespace

TEST_CASE("a loop that another proxy of this kind tells of is no transient error") {
    check({
        {"OpenAI's shape", 508, openai("This came back.", "understudy_error", "loop_detected"),
         FailureClass::bad_request},
        {"Anthropic's", 508,
         R"({"type":"error","error":{"type":"api_error","message":"m","details":{"error_code":"loop_detected"}}})",
         FailureClass::bad_request},
        {"Google's", 508,
         R"({"error":{"code":508,"message":"m","status":"INTERNAL","details":[{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"LOOP_DETECTED","domain":"understudy"}]}})",
         FailureClass::bad_request},
        {"somebody else's 508", 508, "{}", FailureClass::server_error},
        {"the word with another status", 500, openai("m", "t", "loop_detected"),
         FailureClass::server_error},
    });
}

TEST_CASE("words that a provider's refusal has in common with others are no cause") {
    check({
        {"a page about limits", 429,
         openai("Rate limit exceeded: 60 requests per minute. See our API usage limits for "
                "details.",
                "", ""),
         FailureClass::rate_limit},
        {"the client's own words, arrears", 400,
         openai("messages[0].content: unsupported text: 我的宽带欠费了怎么办", "", ""),
         FailureClass::bad_request},
        {"the client's own words, a balance", 422, openai("input was 余额不足", "", ""),
         FailureClass::bad_request},
        {"a tool's description", 400,
         openai("Invalid tool description: it may contain sensitive information, please redact", "",
                ""),
         FailureClass::bad_request},
    });
}

TEST_CASE("the status alone decides where the body says nothing") {
    const std::vector<std::pair<unsigned, FailureClass>> table{
        {200, FailureClass::none},         {204, FailureClass::none},
        {101, FailureClass::malformed},    {301, FailureClass::malformed},
        {307, FailureClass::malformed},    {400, FailureClass::bad_request},
        {401, FailureClass::auth},         {402, FailureClass::quota},
        {403, FailureClass::auth},         {404, FailureClass::not_found},
        {405, FailureClass::bad_request},  {408, FailureClass::timeout},
        {409, FailureClass::server_error}, {410, FailureClass::bad_request},
        {413, FailureClass::bad_request},  {415, FailureClass::bad_request},
        {422, FailureClass::bad_request},  {424, FailureClass::bad_request},
        {425, FailureClass::server_error}, {429, FailureClass::rate_limit},
        {451, FailureClass::bad_request},  {498, FailureClass::rate_limit},
        {499, FailureClass::bad_request},  {500, FailureClass::server_error},
        {501, FailureClass::server_error}, {502, FailureClass::server_error},
        {503, FailureClass::server_error}, {504, FailureClass::timeout},
        {520, FailureClass::server_error}, {522, FailureClass::server_error},
        {524, FailureClass::timeout},      {529, FailureClass::server_error},
        {530, FailureClass::server_error}, {599, FailureClass::server_error},
        {999, FailureClass::server_error},
    };
    for (const auto& [status, failure] : table) {
        for (const auto* body : {"", "{}", "null", "[]", "not json", "{\"error\":", "\xff\xfe",
                                 R"({"error":{}})", R"({"error":null})", R"({"error":[1]})"}) {
            INFO(status << " " << body);
            CHECK(name_of(classify_status(status, body, {})) == name_of(failure));
        }
    }
}

TEST_CASE("a 429 that only the account's owner can cure is quota, any other a rate limit") {
    check({
        {"OpenAI, out of credit", 429,
         openai("You exceeded your current quota, please check your plan and billing details.",
                "insufficient_quota", "insufficient_quota"),
         FailureClass::quota},
        {"OpenAI, balance exhausted", 429,
         openai("No credit.", "insufficient_quota", "credit_balance_exhausted"),
         FailureClass::quota},
        {"type alone", 429, openai("No.", "usage_limit_reached", ""), FailureClass::quota},
        {"billing", 429, openai("Limit.", "x", "billing_hard_limit_reached"), FailureClass::quota},
        {"Anthropic, spend limit in the details", 429,
         R"({"type":"error","error":{"type":"rate_limit_error","message":"Limit reached",)"
         R"("details":{"error_code":"enforced_spend_limit_reached"}}})",
         FailureClass::quota},
        {"words alone", 429, R"({"error":"You exceeded your current quota"})", FailureClass::quota},
        {"Gemini, per day", 429,
         R"([{"error":{"code":429,"message":"You exceeded your current quota, please check your)"
         R"( plan","status":"RESOURCE_EXHAUSTED","details":[{"violations":[)"
         R"({"quotaId":"GenerateRequestsPerDayPerProjectPerModel-FreeTier"}]}]}}])",
         FailureClass::quota},
        {"Gemini, per minute, in the same words", 429,
         R"({"error":{"code":429,"message":"You exceeded your current quota, please check your)"
         R"( plan","status":"RESOURCE_EXHAUSTED","details":[{"violations":[)"
         R"({"quotaId":"GenerateRequestsPerMinutePerProjectPerModel"}]}]}})",
         FailureClass::rate_limit},
        {"Gemini, quota metric per minute", 429,
         R"({"error":{"code":429,"message":"Quota exceeded for quota metric 'x' per minute",)"
         R"("status":"RESOURCE_EXHAUSTED"}})",
         FailureClass::rate_limit},
        {"OpenAI, tokens per minute", 429,
         openai("Rate limit reached for gpt-4o on tokens per min (TPM): Limit 1, Used 1.", "tokens",
                "rate_limit_exceeded"),
         FailureClass::rate_limit},
        {"OpenAI, request larger than the limit", 429,
         openai("Request too large for gpt-4o in organization o on tokens per min (TPM)", "tokens",
                "rate_limit_exceeded"),
         FailureClass::rate_limit},
        {"a context pattern does not fit a 429", 429, openai("prompt is too long", "tokens", ""),
         FailureClass::rate_limit},
        {"Azure", 429,
         R"({"error":{"code":"429","message":"Requests have exceeded token rate limit. Please)"
         R"( retry after 45 seconds."}})",
         FailureClass::rate_limit},
        {"Mistral", 429,
         R"({"object":"error","message":"Service tier capacity exceeded for this model",)"
         R"("type":"service_tier_capacity_exceeded","param":null,"code":"3505"})",
         FailureClass::rate_limit},
        {"DeepSeek, no balance", 402,
         R"({"error":{"message":"Insufficient Balance","type":"unknown_error"}})",
         FailureClass::quota},
        {"Anthropic, billing", 402,
         R"({"type":"error","error":{"type":"billing_error","message":"m"}})", FailureClass::quota},
        {"OpenRouter, the truth is in metadata.raw", 429,
         R"({"error":{"code":429,"message":"Provider returned error","metadata":{"raw":)"
         R"("{\"error\":{\"message\":\"m\",\"code\":\"insufficient_quota\"}}"}}})",
         FailureClass::quota},
        {"OpenRouter, raw as an object", 429,
         R"({"error":{"code":429,"message":"Provider returned error","metadata":{"raw":)"
         R"({"error":{"message":"m","type":"usage_limit_reached"}}}}})",
         FailureClass::quota},
    });
}

TEST_CASE("no credit left is quota at any status of the 4xx") {
    check({
        {"Anthropic", 400,
         R"({"type":"error","error":{"type":"invalid_request_error","message":"Your credit balance)"
         R"( is too low to access the Anthropic API. Please go to Plans & Billing to upgrade."}})",
         FailureClass::quota},
        {"new-api", 403,
         R"({"error":{"message":"\u7528\u6237\u989d\u5ea6\u4e0d\u8db3","type":"new_api_error",)"
         R"("code":"insufficient_user_quota"}})",
         FailureClass::quota},
        {"OpenAI's code under a 401", 401, openai("No.", "insufficient_quota", ""),
         FailureClass::quota},
        {"Perplexity's words under a 401", 401,
         openai("You exceeded your current quota, please check your plan and billing details.", "",
                ""),
         FailureClass::quota},
        {"Alibaba", 400, openai("Access denied.", "Arrearage", "Arrearage"), FailureClass::quota},
        {"xAI", 403,
         R"({"code":"The caller does not have permission","error":"Your newly created team doesn't)"
         R"( have any credits yet."})",
         FailureClass::quota},
        {"OpenRouter, the credit of one key", 403,
         openai("Key limit exceeded (total limit). Manage it using https://x/keys", "", ""),
         FailureClass::quota},
        {"Volcengine", 403,
         openai("The request failed because your account has an overdue balance. Request id: 0",
                "Forbidden", "AccountOverdueError"),
         FailureClass::quota},
        {"Volcengine, in words alone", 403, openai("Your account has an overdue balance.", "", ""),
         FailureClass::quota},
        {"Anthropic, a limit of one's own", 400,
         R"({"type":"error","error":{"type":"invalid_request_error","message":"You have reached)"
         R"( your specified API usage limits. You will regain access on 2026-12-01."}})",
         FailureClass::quota},
        {"Alibaba, the free tier", 403,
         openai("The free tier of the model has been exhausted.", "AllocationQuota.FreeTierOnly",
                "AllocationQuota.FreeTierOnly"),
         FailureClass::quota},
        {"Novita", 403,
         R"({"code":403,"reason":"NOT_ENOUGH_BALANCE","message":"not enough balance"})",
         FailureClass::quota},
        {"Together", 403, openai("Credit limit exceeded, please navigate to x", "credit_limit", ""),
         FailureClass::quota},
        {"Z.ai, in Chinese", 429,
         R"({"error":{"code":"1113","message":"余额不足或无可用资源包,请充值。"}})",
         FailureClass::quota},
        {"one-api, in Chinese", 401, openai("该令牌额度已用尽", "one_api_error", ""),
         FailureClass::quota},
        {"an account that is overdue", 403, openai("The account is overdue.", "", ""),
         FailureClass::quota},
        {"Fireworks", 412,
         openai("Account a is suspended, possibly due to reaching the monthly spending limit.", "",
                "PRECONDITION_FAILED"),
         FailureClass::quota},
        {"Gemini, prepaid", 429,
         R"({"error":{"code":429,"message":"Your prepayment credits are depleted.","status":)"
         R"("RESOURCE_EXHAUSTED"}})",
         FailureClass::quota},
        {"402, whatever it says", 402, openai("Nope.", "rate_limit_error", ""),
         FailureClass::quota},
        {"never before a budget", 403, openai("Budget has been exceeded!", "budget_exceeded", ""),
         FailureClass::budget},
        {"never for a quoted prompt", 400,
         openai("Could not parse 'my credit balance is too low'", "invalid_request_error", ""),
         FailureClass::bad_request},
        {"never for a complaint about a value", 400,
         openai("Bad value: credit balance is too low", "", "invalid_value"),
         FailureClass::bad_request},
        {"never for a key that is wrong", 401, openai("Incorrect API key provided: sk-x.", "", ""),
         FailureClass::auth},
        {"never for a region", 403, openai("Country not supported", "request_forbidden", ""),
         FailureClass::auth},
        {"never for a 500", 500, openai("credit balance is too low", "", ""),
         FailureClass::server_error},
    });
}

TEST_CASE("throttling that is named is rate_limit at any status") {
    check({
        {"AWS in the body", 400,
         R"({"__type":"com.amazon.coral.availability#ThrottlingException","message":"Rate exceeded"})",
         FailureClass::rate_limit},
        {"AWS, bare", 400, R"({"__type":"ThrottlingException","Message":"Rate exceeded"})",
         FailureClass::rate_limit},
        {"AWS, another of its names", 503, R"({"__type":"TooManyRequestsException","message":"m"})",
         FailureClass::rate_limit},
        {"OpenAI's code in a 400", 400, openai("m", "tokens", "rate_limit_exceeded"),
         FailureClass::rate_limit},
        {"in a 403", 403, openai("m", "rate_limit_error", ""), FailureClass::rate_limit},
        {"in a 500", 500, openai("m", "tokens", "rate_limit_exceeded"), FailureClass::rate_limit},
        {"Google's older form", 403,
         R"({"error":{"code":403,"message":"m","errors":[{"domain":"usageLimits","reason":)"
         R"("rateLimitExceeded"}]}})",
         FailureClass::rate_limit},
        {"Alibaba", 400, openai("Requests throttling triggered.", "x", "Throttling.RateQuota"),
         FailureClass::rate_limit},
        {"Alibaba, another of the family", 400, openai("m", "x", "Throttling.User"),
         FailureClass::rate_limit},
        {"Groq, flex processing", 498, openai("m", "", "capacity_exceeded"),
         FailureClass::rate_limit},
        {"never for words", 400, openai("your rate limit is a ThrottlingException", "", ""),
         FailureClass::bad_request},
        {"never for words in a 500", 500, openai("Could not look up your rate limit.", "", ""),
         FailureClass::server_error},
    });
    for (const auto* name :
         {"ThrottlingException", "ThrottlingException:http://internal.amazon.com/coral/com.amazon/",
          "com.amazon#throttlingexception"}) {
        Fields fields;
        fields.add("X-Amzn-ErrorType", name);
        INFO(name);
        for (const unsigned status : {400U, 403U, 429U, 500U, 503U}) {
            CHECK(classify_status(status, R"({"message":"m"})", fields) ==
                  FailureClass::rate_limit);
        }
    }
    Fields other;
    other.add("x-amzn-errortype", "ValidationException");
    CHECK(classify_status(400, "{}", other) == FailureClass::bad_request);
}

TEST_CASE("an outage told in a 400 is server_error") {
    check({
        {"Anthropic's name", 400, R"({"type":"error","error":{"type":"overloaded_error"}})",
         FailureClass::server_error},
        {"a gateway's", 400, openai("m", "service_unavailable", ""), FailureClass::server_error},
        {"Bedrock's", 400, R"({"__type":"ServiceUnavailableException","message":"m"})",
         FailureClass::server_error},
        {"in words", 400, openai("The model's engine is currently overloaded, try later", "", ""),
         FailureClass::server_error},
        {"in one word", 400, R"({"error":"Overloaded"})", FailureClass::server_error},
        {"a gateway that waited", 400, openai("m", "gateway_timeout", ""), FailureClass::timeout},
        {"never what many call all errors", 400, openai("m", "api_error", ""),
         FailureClass::bad_request},
        {"never what others call them", 400, openai("m", "server_error", ""),
         FailureClass::bad_request},
        {"never a quoted prompt", 400,
         openai("Could not parse \\\"the service is currently overloaded\\\"", "", ""),
         FailureClass::bad_request},
        {"never for a 404", 404, openai("m", "overloaded_error", ""), FailureClass::not_found},
        {"the cause wins", 400, openai("m", "server_error", "context_length_exceeded"),
         FailureClass::context_length},
        {"the prompt wins", 400, openai("prompt is too long: 9 tokens > 8", "server_error", ""),
         FailureClass::context_length},
    });
}

TEST_CASE("a budget denial of a gateway is budget, whatever its status") {
    const auto body = openai("Budget has been exceeded! Current cost: 2, Max budget: 1",
                             "budget_exceeded", "400");
    check({
        {"LiteLLM, 400", 400, body, FailureClass::budget},
        {"LiteLLM, 429", 429, body, FailureClass::budget},
        {"words alone", 429, R"({"error":{"message":"Budget has been exceeded! 2 > 1"}})",
         FailureClass::budget},
        {"never for a 500", 500, body, FailureClass::server_error},
    });
}

TEST_CASE("a 400 or 413 that says the prompt is too long is context_length") {
    check({
        {"OpenAI", 400,
         openai("This model's maximum context length is 8192 tokens.", "invalid_request_error",
                "context_length_exceeded"),
         FailureClass::context_length},
        {"the code alone", 400, openai("m", "invalid_request_error", "context_length_exceeded"),
         FailureClass::context_length},
        {"vLLM", 400,
         R"({"object":"error","message":"The decoder prompt (length 9) is longer than the maximum)"
         R"( model length of 4","type":"BadRequestError","code":400})",
         FailureClass::context_length},
        {"Anthropic", 400,
         R"({"type":"error","error":{"type":"invalid_request_error",)"
         R"("message":"prompt is too long: 210000 tokens > 200000 maximum"}})",
         FailureClass::context_length},
        {"Gemini", 400,
         R"({"error":{"code":400,"message":"The input token count (9) exceeds the maximum number)"
         R"( of tokens allowed (8).","status":"INVALID_ARGUMENT"}})",
         FailureClass::context_length},
        {"llama.cpp", 400,
         R"({"error":{"code":400,"message":"the request exceeds the available context size",)"
         R"("type":"exceed_context_size_error"}})",
         FailureClass::context_length},
        {"Cerebras", 400,
         R"({"message":"Please reduce. Current length is 9 while limit is 8","type":)"
         R"("invalid_request_error","param":"messages","code":"x"})",
         FailureClass::context_length},
        {"TGI, which answers 422", 422,
         R"({"error":"`inputs` tokens + `max_new_tokens` must be <= 8","error_type":"validation"})",
         FailureClass::context_length},
        {"xAI", 400,
         R"({"code":"Client specified an invalid argument","error":"This model's maximum prompt)"
         R"( length is 8 but the request contains 9 tokens."})",
         FailureClass::context_length},
        {"GitHub, 413", 413,
         openai("Request body too large for gpt-4o. Max size: 8000 tokens.", "",
                "tokens_limit_reached"),
         FailureClass::context_length},
        {"413 in words", 413, openai("The prompt is too long", "invalid_request_error", ""),
         FailureClass::context_length},
        {"Groq's 413 is its limit per minute", 413,
         openai("Request too large for model `m` on tokens per minute (TPM): Limit 6, Requested 9",
                "tokens", "rate_limit_exceeded"),
         FailureClass::rate_limit},
        {"Groq's 413 in words", 413, openai("Request too large for model `m`", "", ""),
         FailureClass::rate_limit},
        {"Anthropic's 413 counts bytes", 413,
         R"({"type":"error","error":{"type":"request_too_large","message":)"
         R"("Request exceeds the maximum size"}})",
         FailureClass::bad_request},
        {"nginx's 413 is a page", 413, "<html><title>413 Request Entity Too Large</title></html>",
         FailureClass::bad_request, "text/html"},
        {"words in a page are not the provider's", 400, "<html>prompt is too long</html>",
         FailureClass::bad_request, "text/plain"},
        {"a field that is too long is not the prompt", 400,
         openai("Invalid 'user': string too long. Expected a string with maximum length 64",
                "invalid_request_error", "string_above_max_length"),
         FailureClass::bad_request},
        {"never for a 401", 401, openai("prompt is too long", "", "context_length_exceeded"),
         FailureClass::auth},
        {"never for a 500", 500, openai("prompt is too long", "", "context_length_exceeded"),
         FailureClass::server_error},
    });
}

TEST_CASE("a 400 of a safety system is content_filter") {
    check({
        {"OpenAI", 400, openai("No.", "invalid_request_error", "content_policy_violation"),
         FailureClass::content_filter},
        {"OpenAI, flagged prompt", 400,
         openai("Invalid prompt: your prompt was flagged as potentially violating our usage policy",
                "invalid_request_error", "invalid_prompt"),
         FailureClass::content_filter},
        {"OpenAI, images", 400,
         openai("Your request was rejected as a result of our safety system.",
                "image_generation_user_error", "moderation_blocked"),
         FailureClass::content_filter},
        {"Azure", 400,
         R"({"error":{"message":"The response was filtered due to the prompt triggering Azure)"
         R"( OpenAI's content management policy","type":null,"param":"prompt","code":)"
         R"("content_filter","status":400,"innererror":{"code":"ResponsibleAIPolicyViolation"}}})",
         FailureClass::content_filter},
        {"Azure, its name in escapes", 400,
         R"({"error":{"message":"m","code":"x","inner\u0065rror":{"code":)"
         R"("ResponsibleAIPolicyViolation"}}})",
         FailureClass::content_filter},
        {"Azure, only in innererror", 400,
         R"({"error":{"message":"m","code":"x","innererror":{"code":)"
         R"("ResponsibleAIPolicyViolation"}}})",
         FailureClass::content_filter},
        {"Anthropic", 400,
         R"({"type":"error","error":{"type":"invalid_request_error","message":)"
         R"("Output blocked by content filtering policy"}})",
         FailureClass::content_filter},
        {"DeepSeek", 400, openai("Content Exists Risk", "invalid_request_error", ""),
         FailureClass::content_filter},
        {"Z.ai", 400,
         R"({"error":{"code":"1301","message":"The system has detected that the input or generated)"
         R"( content may contain unsafe or sensitive content"}})",
         FailureClass::content_filter},
        {"Z.ai, in Chinese", 400,
         R"({"error":{"code":"1301","message":"系统检测到输入或生成内容可能包含不安全或敏感内容"}})",
         FailureClass::content_filter},
        {"Volcengine", 400, openai("No.", "BadRequest", "InputTextSensitiveContentDetected"),
         FailureClass::content_filter},
        {"Volcengine, in words alone", 400,
         openai("The request failed because the input text may contain sensitive information.", "",
                ""),
         FailureClass::content_filter},
        {"MiniMax", 400, openai("input new_sensitive (1026)", "bad_request_error", ""),
         FailureClass::content_filter},
        {"Alibaba, in words alone", 400,
         openai("Input text data may contain inappropriate content.", "", ""),
         FailureClass::content_filter},
        {"OpenAI, biology", 400, openai("No.", "invalid_request_error", "bio_policy"),
         FailureClass::content_filter},
        {"OpenAI, cybersecurity", 400,
         openai("This content was flagged for possible cybersecurity risk.",
                "invalid_request_error", ""),
         FailureClass::content_filter},
        {"Bedrock's image models", 400,
         R"({"message":"This request has been blocked by our content filters."})",
         FailureClass::content_filter},
        {"never for a 500", 500, openai("No.", "", "content_filter"), FailureClass::server_error},
        {"never for a 403", 403, openai("No.", "", "content_filter"), FailureClass::auth},
    });
}

TEST_CASE("a 400 keeps what its code names, and words that it echoes decide nothing") {
    check({
        {"unknown model", 400, openai("m", "invalid_request_error", "model_not_found"),
         FailureClass::not_found},
        {"Gemini, bad key", 400,
         R"({"error":{"code":400,"message":"API key not valid.","status":"INVALID_ARGUMENT",)"
         R"("details":[{"@type":"x","reason":"API_KEY_INVALID"}]}})",
         FailureClass::auth},
        {"unsupported parameter", 400,
         openai("Unsupported parameter: 'max_tokens'", "invalid_request_error",
                "unsupported_parameter"),
         FailureClass::bad_request},
        {"FastAPI", 422,
         R"({"detail":[{"loc":["body","x"],"msg":"extra fields not permitted","type":)"
         R"("extra_forbidden","input":"prompt is too long"}]})",
         FailureClass::bad_request},
        {"a prompt that speaks of 429", 400,
         openai("Invalid value: 'error 429 rate limit, insufficient_quota, overloaded'",
                "invalid_request_error", "invalid_value"),
         FailureClass::bad_request},
        {"a prompt that speaks of contexts", 400,
         openai("Invalid value: 'prompt is too long'", "invalid_request_error", "invalid_value"),
         FailureClass::bad_request},
        {"a prompt that speaks of money", 400,
         openai("Could not parse: You exceeded your current quota", "invalid_request_error", ""),
         FailureClass::bad_request},
        {"an echo beside the error", 400,
         R"({"error":{"message":"bad"},"input":{"code":"context_length_exceeded"}})",
         FailureClass::bad_request},
        {"an echo inside the error", 400,
         R"({"error":{"message":"bad","failed_generation":"prompt is too long",)"
         R"("metadata":{"flagged_input":"maximum context length"}}})",
         FailureClass::bad_request},
        {"the number 429 as a code in a 400", 400, R"({"error":{"message":"m","code":429}})",
         FailureClass::bad_request},
        {"a server's code in a 404", 404, openai("m", "server_error", "server_error"),
         FailureClass::not_found},
    });
}

TEST_CASE("a refusal speaks of the account unless it says that it is about the request") {
    struct Row {
        const char* title;
        std::string body;
        bool account;
        bool prompt = false;
    };
    const std::vector<Row> rows{
        {"nothing", "", true},
        {"no JSON", "no", true},
        {"a bad key",
         openai("Incorrect API key provided: sk-1", "invalid_request_error", "invalid_api_key"),
         true},
        {"a permission", openai("You have insufficient permissions", "", "permission_error"), true},
        {"no credit", openai("Insufficient credits", "", ""), true},
        {"a country", openai("Country not supported", "request_forbidden", ""), true},
        {"OpenRouter's moderation",
         R"({"error":{"code":403,"message":"m/x requires moderation on P. Your input was flagged for )"
         R"(\"violence\". No credits were charged.","metadata":{"flagged_input":"i"}}})",
         false, true},
        {"OpenRouter's rest of the credit",
         R"({"error":{"code":402,"message":"This request requires more credits, or fewer max_tokens."}})",
         false, true},
        {"xAI's content check",
         R"({"code":"The caller does not have permission","error":"Content violates usage guidelines."})",
         false, true},
        {"OpenAI's model",
         openai("Project `p` does not have access to model `o`", "invalid_request_error",
                "model_not_found"),
         false},
        {"the same in words", openai("You do not have access to model x", "", ""), false},
        {"Groq's model",
         openai("The model `m` is blocked at the project level.", "permissions_error",
                "model_permission_blocked_project"),
         false},
        {"a safety system", openai("m", "", "content_filter"), false, true},
        {"a page", "<html><body>blocked</body></html>", false},
        {"words that it only quotes", openai("The key 'was flagged' is unknown", "", ""), true},
        {"the prompt, echoed", R"({"error":{"message":"No."},"input":"was flagged"})", true},
    };
    for (const auto& row : rows) {
        INFO(row.title);
        CHECK(is_about_account(row.body, {}) == row.account);
        CHECK(is_about_prompt(row.body, {}) == row.prompt);
    }
}

TEST_CASE("bodies that are deep, long or broken are survived") {
    const std::string deep = R"({"error":{"x":)" + std::string(100'000, '[') +
                             std::string(100'000, ']') + R"(,"code":"insufficient_quota"}})";
    CHECK(classify_status(429, deep, {}) == FailureClass::rate_limit);
    std::string text(100'000, 'x');
    text += "prompt is too long";
    const std::string late = openai(text, "", "");
    CHECK(classify_status(400, late, {}) == FailureClass::bad_request);
    // However many gateways quoted it, there is an end to the unwrapping.
    std::string nested = R"({"error":{"code":"insufficient_quota"}})";
    for (int i = 0; i < 50; ++i) nested = R"({"error":{"metadata":{"raw":)" + nested + "}}}";
    CHECK(classify_status(429, nested, {}) == FailureClass::rate_limit);
    CHECK(classify_inline_error("") == FailureClass::malformed);
    CHECK(classify_inline_error("\xff{") == FailureClass::malformed);
}

TEST_CASE("an error inside a 2xx is what it names, or malformed") {
    const std::vector<std::pair<std::string, FailureClass>> table{
        {R"({"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}})",
         FailureClass::server_error},
        {R"({"error":{"code":429,"message":"Provider returned error"}})", FailureClass::rate_limit},
        {R"({"error":{"code":"402","message":"credits"}})", FailureClass::quota},
        {R"({"error":{"code":504,"message":"m"}})", FailureClass::timeout},
        {R"({"error":{"code":403,"message":"moderation"}})", FailureClass::auth},
        {openai("m", "tokens", "rate_limit_exceeded"), FailureClass::rate_limit},
        {openai("m", "insufficient_quota", "insufficient_quota"), FailureClass::quota},
        {openai("m", "invalid_request_error", "context_length_exceeded"),
         FailureClass::context_length},
        {openai("m", "invalid_request_error", "content_filter"), FailureClass::content_filter},
        {openai("m", "invalid_request_error", ""), FailureClass::bad_request},
        {openai("m", "server_error", ""), FailureClass::server_error},
        {openai("m", "budget_exceeded", ""), FailureClass::budget},
        {openai("m", "", "model_not_found"), FailureClass::not_found},
        {openai("m", "invalid_request_error", "invalid_api_key"), FailureClass::auth},
        {R"({"code":"The service is currently unavailable","error":"busy"})",
         FailureClass::server_error},
        {R"({"code":"Client specified an invalid argument","error":"no"})",
         FailureClass::bad_request},
        {R"({"type":"response.failed","response":{"status":"failed","error":{"code":)"
         R"("rate_limit_exceeded","message":"m"}}})",
         FailureClass::rate_limit},
        {R"({"id":"x","choices":[{"index":0,"finish_reason":"error","error":{"code":502,)"
         R"("message":"m"}}]})",
         FailureClass::server_error},
        {R"({"error":{"code":500,"message":"the request exceeds the available context size",)"
         R"("type":"exceed_context_size_error"}})",
         FailureClass::context_length},
        {R"({"error":"prompt too long; exceeded max context length by 5 tokens"})",
         FailureClass::context_length},
        {R"({"__type":"throttlingException","message":"m"})", FailureClass::rate_limit},
        {R"({"__type":"modelStreamErrorException","message":"m"})", FailureClass::server_error},
        {R"({"__type":"modelTimeoutException","message":"m"})", FailureClass::timeout},
        {R"({"__type":"serviceUnavailableException","message":"m"})", FailureClass::server_error},
        {R"({"__type":"validationException","message":"m"})", FailureClass::bad_request},
        {R"({"__type":"validationException","message":"Input is too long for requested model."})",
         FailureClass::context_length},
        {R"({"error":"something went wrong"})", FailureClass::malformed},
        {R"({"error":{"message":"m","code":200}})", FailureClass::malformed},
        {R"({"error":true})", FailureClass::malformed},
        {R"({"error":{"code":1,"message":"Rate limit, 429"}})", FailureClass::malformed},
    };
    for (const auto& [body, failure] : table) {
        INFO(body);
        CHECK(name_of(classify_inline_error(body)) == name_of(failure));
    }
}
