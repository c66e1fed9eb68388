// The members of answers that OpenAI's API does not have: Anthropic's blocks and ends, Google's
// candidates. The part of walk_answer that is apart, so that the way of OpenAI's chunks stays
// short. Internal to wire.
#pragma once

#include "wire/answer_walk.hpp"

#include <string_view>

namespace understudy::wire {

/// At the value of a top-level member `key`: takes it, and notes what it says if it is one of these
/// (delta as an object, content_block, stop_reason, candidates, promptFeedback, usageMetadata).
bool walk_native(JsonCursor& in, std::string_view key, AnswerFindings& found);

}  // namespace understudy::wire
