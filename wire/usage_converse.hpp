// Token counts of Bedrock's Converse into OpenAI's meaning. Pure.
// https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_TokenUsage.html
#pragma once

#include "wire/answer.hpp"

#include <optional>
#include <string_view>

namespace understudy::wire {

/// parse_usage() for the `usage` of Converse, whose input is what the cache had no part in.
std::optional<Usage> parse_converse_usage(std::string_view usage_json);

}  // namespace understudy::wire
