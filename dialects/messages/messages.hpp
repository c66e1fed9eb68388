// Anthropic's Messages: their requests read and written, their answers read and written.
// https://docs.anthropic.com/en/api/messages
#pragma once

#include "dialects/answer.hpp"
#include "dialects/ids.hpp"
#include "dialects/talk.hpp"
#include "wire/error_kind.hpp"

#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace understudy::dialects::messages {

/// Reads a request's body, which is one JSON object.
std::optional<Problem> read_request(Value body, Talk& talk);

/// The request for `model`. `max_output`: tokens that it can write, where that is known better than
/// by its family; 0: it is not.
std::optional<Problem> write_request(Talk& talk, std::string_view model, std::uint64_t max_output,
                                     ToolNames& names, std::string& body);

std::unique_ptr<AnswerReader> make_reader();

/// `tools` outlives the writer.
std::unique_ptr<AnswerWriter> make_writer(const Told& told, const ClientTools& tools);

/// An upstream's error as a client of this API reads it. `request_id`: of the request that was
/// refused; inside of a stream there is none.
std::string write_error(const wire::ErrorFacts& error, const wire::ErrorCause& cause,
                        std::string_view request_id = {});

}  // namespace understudy::dialects::messages
