// OpenAI's chat completions: their requests read and written, their answers read and written.
// https://platform.openai.com/docs/api-reference/chat
#pragma once

#include "dialects/answer.hpp"
#include "dialects/ids.hpp"
#include "dialects/talk.hpp"

#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace understudy::dialects::chat {

/// Reads a request's body, which is one JSON object. What it asks for beyond what a talk can hold
/// is a problem, or named among what is dropped.
std::optional<Problem> read_request(Value body, Talk& talk);

/// How one server wants its requests.
struct Manner {
    std::string_view model;
    bool completion_tokens = false;  // `max_completion_tokens`, not `max_tokens`
    bool ask_usage = true;           // stream_options.include_usage is understood
    bool developer = false;          // the role `developer` is; else it is `system`
    bool nine_letter_ids = false;    // ids of calls are nine letters and digits
    std::string_view thinking;       // the member that takes thoughts back, or none
    std::uint64_t max_output = 0;    // tokens that the model can write; 0: unknown
};

/// The request for one server. Custom tools become functions; their names stay the client's
/// writer's to know.
std::optional<Problem> write_request(Talk& talk, const Manner& manner, ToolNames& names,
                                     std::string& body);

std::unique_ptr<AnswerReader> make_reader();

/// `tools` outlives the writer.
std::unique_ptr<AnswerWriter> make_writer(const Told& told, const ClientTools& tools);

}  // namespace understudy::dialects::chat
