// What providers call their errors, as data, and the questions that classify asks of it. Names are
// compared whole; phrases are searched for in the provider's own message only. What is on no list
// says nothing, and the status decides. Internal to this room; errors are rare.
#pragma once

#include "wire/failure.hpp"

namespace understudy::wire {

struct ErrorEvidence;

/// Whether an identifier names this very cause.
bool names_cause(const ErrorEvidence& evidence, FailureClass failure);
/// Whether an identifier names throttling.
bool names_throttling(const ErrorEvidence& evidence);
/// The status that the error stands for by its number or an identifier, or 0.
unsigned status_named_by(const ErrorEvidence& evidence);
/// The status of an outage that a 400 names, or 0. Only what names a state of the service: many
/// call all of their errors "server_error" or "api_error".
unsigned outage_named(const ErrorEvidence& evidence);
/// The same in words.
bool says_outage(const ErrorEvidence& evidence);
/// No credit left: nothing but the account's owner can cure it.
bool is_out_of_quota(unsigned status, const ErrorEvidence& evidence);
/// The prompt does not fit; not in complaints about one parameter, which quote the request.
bool says_too_long(const ErrorEvidence& evidence);
/// A safety system refused.
bool says_unsafe(const ErrorEvidence& evidence);
/// A refusal (401, 402, 403) of what this one request says or asks for, whoever had sent it.
bool says_this_prompt(const ErrorEvidence& evidence);
/// The same of that or of its model: it says nothing of the account.
bool says_this_request(const ErrorEvidence& evidence);
/// Groq: more tokens in one request than its tier has per minute.
bool says_too_large_for_tier(const ErrorEvidence& evidence);

}  // namespace understudy::wire
