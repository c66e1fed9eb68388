// How Google says that an answer ended. Rows of data; pure.
// https://ai.google.dev/api/generate-content#FinishReason
#pragma once

#include "dialects/answer.hpp"

#include <string_view>

namespace understudy::dialects::gemini {

/// What a reason means for an answer without calls; one that is not known is a plain end.
Stop stop_of(std::string_view reason);
/// The model came to no answer: where nothing was said before it, that is an error.
bool is_in_vain(std::string_view reason);

}  // namespace understudy::dialects::gemini
