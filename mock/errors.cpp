#include "mock/errors.hpp"

#include "mock/text.hpp"

#include <algorithm>
#include <array>

namespace understudy::mock {
namespace {

// Messages as the real services word them: clients and proxies scan for these words.
struct OpenAiError {
    unsigned status;
    std::string_view message, type, param, code;
};
struct RefusalAnswer {
    unsigned status;
    std::string body;
};

constexpr std::array kOpenAi{
    OpenAiError{400, "The simulated upstream refuses this request.", "invalid_request_error", "",
                ""},
    OpenAiError{401, "Incorrect API key provided.", "invalid_request_error", "", "invalid_api_key"},
    OpenAiError{402, "Insufficient balance: please add credits to your account.",
                "insufficient_quota", "", "insufficient_quota"},
    OpenAiError{403, "Country, region, or territory not supported.", "request_forbidden", "",
                "unsupported_country_region_territory"},
    OpenAiError{404, "The model does not exist or you do not have access to it.",
                "invalid_request_error", "model", "model_not_found"},
    OpenAiError{408, "Request timed out.", "timeout", "", "request_timeout"},
    OpenAiError{409, "The resource is locked by another request.", "conflict_error", "", ""},
    OpenAiError{413, "Request body too large.", "invalid_request_error", "", "request_too_large"},
    OpenAiError{422, "Unprocessable entity: a field has a value out of range.",
                "invalid_request_error", "temperature", "invalid_value"},
    OpenAiError{429,
                "Rate limit reached for requests per min (RPM): Limit 3, Used 3, Requested 1. "
                "Please try again later.",
                "requests", "", "rate_limit_exceeded"},
    OpenAiError{500, "The server had an error while processing your request. Sorry about that!",
                "server_error", "", ""},
    OpenAiError{502, "Bad gateway.", "server_error", "", ""},
    OpenAiError{503, "The engine is currently overloaded, please try again later.",
                "service_unavailable_error", "", "server_is_overloaded"},
    OpenAiError{504, "The gateway timed out waiting for the model.", "server_error", "", "timeout"},
    OpenAiError{529, "Overloaded", "overloaded_error", "", ""},
};

/// `kind`: Anthropic's type, Google's status. An empty message: OpenAI's.
struct NativeError {
    unsigned status;
    std::string_view kind, message;
};
constexpr std::array kAnthropic{
    NativeError{400, "invalid_request_error", ""},
    NativeError{401, "authentication_error", "invalid x-api-key"},
    NativeError{402, "billing_error", ""},
    NativeError{403, "permission_error",
                "Your API key does not have permission to use the specified resource."},
    NativeError{404, "not_found_error", ""},
    NativeError{413, "request_too_large", "Request exceeds the maximum size"},
    NativeError{422, "invalid_request_error", ""},
    NativeError{429, "rate_limit_error",
                "This request would exceed your account's rate limit. Please try again later."},
    NativeError{500, "api_error", "Internal server error"},
    NativeError{504, "timeout_error", ""},
    NativeError{529, "overloaded_error", "Overloaded"},
};
constexpr std::array kGoogle{
    NativeError{400, "INVALID_ARGUMENT", ""},
    NativeError{401, "UNAUTHENTICATED",
                "Request had invalid authentication credentials. Expected OAuth 2 access token, "
                "login cookie or other valid authentication credential."},
    NativeError{403, "PERMISSION_DENIED", "The caller does not have permission"},
    NativeError{404, "NOT_FOUND", "Requested entity was not found."},
    NativeError{409, "ABORTED", ""},
    NativeError{429, "RESOURCE_EXHAUSTED", "Resource has been exhausted (e.g. check quota)."},
    NativeError{500, "INTERNAL", "An internal error has occurred."},
    NativeError{501, "UNIMPLEMENTED", ""},
    NativeError{503, "UNAVAILABLE", "The model is overloaded. Please try again later."},
    NativeError{504, "DEADLINE_EXCEEDED", ""},
};

// In a plain body; what it is stands in a header (amazon.hpp). `kind` is not said.
constexpr std::array kAmazon{
    NativeError{400, "", "The model returned the following errors: Malformed input request."},
    NativeError{401, "", "The security token included in the request is invalid."},
    NativeError{403, "",
                "User is not authorized to perform: bedrock:InvokeModel on this resource."},
    NativeError{404, "", "Could not resolve the foundation model from the model identifier."},
    NativeError{408, "", "Model processing timed out."},
    NativeError{424, "", "The model returned an error while it processed the request."},
    NativeError{429, "", "Too many requests, please wait before trying again."},
    NativeError{500, "", "The system encountered an unexpected error during processing."},
    NativeError{503, "", "Bedrock is unable to process your request."},
};

template <class Table>
const typename Table::value_type* find(const Table& table, unsigned status) {
    const auto found = std::find_if(table.begin(), table.end(),
                                    [&](const auto& known) { return known.status == status; });
    return found == table.end() ? nullptr : &*found;
}

std::string_view anthropic_type(unsigned status) {
    if (const auto* known = find(kAnthropic, status)) return known->kind;
    return status >= 500 ? "api_error" : "invalid_request_error";
}

std::string_view google_status(unsigned status) {
    if (const auto* known = find(kGoogle, status)) return known->kind;
    return status >= 500 ? "INTERNAL" : "FAILED_PRECONDITION";
}

std::string openai_document(std::string_view message, std::string_view type, std::string_view param,
                            std::string_view code) {
    const auto or_null = [](std::string_view text) {
        return text.empty() ? std::string("null") : quoted(text);
    };
    return join({R"({"error":{"message":)", quoted(message), R"(,"type":)", quoted(type),
                 R"(,"param":)", or_null(param), R"(,"code":)", or_null(code), "}}\n"});
}

RefusalAnswer refused(Endpoint endpoint, unsigned status, std::string_view message) {
    return {status, error_document(endpoint, status, message)};
}

RefusalAnswer anthropic_refusal(Endpoint endpoint, Refusal::Cause cause) {
    switch (cause) {
        case Refusal::Cause::quota:
            return refused(endpoint, 400,
                           "Your credit balance is too low to access the Anthropic API. Please go "
                           "to Plans & Billing to upgrade or purchase credits.");
        case Refusal::Cause::too_long:
            return refused(endpoint, 400, "prompt is too long: 5000 tokens > 4096 maximum");
        case Refusal::Cause::filtered:
            return refused(endpoint, 400, "Output blocked by content filtering policy");
        default:
            return refused(endpoint, 400,
                           "This model does not support assistant message prefill. The "
                           "conversation must end with a user message.");
    }
}

RefusalAnswer google_refusal(Endpoint endpoint, Refusal::Cause cause) {
    switch (cause) {
        case Refusal::Cause::quota:
            // That it is the day's, and no limit that passes in a minute, only the details tell.
            return {429,
                    R"({"error":{"code":429,"message":"You exceeded your current quota, please )"
                    R"(check your plan and billing details.","status":"RESOURCE_EXHAUSTED",)"
                    R"("details":[{"@type":"type.googleapis.com/google.rpc.QuotaFailure",)"
                    R"("violations":[{"quotaId":"GenerateRequestsPerDayPerProjectPerModel"}]}]}})"
                    "\n"};
        case Refusal::Cause::too_long:
            return refused(endpoint, 400,
                           "The input token count (5000) exceeds the maximum number of tokens "
                           "allowed (4096).");
        case Refusal::Cause::filtered:
            return {200, R"({"promptFeedback":{"blockReason":"PROHIBITED_CONTENT"},)"
                         R"("usageMetadata":{"promptTokenCount":1000,"totalTokenCount":1000},)"
                         R"("modelVersion":"mock","responseId":"mock"})"
                         "\n"};
        default:
            return refused(endpoint, 400,
                           "Please ensure that single turn requests end with a user role or the "
                           "role field is empty.");
    }
}

