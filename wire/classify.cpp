#include "wire/classify.hpp"

#include "wire/error_evidence.hpp"
#include "wire/known_errors.hpp"

#include <algorithm>
#include <string_view>

namespace understudy::wire {
namespace {

bool is_budget_denial(unsigned status, const ErrorEvidence& evidence) {
    if (names_cause(evidence, FailureClass::budget)) return true;
    return (status == 400 || status == 429) && evidence.says("budget has been exceeded!");
}

// 400, 413 and 422: the request itself is refused; why?
FailureClass classify_refusal(unsigned status, const ErrorEvidence& evidence) {
    if (status == 413 && says_too_large_for_tier(evidence)) {
        return FailureClass::rate_limit;
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
    if (status != 400) return FailureClass::bad_request;
    if (says_unsafe(evidence)) return FailureClass::content_filter;
    // Some say 400 when they are out of order themselves.
    if (const auto outage = outage_named(evidence); outage != 0) {
        return outage == 504 ? FailureClass::timeout : FailureClass::server_error;
    }
    return says_outage(evidence) ? FailureClass::server_error : FailureClass::bad_request;
}

FailureClass classify_client_error(unsigned status, const ErrorEvidence& evidence) {
    if (is_budget_denial(status, evidence)) return FailureClass::budget;
    if (status == 402 || is_out_of_quota(status, evidence)) return FailureClass::quota;
    if (names_throttling(evidence)) return FailureClass::rate_limit;
    switch (status) {
        case 401:
        case 403:
            return FailureClass::auth;
        case 404:
            return FailureClass::not_found;
        case 408:
            return FailureClass::timeout;
        case 409:  // a conflict, too early: what the official SDKs try again
        case 425:
            return FailureClass::server_error;
        case 424:  // Bedrock: its model failed, which is none of the request's doing
            return status_named_by(evidence) >= 500 ? FailureClass::server_error
                                                    : FailureClass::bad_request;
        case 429:
        case 498:  // Groq: no capacity left for flex processing
            return FailureClass::rate_limit;
        case 400:
        case 413:
        case 422:
            return classify_refusal(status, evidence);
        default:
            return FailureClass::bad_request;
    }
}

// Another proxy of this kind has seen the request come back to it: it would do so each time.
bool is_a_loop(unsigned status, const ErrorEvidence& evidence) {
    return status == 508 && std::find(evidence.codes.begin(), evidence.codes.end(),
                                      "loop_detected") != evidence.codes.end();
}

FailureClass classify(unsigned status, const ErrorEvidence& evidence) {
    if (is_a_loop(status, evidence)) return FailureClass::bad_request;
    if (status >= 500 && names_throttling(evidence)) return FailureClass::rate_limit;
    if (status == 504 || status == 524) return FailureClass::timeout;
    if (status >= 500) return FailureClass::server_error;
    return classify_client_error(status, evidence);
}

bool is_html(std::string_view body, const ErrorHead& head) {
    const auto first = body.find_first_not_of(" \t\r\n");
    return iequals(head.content_type.substr(0, 9), "text/html") ||
           (first != std::string_view::npos && body[first] == '<');
}

}  // namespace

FailureClass classify_status(unsigned status, std::string_view body, const ErrorHead& head) {
    if (status >= 200 && status < 300) return FailureClass::none;
    // A redirect is neither an answer nor a word about the request: it says that nobody is here.
    if (status < 400) return FailureClass::malformed;
    // A page comes from a proxy on the way; its words are not the provider's.
    auto evidence = is_html(body, head) ? ErrorEvidence{} : gather_evidence(body);
    add_identifier(evidence, head.aws_error_type);
    return classify(status, evidence);
}

bool is_about_account(std::string_view body, const ErrorHead& head) {
    return !is_html(body, head) && !says_this_request(gather_evidence(body));
}

bool is_about_prompt(std::string_view body, const ErrorHead& head) {
    return !is_html(body, head) && says_this_prompt(gather_evidence(body));
}

static FailureClass classify_inline(const ErrorEvidence& evidence) {
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

FailureClass classify_inline_error(std::string_view json) {
    return classify_inline(gather_evidence(json));
}

FailureClass classify_inline_error(const ErrorFacts& error) {
    return classify_inline(evidence_of(error));
}

unsigned status_named_in(const ErrorFacts& error) {
    return status_named_by(evidence_of(error));
}

unsigned status_of_inline_error(std::string_view json) {
    constexpr unsigned kBadGateway = 502;
    const auto evidence = gather_evidence(json);
    if (const auto named = status_named_by(evidence); named >= 400 && named <= 599) return named;
    switch (classify_inline_error(json)) {
        case FailureClass::quota:
        case FailureClass::budget:
        case FailureClass::rate_limit:
            return 429;
        case FailureClass::context_length:
        case FailureClass::content_filter:
        case FailureClass::bad_request:
            return 400;
        case FailureClass::auth:
            return 401;
        case FailureClass::not_found:
            return 404;
        case FailureClass::timeout:
            return 504;
        default:
            return kBadGateway;
    }
}

}  // namespace understudy::wire
