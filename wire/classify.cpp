#include "wire/classify.hpp"

#include "wire/error_evidence.hpp"

#include <algorithm>
#include <array>
#include <string_view>

namespace understudy::wire {
namespace {

// Identifiers that name a cause by themselves. In lower case; compared whole, never searched for.
struct KnownCode {
    std::string_view code;
    FailureClass failure;
};
constexpr std::array kCauses{
    KnownCode{"budget_exceeded", FailureClass::budget},
    KnownCode{"insufficient_quota", FailureClass::quota},
    KnownCode{"usage_limit_reached", FailureClass::quota},
    KnownCode{"credit_balance_exhausted", FailureClass::quota},
    KnownCode{"billing_error", FailureClass::quota},
    KnownCode{"billing_hard_limit_reached", FailureClass::quota},
    KnownCode{"billing_not_active", FailureClass::quota},
    KnownCode{"enforced_spend_limit_reached", FailureClass::quota},
    KnownCode{"spend_limit_reached", FailureClass::quota},
    KnownCode{"exceeded_current_quota_error", FailureClass::quota},
    KnownCode{"insufficient_balance", FailureClass::quota},
    KnownCode{"insufficient_credits", FailureClass::quota},
    KnownCode{"insufficient_funds", FailureClass::quota},
    KnownCode{"payment_required", FailureClass::quota},
    KnownCode{"context_length_exceeded", FailureClass::context_length},
    KnownCode{"context_window_exceeded", FailureClass::context_length},
    KnownCode{"exceed_context_size_error", FailureClass::context_length},
    KnownCode{"model_max_prompt_tokens_exceeded", FailureClass::context_length},
    KnownCode{"tokens_limit_reached", FailureClass::context_length},
    KnownCode{"prompt_too_long", FailureClass::context_length},
    KnownCode{"input_too_long", FailureClass::context_length},
    KnownCode{"content_filter", FailureClass::content_filter},
    KnownCode{"content_filter_policy", FailureClass::content_filter},
    KnownCode{"content_policy_violation", FailureClass::content_filter},
    KnownCode{"responsibleaipolicyviolation", FailureClass::content_filter},
    KnownCode{"moderation_blocked", FailureClass::content_filter},
    KnownCode{"data_inspection_failed", FailureClass::content_filter},
    KnownCode{"model_not_found", FailureClass::not_found},
    KnownCode{"deploymentnotfound", FailureClass::not_found},
    KnownCode{"api_key_invalid", FailureClass::auth},
    KnownCode{"invalid_api_key", FailureClass::auth},
};

// Identifiers that stand for a status where there is none: in an error inside a 2xx.
struct NamedStatus {
    std::string_view code;
    unsigned status;
};
constexpr std::array kNamedStatuses{
    NamedStatus{"rate_limit_error", 429},
    NamedStatus{"rate_limit_exceeded", 429},
    NamedStatus{"ratelimitreached", 429},
    NamedStatus{"too_many_requests", 429},
    NamedStatus{"resource_exhausted", 429},
    NamedStatus{"slow_down", 429},
    NamedStatus{"overloaded", 503},
    NamedStatus{"overloaded_error", 503},
    NamedStatus{"engine_overloaded_error", 503},
    NamedStatus{"server_is_overloaded", 503},
    NamedStatus{"service_unavailable", 503},
    NamedStatus{"service_unavailable_error", 503},
    NamedStatus{"the service is currently unavailable", 503},  // xAI
    NamedStatus{"unavailable", 503},
    NamedStatus{"server_error", 500},
    NamedStatus{"api_error", 500},
    NamedStatus{"internal", 500},
    NamedStatus{"internal_error", 500},
    NamedStatus{"internal_server_error", 500},
    NamedStatus{"internalservererror", 500},
    NamedStatus{"timeout", 504},
    NamedStatus{"timeout_error", 504},
    NamedStatus{"gateway_timeout", 504},
    NamedStatus{"deadline_exceeded", 504},
    NamedStatus{"authentication_error", 401},
    NamedStatus{"unauthenticated", 401},
    NamedStatus{"unauthorized", 401},
    NamedStatus{"permission_error", 403},
    NamedStatus{"permission_denied", 403},
    NamedStatus{"forbidden", 403},
    NamedStatus{"not_found", 404},
    NamedStatus{"not_found_error", 404},
    NamedStatus{"request_too_large", 413},
    NamedStatus{"bad_request", 400},
    NamedStatus{"badrequesterror", 400},
    NamedStatus{"client specified an invalid argument", 400},  // xAI
    NamedStatus{"failed_precondition", 400},
    NamedStatus{"invalid_argument", 400},
    NamedStatus{"invalid_prompt", 400},
    NamedStatus{"invalid_request_error", 400},
    NamedStatus{"validation_error", 400},
};

// Codes of complaints about one parameter. Their messages quote what the client sent, so they are
// not searched for patterns.
constexpr std::array<std::string_view, 9> kQuoting{
    "string_above_max_length",   "invalid_value",         "invalid_type", "unsupported_value",
    "unknown_parameter",         "unsupported_parameter", "invalid_json", "tool_use_failed",
    "missing_required_parameter"};

// Each pattern is the provider's own wording, long enough not to be met by chance (errors.md 2.1).
constexpr std::array<std::string_view, 26> kTooLong{
    "maximum context length",
    "exceed context limit",
    "exceeds the context",
    "exceeded max context length",
    "longer than the model's context length",
    "longer than the maximum model length",
    "model's maximum context limit",
    "exceeds the available context size",
    "greater than the context length",
    "context length exceeded",
    "context window exceeded",
    "context the overflows",
    "input tokens exceed the configured limit",
    "exceeds the maximum number of tokens allowed",
    "`inputs` tokens + `max_new_tokens` must be",
    "string too long. expected a string with maximum length",
    "maximum prompt length is",
    "prompt is too long",
    "prompt too long",
    "prompt: length",
    "input is too long",
    "too many tokens",
    "too many input tokens",
    "reduce the length of the messages",
    "request payload size exceeds",
    "length limit exceeded"};
constexpr std::array<std::string_view, 10> kUnsafe{
    "violating our usage policy",
    "as a result of our safety system",
    "as a result of the safety system",
    "the model produced invalid content",
    "response was filtered due to the prompt triggering",
    "content management policy",
    "content filtering policy",
    "content exists risk",
    "the response was blocked",
    "responsibleaipolicyviolation"};
constexpr std::array<std::string_view, 9> kOutOfMoney{"insufficient balance",
                                                      "insufficient credit",
                                                      "insufficient_quota",
                                                      "credit balance is too low",
                                                      "billing hard limit",
                                                      "spend limit",
                                                      "spending limit",
                                                      "out of credits",
                                                      "usage limit has been reached"};
constexpr std::array<std::string_view, 3> kTooLargeForTier{"request too large", "tokens per minute",
                                                           "(tpm)"};

template <std::size_t N>
bool says_any(const ErrorEvidence& evidence, const std::array<std::string_view, N>& patterns) {
    return std::any_of(patterns.begin(), patterns.end(),
                       [&](std::string_view pattern) { return evidence.says(pattern); });
}

bool names(const ErrorEvidence& evidence, std::string_view code) {
    return std::find(evidence.codes.begin(), evidence.codes.end(), code) != evidence.codes.end();
}

/// Whether an identifier names this very cause.
bool names_cause(const ErrorEvidence& evidence, FailureClass failure) {
    return std::any_of(kCauses.begin(), kCauses.end(), [&](const KnownCode& known) {
        return known.failure == failure && names(evidence, known.code);
    });
}

bool says_too_long(const ErrorEvidence& evidence) {
    const bool quoting = std::any_of(kQuoting.begin(), kQuoting.end(),
                                     [&](std::string_view code) { return names(evidence, code); });
    if (quoting) return false;
    return says_any(evidence, kTooLong) ||
           (evidence.says("current length is") && evidence.says("while limit is")) ||
           (evidence.says("maximum input length is") && evidence.says("tokens"));
}

bool says_unsafe(const ErrorEvidence& evidence) {
    return says_any(evidence, kUnsafe);
}

// Gemini says "You exceeded your current quota" of the limits per minute too; there only the name
// of the quota tells.
bool is_out_of_quota(const ErrorEvidence& evidence) {
    if (names_cause(evidence, FailureClass::quota)) return true;
    const bool per_day = std::any_of(
        evidence.codes.begin(), evidence.codes.end(),
        [](const std::string& code) { return code.find("perday") != std::string::npos; });
    if (per_day) return true;
    if (names(evidence, "resource_exhausted") || names(evidence, "rate_limit_exceeded")) {
        return false;
    }
    return says_any(evidence, kOutOfMoney) || evidence.says("exceeded your current quota");
}

bool is_budget_denial(unsigned status, const ErrorEvidence& evidence) {
    if (names_cause(evidence, FailureClass::budget)) return true;
    return (status == 400 || status == 429) && evidence.says("budget has been exceeded!");
}

// 400, 413 and 422: the request itself is refused; why?
FailureClass classify_refusal(unsigned status, const ErrorEvidence& evidence) {
    if (status == 413 &&
        (names(evidence, "rate_limit_exceeded") || says_any(evidence, kTooLargeForTier))) {
        return FailureClass::rate_limit;  // Groq: more tokens than the tier has per minute
    }
    for (const auto failure : {FailureClass::context_length, FailureClass::content_filter}) {
        if (names_cause(evidence, failure)) return failure;
    }
    if (status == 400) {
        // Some providers answer 400 where others say 404 or 401.
        for (const auto failure : {FailureClass::not_found, FailureClass::auth}) {
            if (names_cause(evidence, failure)) return failure;
        }
    }
    if (says_too_long(evidence)) return FailureClass::context_length;
    if (status == 400 && says_unsafe(evidence)) return FailureClass::content_filter;
    return FailureClass::bad_request;
}

FailureClass classify_client_error(unsigned status, const ErrorEvidence& evidence) {
    if (is_budget_denial(status, evidence)) return FailureClass::budget;
    switch (status) {
        case 401:
        case 403:
            return FailureClass::auth;
        case 402:
            return FailureClass::quota;
        case 404:
            return FailureClass::not_found;
        case 408:
            return FailureClass::timeout;
        case 429:
            return is_out_of_quota(evidence) ? FailureClass::quota : FailureClass::rate_limit;
        case 400:
        case 413:
        case 422:
            return classify_refusal(status, evidence);
        default:
            return FailureClass::bad_request;
    }
}

FailureClass classify(unsigned status, const ErrorEvidence& evidence) {
    if (status == 504 || status == 524) return FailureClass::timeout;
    if (status >= 500) return FailureClass::server_error;
    return classify_client_error(status, evidence);
}

unsigned status_named_by(const ErrorEvidence& evidence) {
    if (evidence.status != 0) return evidence.status;
    for (const auto& code : evidence.codes) {
        for (const auto& named : kNamedStatuses) {
            if (named.code == code) return named.status;
        }
    }
    return 0;
}

bool is_html(std::string_view body, const Fields& fields) {
    const auto type = fields.find("content-type");
    const auto first = body.find_first_not_of(" \t\r\n");
    return iequals(type.substr(0, 9), "text/html") ||
           (first != std::string_view::npos && body[first] == '<');
}

}  // namespace

FailureClass classify_status(unsigned status, std::string_view body, const Fields& fields) {
    if (status >= 200 && status < 300) return FailureClass::none;
    if (status < 200) return FailureClass::malformed;
    if (status < 400) return FailureClass::bad_request;
    // A page comes from a proxy on the way; its words are not the provider's.
    if (status >= 500 || is_html(body, fields)) return classify(status, {});
    return classify(status, gather_evidence(body));
}

FailureClass classify_inline_error(std::string_view json) {
    const auto evidence = gather_evidence(json);
    for (const auto failure : {FailureClass::budget, FailureClass::quota,
                               FailureClass::context_length, FailureClass::content_filter}) {
        if (names_cause(evidence, failure)) return failure;
    }
    const auto status = status_named_by(evidence);
    if (status != 0) return classify(status, evidence);
    for (const auto failure : {FailureClass::not_found, FailureClass::auth}) {
        if (names_cause(evidence, failure)) return failure;
    }
    return says_too_long(evidence) ? FailureClass::context_length : FailureClass::malformed;
}

}  // namespace understudy::wire
