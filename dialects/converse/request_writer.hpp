// A talk as the body of Bedrock's Converse and ConverseStream, which are the same: the model and
// the wish for a stream stand in the path, and are the caller's. Pure.
// https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html
#pragma once

#include "dialects/ids.hpp"
#include "dialects/talk.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace understudy::dialects::converse {

struct Manner {
    std::string_view model;        // decides what it takes; may be an ARN or an inference profile
    std::uint64_t max_output = 0;  // tokens that the model can write; 0: unknown
};

/// Appends the body. What it cannot say is a problem; what is lost is named in `talk.dropped`.
std::optional<Problem> write_request(Talk& talk, const Manner& manner, ToolNames& names,
                                     std::string& body);

}  // namespace understudy::dialects::converse