RefusalAnswer amazon_refusal(Endpoint endpoint, Refusal::Cause cause) {
    switch (cause) {
        case Refusal::Cause::quota:
            return refused(endpoint, 400,
                           "Your account's quota for this model is exceeded. Request an increase "
                           "in the console of Service Quotas.");
        case Refusal::Cause::too_long:
            return refused(endpoint, 400, "Input is too long for requested model.");
        case Refusal::Cause::filtered:
            return refused(endpoint, 400,
                           "The model returned the following errors: Output blocked by content "
                           "filtering policy");
        default:
            return refused(endpoint, 400,
                           "This model does not support assistant message prefill. The "
                           "conversation must end with a user message.");
    }
}

RefusalAnswer openai_refusal(Refusal::Cause cause) {
    constexpr std::string_view kInvalid = "invalid_request_error";
    switch (cause) {
        case Refusal::Cause::quota:
            return {429, openai_document("You exceeded your current quota, please check your plan "
                                         "and billing details.",
                                         "insufficient_quota", "", "insufficient_quota")};
        case Refusal::Cause::too_long:
            return {400, openai_document("This model's maximum context length is 4096 tokens. "
                                         "However, your messages resulted in 5000 tokens. Please "
                                         "reduce the length of the messages.",
                                         kInvalid, "messages", "context_length_exceeded")};
        case Refusal::Cause::filtered:
            return {400, openai_document("Your request was rejected as a result of our safety "
                                         "system.",
                                         kInvalid, "", "content_policy_violation")};
        default:
            return {400, openai_document("This model does not support assistant message prefill. "
                                         "The conversation must end with a user message.",
                                         kInvalid, "messages", "unsupported_value")};
    }
}

