// Corrects a usage object in an answer: the counts become others, whatever else the provider says
// in it stays. Pure.
#pragma once

#include "wire/answer.hpp"
#include "wire/request_body.hpp"

#include <string_view>
#include <vector>

namespace understudy::wire {

/// Appends the edits that make the usage object at `usage` of `data` say `truth`: prompt,
/// completion and their total, under whatever names the object has them; parts of the prompt
/// (cached tokens) and the reasoning are those of `truth`.
/// Members that are not there are not made up.
void correct_usage(std::string_view data, Span usage, const Usage& truth, std::vector<Edit>& edits);

}  // namespace understudy::wire
