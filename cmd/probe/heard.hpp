// What became of one question to an upstream, as far as a verdict needs it, and the sentences that
// are made of it. Pure.
#pragma once

#include "cmd/probe/models.hpp"
#include "config/config.hpp"
#include "wire/failure.hpp"

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace understudy::cmd::probe {

/// The outcome of one exchange. Text of the upstream's is as it came: say it with proxy::quoted().
struct Heard {
    wire::FailureClass failure = wire::FailureClass::none;
    unsigned status = 0;   // 0: no answer
    std::string detail;    // of the attempt: "connect 127.0.0.1:9: connection refused"
    std::string location;  // of a redirect
    std::string body;      // the beginning of it
    bool good() const { return failure == wire::FailureClass::none && status != 0; }
};

/// The answer to GET {base}/models.
struct Listing {
    Heard heard;
    bool read = false;  // it was a list
    Names names;        // those that a configuration could name
};

/// The answer to one chat request.
struct Told {
    Heard heard;
    bool streams = false;
    bool usage = false;
    bool refuses_stream_options = false;  // all else is what it said without
    std::optional<std::chrono::milliseconds> first_token;
};

/// How far a question came.
enum class Step { proxy, resolve, connect, handshake, answer };

/// The step at which it ended; `proxy`: the way to the upstream was not opened; `answer` where all
/// before were taken, whatever came.
Step reached(const Heard& heard, bool tls);

/// Whether a handshake that failed shows that TLS is spoken there: a certificate was read, or the
/// server sent an alert.
bool speaks_tls(const Heard& heard);

/// What an error body says to people; empty where it says nothing in one of the usual members.
std::string error_message(std::string_view body);

/// Every occurrence of a credential that the configuration has for this upstream becomes "***".
std::string without_secrets(std::string text, const config::Upstream& upstream);

/// Whether the configuration has a credential for it, as `api_key` or in a header.
bool has_credential(const config::Upstream& upstream);

/// Why no answer came and what to do about it. For heard.status == 0.
std::string explain_silence(const config::Upstream& upstream, const Heard& heard);

/// `HTTP 404: "the message"`, or whatever else there is to quote.
std::string quote_answer(const config::Upstream& upstream, const Heard& heard);

/// Why an answer of this class is none and what to do about it; the auth, not_found and bad_request
/// classes are the caller's, who knows the model.
std::string explain_failure(const config::Upstream& upstream, const Heard& heard);

/// What a 401 or 403 means here.
std::string explain_refusal(const config::Upstream& upstream, const Heard& heard);

}  // namespace understudy::cmd::probe
