#include "wire/known_errors.hpp"

#include "wire/error_evidence.hpp"
#include "wire/too_long.hpp"

#include <algorithm>
#include <array>
#include <string>
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
    KnownCode{"insufficient_user_quota", FailureClass::quota},         // new-api, one-api: 403
    KnownCode{"pre_consume_token_quota_failed", FailureClass::quota},  // the same
    KnownCode{"quota_exceeded", FailureClass::quota},
    KnownCode{"billing_limit_exceeded", FailureClass::quota},
    KnownCode{"insufficient_credit", FailureClass::quota},
    KnownCode{"credits_exhausted", FailureClass::quota},
    KnownCode{"credit_limit_exceeded", FailureClass::quota},
    KnownCode{"arrearage", FailureClass::quota},                       // Alibaba: 400
    KnownCode{"accountoverdueerror", FailureClass::quota},             // Volcengine: 403
    KnownCode{"allocationquota.freetieronly", FailureClass::quota},    // Alibaba: 403
    KnownCode{"not_enough_balance", FailureClass::quota},              // Novita: 403
    KnownCode{"credit_limit", FailureClass::quota},                    // Together
    KnownCode{"customer_verification_required", FailureClass::quota},  // Vercel: no card on file
    KnownCode{"context_length_exceeded", FailureClass::context_length},
    KnownCode{"context_window_exceeded", FailureClass::context_length},
    KnownCode{"exceed_context_size_error", FailureClass::context_length},
    KnownCode{"model_max_prompt_tokens_exceeded", FailureClass::context_length},
    KnownCode{"tokens_limit_reached", FailureClass::context_length},
    KnownCode{"prompt_too_long", FailureClass::context_length},
    KnownCode{"input_too_long", FailureClass::context_length},
    KnownCode{"model_context_window_exceeded", FailureClass::context_length},  // Z.ai, Anthropic
    KnownCode{"contextwindowexceedederror", FailureClass::context_length},     // LiteLLM
    KnownCode{"outofcontexterror", FailureClass::context_length},              // Volcengine
    KnownCode{"content_filter", FailureClass::content_filter},
    KnownCode{"content_filter_policy", FailureClass::content_filter},
    KnownCode{"content_policy_violation", FailureClass::content_filter},
    KnownCode{"responsibleaipolicyviolation", FailureClass::content_filter},
    KnownCode{"moderation_blocked", FailureClass::content_filter},
    KnownCode{"data_inspection_failed", FailureClass::content_filter},
    KnownCode{"datainspectionfailed", FailureClass::content_filter},  // Alibaba's own API
    KnownCode{"image_content_policy_violation", FailureClass::content_filter},
    KnownCode{"bio_policy", FailureClass::content_filter},  // OpenAI, with the one above
    // Volcengine (its list of errors): one for each kind of input and output.
    KnownCode{"sensitivecontentdetected", FailureClass::content_filter},
    KnownCode{"inputtextsensitivecontentdetected", FailureClass::content_filter},
    KnownCode{"inputimagesensitivecontentdetected", FailureClass::content_filter},
    KnownCode{"outputtextsensitivecontentdetected", FailureClass::content_filter},
    KnownCode{"outputimagesensitivecontentdetected", FailureClass::content_filter},
    KnownCode{"model_not_found", FailureClass::not_found},
    KnownCode{"deploymentnotfound", FailureClass::not_found},
    KnownCode{"api_key_invalid", FailureClass::auth},
    KnownCode{"invalid_api_key", FailureClass::auth},
};

