// Answers that originate here and not at an upstream: OpenAI's error shape with stable codes.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace understudy::proxy {

/// Whose error shape the client's library reads.
enum class ErrorShape : std::uint8_t { openai, anthropic, google };

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
    std::string_view allow;            // for 405
    std::string_view upgrade;          // for 426
    std::string_view accept_encoding;  // for 415
    ErrorShape shape = ErrorShape::openai;
};

/// 503 `overloaded`, with a second to wait: a limit of this process is reached, which the message
/// names.
LocalError overloaded(std::string message);
/// The same for `limits.memory`.
LocalError out_of_memory();
/// The same for `limits.connections`.
LocalError out_of_places();

/// {"error":{"message":...,"type":"understudy_error","param":...,"code":...}}, or what the error's
/// shape has in its place; only Anthropic's names the request.
std::string to_json(const LocalError& error, std::string_view request_id = {});

/// The standard reason phrase of a status; "Error" where it has none (529).
std::string_view reason_phrase(unsigned status);

}  // namespace understudy::proxy
