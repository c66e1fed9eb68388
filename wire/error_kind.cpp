#include "wire/error_kind.hpp"

#include "wire/classify.hpp"
#include "wire/error_names.hpp"

#include <array>

namespace understudy::wire {
namespace {

using enum ErrorKind;

// By the value of the enum. Bills are a matter of 402 at Anthropic, of 429 everywhere else.
constexpr std::array kWords{
    ErrorWords{bad_request, 400, "invalid_request_error", "", "invalid_request_error",
               "INVALID_ARGUMENT"},
    ErrorWords{too_large, 413, "invalid_request_error", "", "request_too_large",
               "INVALID_ARGUMENT"},
    ErrorWords{context_length, 400, "invalid_request_error", "context_length_exceeded",
               "invalid_request_error", "INVALID_ARGUMENT"},
    ErrorWords{content_filter, 400, "invalid_request_error", "content_policy_violation",
               "invalid_request_error", "INVALID_ARGUMENT"},
    ErrorWords{auth, 401, "invalid_request_error", "invalid_api_key", "authentication_error",
               "UNAUTHENTICATED"},
    ErrorWords{permission, 403, "invalid_request_error", "", "permission_error",
               "PERMISSION_DENIED"},
    ErrorWords{billing, 429, "insufficient_quota", "insufficient_quota", "billing_error",
               "RESOURCE_EXHAUSTED"},
    ErrorWords{not_found, 404, "invalid_request_error", "model_not_found", "not_found_error",
               "NOT_FOUND"},
    ErrorWords{conflict, 409, "server_error", "", "conflict_error", "ABORTED"},
    ErrorWords{rate_limit, 429, "rate_limit_error", "rate_limit_exceeded", "rate_limit_error",
               "RESOURCE_EXHAUSTED"},
    ErrorWords{timeout, 504, "server_error", "", "timeout_error", "DEADLINE_EXCEEDED"},
    ErrorWords{overloaded, 503, "service_unavailable_error", "server_is_overloaded",
               "overloaded_error", "UNAVAILABLE"},
    ErrorWords{server, 500, "server_error", "", "api_error", "INTERNAL"},
};

ErrorKind kind_of_outage(unsigned status) {
    if (status == 409) return conflict;
    if (status == 503 || status == 529) return overloaded;
    // Whoever tells an outage with the status of a bad request has said in words that it is one.
    return status == 400 ? overloaded : server;
}

ErrorKind kind_of(FailureClass failure, unsigned status) {
    switch (failure) {
        case FailureClass::rate_limit:
            return rate_limit;
        case FailureClass::quota:
        case FailureClass::budget:
            return billing;
        case FailureClass::auth:
            return status == 403 ? permission : auth;
        case FailureClass::not_found:
            return not_found;
        case FailureClass::context_length:
            return context_length;
        case FailureClass::content_filter:
            return content_filter;
        case FailureClass::timeout:
            return timeout;
        case FailureClass::bad_request:
            if (status >= 500) return server;  // a loop
            return status == 413 ? too_large : bad_request;
        default:
            return kind_of_outage(status);
    }
}

}  // namespace

const ErrorWords& words_of(ErrorKind kind) {
    return kWords[static_cast<std::size_t>(kind)];
}

std::string_view ErrorCause::google() const {
    const auto of_status = kind_of(classify_status(status, {}, {}), status);
    const auto named = named_google_status(status);
    return of_status == kind && !named.empty() ? named : words().google;
}

ErrorCause cause_of(FailureClass failure, unsigned status) {
    // That an answer is none says nothing of why: an error in place of one has a status of its own.
    if (failure == FailureClass::malformed) failure = classify_status(status, {}, {});
    return {kind_of(failure, status), status, false};
}

ErrorCause cause_of(const ErrorFacts& error) {
    const auto named = status_named_in(error);
    const auto failure = classify_inline_error(error);
    const auto kind = kind_of(failure, named);
    if (kind == auth || kind == permission) return {server, words_of(server).status, true};
    return {kind, named != 0 ? named : words_of(kind).status, false};
}

bool refuses_key(std::string_view json) {
    return cause_of(parse_error_body(json)).of_key && is_about_account(json, {});
}

}  // namespace understudy::wire