// Identifiers that stand for a status: where there is none (an error inside a 2xx), and where
// throttling or an outage is told with a status that says something else.
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
    NamedStatus{"throttlingexception", 429},  // Bedrock, whatever the status
    NamedStatus{"throttling", 429},           // Alibaba; also "Throttling.RateQuota" and its kin
    NamedStatus{"throttling.ratequota", 429},
    NamedStatus{"throttling.burstrate", 429},
    NamedStatus{"throttling.allocationquota", 429},
    NamedStatus{"throttlederror", 429},
    NamedStatus{"requestthrottled", 429},
    NamedStatus{"requestthrottledexception", 429},
    NamedStatus{"toomanyrequestsexception", 429},
    NamedStatus{"modelnotreadyexception", 429},         // Bedrock: comes with a 429
    NamedStatus{"servicequotaexceededexception", 429},  // Bedrock: 400
    NamedStatus{"requestlimitexceeded", 429},
    NamedStatus{"slowdown", 429},
    NamedStatus{"limit_requests", 429},    // Alibaba
    NamedStatus{"limit_burst_rate", 429},  // Alibaba
    NamedStatus{"rate_limit", 429},
    NamedStatus{"rate_limited", 429},
    NamedStatus{"rate_limit_reached_error", 429},        // Moonshot
    NamedStatus{"ratelimiterror", 429},                  // LiteLLM
    NamedStatus{"ratelimitexceeded", 429},               // Google, errors[].reason
    NamedStatus{"userratelimitexceeded", 429},           // the same
    NamedStatus{"service_tier_capacity_exceeded", 429},  // Mistral
    NamedStatus{"capacity_exceeded", 429},               // Groq, flex processing: 498
    NamedStatus{"overloaded", 503},
    NamedStatus{"overloaded_error", 503},
    NamedStatus{"engine_overloaded_error", 503},
    NamedStatus{"server_is_overloaded", 503},
    NamedStatus{"service_unavailable", 503},
    NamedStatus{"service_unavailable_error", 503},
    NamedStatus{"the service is currently unavailable", 503},  // xAI
    NamedStatus{"serviceunavailable", 503},
    NamedStatus{"serviceunavailableerror", 503},
    NamedStatus{"serviceunavailableexception", 503},  // Bedrock
    NamedStatus{"server_overloaded", 503},
    NamedStatus{"model_overloaded", 503},
    NamedStatus{"unavailable", 503},
    NamedStatus{"unavailable_error", 503},  // llama.cpp, while it loads
    NamedStatus{"server_error", 500},
    NamedStatus{"api_error", 500},
    NamedStatus{"internal", 500},
    NamedStatus{"internal_error", 500},
    NamedStatus{"internal_server_error", 500},
    NamedStatus{"internalservererror", 500},
    NamedStatus{"internalserverexception", 500},    // Bedrock
    NamedStatus{"modelerrorexception", 500},        // Bedrock: 424
    NamedStatus{"modelstreamerrorexception", 500},  // the same
    NamedStatus{"modeltimeoutexception", 504},      // Bedrock: 408
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
    NamedStatus{"validationexception", 400},        // Bedrock
    NamedStatus{"accessdeniedexception", 403},      // the same
    NamedStatus{"resourcenotfoundexception", 404},  // the same
};

// Codes of complaints about one parameter. Their messages quote what the client sent, so they are
// not searched for patterns.
constexpr std::array<std::string_view, 9> kQuoting{
    "string_above_max_length",   "invalid_value",         "invalid_type", "unsupported_value",
    "unknown_parameter",         "unsupported_parameter", "invalid_json", "tool_use_failed",
    "missing_required_parameter"};

// Each pattern is the provider's own wording, long enough not to be met by chance.
constexpr std::array<std::string_view, 18> kUnsafe{
    "violating our usage policy",
    "as a result of our safety system",
    "as a result of the safety system",
    "the model produced invalid content",
    "response was filtered due to the prompt triggering",
    "content management policy",
    "content filtering policy",
    "content exists risk",
    "the response was blocked",
    "responsibleaipolicyviolation",
    "flagged for possible cybersecurity risk",  // OpenAI
    "unsafe or sensitive content",              // Z.ai, code 1301
    "不安全或敏感内容",                         // the same, at its Chinese address
    "put text may contain sensitive",           // Volcengine: input and output
    "put image may contain sensitive",          // the same
    "data may contain inappropriate content",   // Alibaba
    "new_sensitive (",                          // MiniMax: "input new_sensitive (1026)"
    "blocked by our content filters"};          // Bedrock, Amazon's image models
