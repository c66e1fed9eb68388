// Reads what Bedrock's Converse answers, whole, or the messages of ConverseStream's event stream.
// One reader belongs to one attempt, and to its thread.
// https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ConverseStream.html
#pragma once

#include "dialects/answer.hpp"

#include <memory>
#include <string>
#include <string_view>

namespace understudy::dialects::converse {

/// Events as wire::EventStreamText has them: by their :event-type, and exceptions as an `error`
/// that has its `__type`. The answers name neither themselves nor their model: `id`, an inside of a
/// JSON string, is told for them; whose seals they bear is told by `model`, as it was asked for.
std::unique_ptr<AnswerReader> make_reader(std::string id, std::string_view model);

}  // namespace understudy::dialects::converse
