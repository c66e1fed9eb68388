#include "wire/error_names.hpp"

namespace understudy::wire {

// An error that has no status, of a stream, is none of the client's making either.
static bool is_clients(unsigned status) {
    return status >= 400 && status < 500;
}

std::string_view anthropic_error_type(unsigned status) {
    switch (status) {
        case 401:
            return "authentication_error";
        case 402:
            return "billing_error";
        case 403:
            return "permission_error";
        case 404:
            return "not_found_error";
        case 413:
            return "request_too_large";
        case 429:
            return "rate_limit_error";
        case 503:
        case 529:
            return "overloaded_error";
        case 504:
            return "timeout_error";
        default:
            return is_clients(status) ? "invalid_request_error" : "api_error";
    }
}

std::string_view google_error_status(unsigned status) {
    const auto named = named_google_status(status);
    return named.empty() ? "INVALID_ARGUMENT" : named;
}

std::string_view named_google_status(unsigned status) {
    switch (status) {
        case 401:
            return "UNAUTHENTICATED";
        case 403:
            return "PERMISSION_DENIED";
        case 404:
            return "NOT_FOUND";
        case 409:
            return "ABORTED";
        case 402:  // there is no other word for what was not paid
        case 429:
            return "RESOURCE_EXHAUSTED";
        case 499:
            return "CANCELLED";
        case 500:
            return "INTERNAL";
        case 501:
            return "UNIMPLEMENTED";
        case 408:
        case 504:
            return "DEADLINE_EXCEEDED";
        default:
            return is_clients(status) ? "" : "UNAVAILABLE";
    }
}

}  // namespace understudy::wire
