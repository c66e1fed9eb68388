// What a whole answer of Bedrock's Converse says, or one event of its stream, as far as an attempt
// is judged by it. Pure.
// https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ConverseStream.html
#pragma once

#include "wire/answer.hpp"

#include <optional>
#include <string_view>

namespace understudy::wire {

struct ConverseFindings {
    bool has_message = false;       // output.message.content is a list
    bool has_content = false;       // with something in it
    bool starts_block = false;      // `start` announces something: a call by its name
    std::string_view stop_reason;   // raw string content, slice of the text; empty when absent
    std::string_view service_tier;  // likewise: serviceTier.type
    std::optional<Usage> usage;
};

/// Of JSON that has been found to be whole; what it does not have stays as it is.
ConverseFindings walk_converse(std::string_view object);

}  // namespace understudy::wire