constexpr std::array<std::string_view, 31> kOutOfMoney{
    "insufficient balance",                        // DeepSeek, Z.ai, Moonshot
    "insufficient account balance",                // SiliconFlow
    "insufficient credit",                         // OpenRouter
    "insufficient funds",                          // gateways
    "insufficient_quota",                          // gateways that quote OpenAI's body
    "credit balance is too low",                   // Anthropic: 400
    "billing hard limit",                          // OpenAI
    "spend limit",                                 // Anthropic
    "spending limit",                              // xAI, Fireworks (412)
    "spending cap",                                // Gemini
    "out of credits",                              // gateways
    "not have enough credits",                     // gateways
    "requires more credits",                       // OpenRouter
    "doesn't have any credits",                    // xAI: 403
    "used all available credits",                  // xAI
    "credits are depleted",                        // Gemini, prepaid
    "exceeded your monthly included credits",      // Hugging Face
    "please check your plan and billing details",  // OpenAI, Moonshot, at whatever status
    "key limit exceeded",                          // OpenRouter, the credit of one key: 403
    "account is overdue",                          // Alibaba, Volcengine
    "balance is insufficient",                     // gateways
    "usage limit has been reached",                // ChatGPT plans
    "reached your specified",                      // Anthropic, a limit of one's own: 400
    "overdue balance",                             // Volcengine
    "not enough balance",                          // Novita
    "credit limit exceeded",                       // Together
    "free tier of the model has been exhausted",   // Alibaba
    "余额不足或无可用资源包",                      // Z.ai, code 1113: no balance, no package
    "账户已欠费",                                  // the same: the account is in arrears
    "用户额度不足",     // new-api, one-api: the user's quota is not enough
    "令牌额度已用尽"};  // the same: the key's is used up
// An outage in words, where the status is a 400 and no identifier says it.
constexpr std::array<std::string_view, 7> kOutage{
    "is overloaded",       "currently overloaded",   "temporarily overloaded",
    "service unavailable", "service is unavailable", "temporarily unavailable",
    "server is busy"};
// Refusals with the status of a bad key, of what was asked.
constexpr std::array<std::string_view, 3> kRefusedModels{
    "model_permission_blocked_project",  // Groq: 403
    "model_permission_blocked_org",      // the same
    "model_not_available"};              // gateways
constexpr std::array<std::string_view, 7> kThisPrompt{
    "was flagged",          // OpenRouter, moderation: 403
    "requires moderation",  // the same
    "guardrail",            // OpenRouter, Bedrock
    "usage guidelines",     // xAI, content: 403
    "content policy",       // gateways
    "safety check",         // xAI
    "fewer max_tokens"};    // OpenRouter: 402, what is left does not suffice for this one
constexpr std::array<std::string_view, 4> kThisModel{
    "have access to model",  // OpenAI: "does not", 403
    "access to the model",   // Groq, Bedrock
    "model is not allowed",  // gateways
    "blocked at the "};      // Groq: "project level", "organization level"
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

bool is_quoting(const ErrorEvidence& evidence) {
    return std::any_of(kQuoting.begin(), kQuoting.end(),
                       [&](std::string_view code) { return names(evidence, code); });
}

/// Whether an identifier stands for a status of this kind.
template <class Kind>
bool names_status(const ErrorEvidence& evidence, Kind&& kind) {
    // An error has two identifiers or so, of which most differ in length from most of the known
    // ones.
    for (const auto& code : evidence.codes) {
        for (const auto& named : kNamedStatuses) {
            if (named.code == code && kind(named)) return true;
        }
    }
    return false;
}

