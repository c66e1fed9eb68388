// Answers that originate here and not at an upstream, with stable codes, in the error shape of the
// API that the client speaks.
#pragma once

#include "wire/dialect.hpp"

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace understudy::proxy {

/// An error of our own. The message says what was tried and what to do; it never holds a secret,
/// and says "rate limit" and the like only where it is true, because clients' libraries scan for
/// that.
struct LocalError {
    LocalError() = default;
    LocalError(unsigned s, std::string_view c, std::string m)
        : status(s), code(c), message(std::move(m)) {}
    unsigned status = 500;
    std::string_view code;  // static storage
    std::string message;
    std::string_view param;  // empty: null
    std::optional<std::chrono::seconds> retry_after;
    bool no_retry = false;                 // x-should-retry: false
    std::string_view allow;                // for 405
    std::string_view upgrade;              // for 426
    std::string_view accept_encoding;      // for 415
    std::optional<wire::Dialect> dialect;  // absent: that of the endpoint
};

/// 503 `overloaded`, with a second to wait: a limit of this process is reached, which the message
/// names.
LocalError overloaded(std::string message);
/// The same for `limits.memory`.
LocalError out_of_memory();
/// The same for `limits.connections`.
LocalError out_of_places();

/// OpenAI's {"error":{"message":...,"type":"understudy_error","param":...,"code":...}}, or what the
/// error's dialect, else `dialect`, has in its place. Anthropic's names the request, and has the
/// code among its details; so has Google's, with the wait beside it. Their types and states are
/// those that go with the status, which their libraries look at.
std::string to_json(const LocalError& error, wire::Dialect dialect = wire::Dialect::chat,
                    std::string_view request_id = {});

/// The standard reason phrase of a status; "Error" where it has none (529).
std::string_view reason_phrase(unsigned status);

}  // namespace understudy::proxy