RefusalAnswer refusal_answer(Endpoint endpoint, const Refusal& refusal) {
    if (refusal.cause == Refusal::Cause::status)
        return {refusal.status, error_body(endpoint, refusal.status)};
    switch (api_of(endpoint)) {
        case Api::anthropic:
            return anthropic_refusal(endpoint, refusal.cause);
        case Api::google:
            return google_refusal(endpoint, refusal.cause);
        case Api::amazon:
            return amazon_refusal(endpoint, refusal.cause);
        default:
            return openai_refusal(refusal.cause);
    }
}

}  // namespace

void word_refusal(Plan& plan, Endpoint endpoint, bool stream) {
    if (!plan.refusal || plan.body) return;
    auto said = refusal_answer(endpoint, *plan.refusal);
    if (api_of(endpoint) == Api::amazon && plan.refusal->cause == Refusal::Cause::quota)
        plan.headers.emplace_back("x-amzn-errortype", "ServiceQuotaExceededException");
    // A cause has the status of its API, unless the script has set one.
    if (plan.refusal->cause != Refusal::Cause::status && plan.status == plan.refusal->status)
        plan.status = said.status;
    if (stream && plan.status == 200 && plan.refusal->cause == Refusal::Cause::filtered) {
        said.body.pop_back();  // the newline
        plan.events = {join({"data: ", said.body, "\r\n\r\n"})};
    } else {
        plan.body = std::move(said.body);
    }
}

std::string error_body(Endpoint endpoint, unsigned status) {
    const auto api = api_of(endpoint);
    const auto* native = api == Api::anthropic ? find(kAnthropic, status)
                         : api == Api::google  ? find(kGoogle, status)
                         : api == Api::amazon  ? find(kAmazon, status)
                                               : nullptr;
    if (native != nullptr && !native->message.empty())
        return error_document(endpoint, status, native->message);
    if (const auto* known = find(kOpenAi, status)) {
        return error_document(endpoint, status, known->message, known->type, known->param,
                              known->code);
    }
    return error_document(endpoint, status,
                          join({"Simulated status ", std::to_string(status), "."}),
                          status >= 500 ? "server_error" : "invalid_request_error");
}

std::string error_document(Endpoint endpoint, unsigned status, std::string_view message,
                           std::string_view type, std::string_view param, std::string_view code) {
    switch (api_of(endpoint)) {
        case Api::anthropic:
            return join({R"({"type":"error","error":{"type":)", quoted(anthropic_type(status)),
                         R"(,"message":)", quoted(message), R"(},"request_id":"req_mock"})", "\n"});
        case Api::google:
            return join({R"({"error":{"code":)", std::to_string(status), R"(,"message":)",
                         quoted(message), R"(,"status":)", quoted(google_status(status)), "}}\n"});
        case Api::amazon:
            return join({R"({"message":)", quoted(message), "}\n"});
        default:
            return openai_document(message, type, param, code);
    }
}

}  // namespace understudy::mock
