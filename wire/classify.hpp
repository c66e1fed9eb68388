// One pure function decides what an upstream's behaviour means. No clock, no sockets.
#pragma once

#include "wire/answer.hpp"
#include "wire/failure.hpp"
#include "wire/head.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>

namespace understudy::wire {

/// What the head of an answer says of its error beside the status. Views into the fields; empty
/// where they say nothing.
struct ErrorHead {
    ErrorHead() = default;
    ErrorHead(const Fields& fields)  // not explicit: whoever has the fields passes them
        : content_type(fields.find(FieldId::content_type)),
          aws_error_type(fields.find("x-amzn-errortype")) {}
    ErrorHead(std::string_view type, std::string_view aws_error)
        : content_type(type), aws_error_type(aws_error) {}

    std::string_view content_type;
    std::string_view aws_error_type;
};

/// The class of an answer with a non-2xx status. `body` is the (bounded) error body, decoded if it
/// was compressed. Order of evidence: the provider's identifiers (in the body, or in AWS's
/// x-amzn-errortype), then patterns in the provider's message that fit the status, then the status.
/// No credit left is quota at any 4xx, throttling that is named is rate_limit at any status, an
/// outage told in a 400 is server_error. 3xx is malformed: a redirect is never followed, and no
/// answer.
FailureClass classify_status(unsigned status, std::string_view body, const ErrorHead& head);

/// Whether a refusal (classes auth and quota) speaks of the account that asked. Not where the error
/// says that a safety system, the model or the size of this one request was in the way, and not
/// where it is a page, which something on the way has written. What says none of this does.
bool is_about_account(std::string_view body, const ErrorHead& head);

/// Whether it speaks of what the request says or asks for, and neither of who asked nor of a model
/// that this one may not use.
bool is_about_prompt(std::string_view body, const ErrorHead& head);

/// The class of an error object inside a 2xx (body or event): like classify_status with the status
/// that the error names, but what would be the client's fault in a plain answer keeps its class and
/// everything that cannot be told apart is `malformed`.
FailureClass classify_inline_error(std::string_view json);
/// The same of one that has been read.
FailureClass classify_inline_error(const ErrorFacts& error);

/// The status that it names, by its number or an identifier, or 0.
unsigned status_named_in(const ErrorFacts& error);

/// The status that an error inside a 2xx stands for, 400 to 599: the one that it names, else the
/// one its identifiers belong to, else 502: an answer that is none.
unsigned status_of_inline_error(std::string_view json);

/// How long the upstream asks to wait: retry-after-ms, else retry-after (seconds, fractions too, or
/// an HTTP date against `wall_now`), else the longest reset among its rate-limit fields, whatever
/// the suffix (x-ratelimit-reset-tokens-minute, anthropic-ratelimit-input-tokens-reset,
/// ratelimit-reset): one counts unless the field beside it ("remaining" for "reset") has more than
/// 0 left or ("status") is not "rejected". Seconds, Go durations, RFC 3339 dates and Unix times are
/// read. nullopt when nothing usable is there; negative waits count as 0, but a reset of 0 or less
/// says nothing; everything is capped at 24 h.
std::optional<std::chrono::milliseconds> retry_after(
    const Fields& fields, std::chrono::system_clock::time_point wall_now);

/// Whether a field of this name tells how an upstream's limits stand: those that are looked at
/// above, and their kin.
bool is_rate_limit_field(std::string_view name);

/// The wait in the details of a Google error (google.rpc.RetryInfo: "retryDelay":"34.4s"); nullopt
/// when there is none. Same cap.
std::optional<std::chrono::milliseconds> retry_delay(std::string_view body);

}  // namespace understudy::wire
