// A talk as the body of a request to OpenAI's Responses. Pure.
// https://platform.openai.com/docs/api-reference/responses/create
#pragma once

#include "dialects/ids.hpp"
#include "dialects/talk.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace understudy::dialects::responses {

struct Manner {
    std::string_view model;
    std::uint64_t max_output = 0;  // tokens that it can write; 0: unknown
};

/// Appends the body; nothing of the conversation is to be kept there. What it cannot say is a
/// problem; what is lost is named in `talk.dropped`.
std::optional<Problem> write_request(Talk& talk, const Manner& manner, ToolNames& names,
                                     std::string& body);

}  // namespace understudy::dialects::responses