/// Without what stands in quotes: an echo of the request is not the provider's word. The apostrophe
/// in "model's" quotes nothing.
std::string own_words(std::string_view message) {
    std::string own;
    char open = 0;
    for (std::size_t i = 0; i < message.size(); ++i) {
        const char c = message[i];
        const bool inside_word = i > 0 && message[i - 1] >= 'a' && message[i - 1] <= 'z';
        if (open != 0) {
            if (c == open) open = 0;
        } else if (c == '"' || c == '`' || (c == '\'' && !inside_word)) {
            open = c;
        } else {
            own += c;
        }
    }
    return own;
}

/// In words of its own.
template <std::size_t N>
bool says_itself(const ErrorEvidence& evidence, const std::array<std::string_view, N>& patterns) {
    const auto own = own_words(evidence.message);
    return std::any_of(patterns.begin(), patterns.end(), [&](std::string_view words) {
        return own.find(words) != std::string::npos;
    });
}

bool says_out_of_money(const ErrorEvidence& evidence) {
    if (is_quoting(evidence)) return false;
    // Gemini speaks of plan and billing in its limits per minute too; there the quota's name tells.
    const bool throttled = names_throttling(evidence);
    const auto own = own_words(evidence.message);
    return std::any_of(kOutOfMoney.begin(), kOutOfMoney.end(), [&](auto words) {
        if (throttled && words.starts_with("please check your plan")) return false;
        return own.find(words) != std::string::npos;
    });
}

}  // namespace

bool names_cause(const ErrorEvidence& evidence, FailureClass failure) {
    return std::any_of(kCauses.begin(), kCauses.end(), [&](const KnownCode& known) {
        return known.failure == failure && names(evidence, known.code);
    });
}

bool says_too_long(const ErrorEvidence& evidence) {
    return !is_quoting(evidence) && says_prompt_too_long(evidence.message);
}

bool says_unsafe(const ErrorEvidence& evidence) {
    return says_any(evidence, kUnsafe);
}

bool says_this_prompt(const ErrorEvidence& evidence) {
    return names_cause(evidence, FailureClass::content_filter) ||
           names_cause(evidence, FailureClass::context_length) || says_unsafe(evidence) ||
           says_itself(evidence, kThisPrompt);
}

bool says_this_request(const ErrorEvidence& evidence) {
    const bool model = std::any_of(kRefusedModels.begin(), kRefusedModels.end(),
                                   [&](std::string_view code) { return names(evidence, code); });
    return model || names_cause(evidence, FailureClass::not_found) || says_this_prompt(evidence) ||
           says_itself(evidence, kThisModel);
}

bool names_throttling(const ErrorEvidence& evidence) {
    const bool family = std::any_of(
        evidence.codes.begin(), evidence.codes.end(),
        [](const std::string& code) { return code.starts_with("throttling."); });  // Alibaba
    return family ||
           names_status(evidence, [](const NamedStatus& named) { return named.status == 429; });
}

unsigned outage_named(const ErrorEvidence& evidence) {
    for (const unsigned status : {503U, 504U}) {
        if (names_status(evidence,
                         [&](const NamedStatus& named) { return named.status == status; })) {
            return status;
        }
    }
    return 0;
}

bool says_outage(const ErrorEvidence& evidence) {
    if (is_quoting(evidence)) return false;
    const auto own = own_words(evidence.message);
    return own == "overloaded" || std::any_of(kOutage.begin(), kOutage.end(), [&](auto words) {
               return own.find(words) != std::string::npos;
           });
}

bool is_out_of_quota(unsigned status, const ErrorEvidence& evidence) {
    if (names_cause(evidence, FailureClass::quota)) return true;
    const bool per_day = std::any_of(
        evidence.codes.begin(), evidence.codes.end(),
        [](const std::string& code) { return code.find("perday") != std::string::npos; });
    if (per_day || says_out_of_money(evidence)) return true;
    // Any other wording only where the status itself is about an amount.
    return status == 429 && !names_throttling(evidence) &&
           evidence.says("exceeded your current quota");
}

bool says_too_large_for_tier(const ErrorEvidence& evidence) {
    return says_any(evidence, kTooLargeForTier);
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

}  // namespace understudy::wire
