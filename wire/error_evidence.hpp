// What an error body says about its cause, gathered from every place where providers put it and
// made comparable. Internal to this room; errors are rare, so this builds a JSON tree.
//
// Only fields that the provider writes are read. Places that echo the request (`input`,
// `flagged_input`, `failed_generation` ...) never are: a prompt must not decide about failover.
#pragma once

#include "wire/answer.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace understudy::wire {

struct ErrorEvidence {
    /// Identifiers in lower case, the most specific first: code, nested codes, status, type.
    std::vector<std::string> codes;
    /// The message in lower case, bounded.
    std::string message;
    /// The HTTP status that the body names, or 0.
    unsigned status = 0;
    /// Google's RetryInfo: how long to wait, as written ("34.4s"); empty when it does not say.
    std::string retry_delay;

    bool says(std::string_view text) const noexcept {
        return message.find(text) != std::string::npos;
    }
};

ErrorEvidence gather_evidence(std::string_view body);
/// What is left of that in an error that was read before.
ErrorEvidence evidence_of(const ErrorFacts& error);

/// Adds an identifier from elsewhere (a header field); nothing when it is empty. What AWS wraps
/// around one is taken off: "com.amazon.coral.service#ThrottlingException",
/// "ThrottlingException:http://internal.amazon.com/...".
void add_identifier(ErrorEvidence& evidence, std::string_view text);

}  // namespace understudy::wire
