// What went wrong at an upstream, whatever it called it, and what each API calls that: one table
// for all dialects, in both directions, in plain answers and inside of streams. Clients' libraries
// decide by these words whether to ask again. Pure.
#pragma once

#include "wire/answer.hpp"
#include "wire/failure.hpp"

#include <cstdint>
#include <string_view>

namespace understudy::wire {

enum class ErrorKind : std::uint8_t {
    bad_request,
    too_large,       // in bytes
    context_length,  // in tokens
    content_filter,
    auth,
    permission,
    billing,
    not_found,
    conflict,
    rate_limit,
    timeout,
    overloaded,
    server,  // it is their fault, and nobody knows more
};

/// What an error of a kind is called. Static storage.
struct ErrorWords {
    ErrorKind kind;
    unsigned status;               // where the error has none itself
    std::string_view openai_type;  // error.type
    std::string_view openai_code;  // error.code; empty: null
    std::string_view anthropic;    // error.type
    std::string_view google;       // error.status
};
const ErrorWords& words_of(ErrorKind kind);

/// The kind of an error, and the status that it has or would have had.
struct ErrorCause {
    ErrorKind kind = ErrorKind::server;
    unsigned status = 0;
    /// Inside a stream it was about a key, which was good when the stream began: whatever it calls
    /// that is not for the client, which would ask its user for another key, or log out.
    bool of_key = false;

    const ErrorWords& words() const { return words_of(kind); }
    /// Google's word is finer than the kind where the status has one that says the same.
    std::string_view google() const;
};

/// Of a failure that has been classified already, by its body and head, and its status.
ErrorCause cause_of(FailureClass failure, unsigned status);
/// Of an error inside a stream, by its words. One about a key is the server's there.
ErrorCause cause_of(const ErrorFacts& error);

/// An error inside an answer refuses the key that it was asked with, or its account, and not this
/// one request (what it says, which model it asks for).
bool refuses_key(std::string_view json);

}  // namespace understudy::wire
