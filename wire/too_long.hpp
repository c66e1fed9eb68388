// Whether an upstream's words mean that the prompt does not fit the model's context window.
//
// Only the words: whether a status, an identifier or a quoted parameter allows them to be asked is
// classify's to decide. Internal to this room; errors are rare.
#pragma once

#include <string_view>

namespace understudy::wire {

/// `message` is what the provider says, in lower case. True for the wordings that providers are
/// known to use, and for others that say the same: something of the prompt, measured in tokens, is
/// beyond a limit. Never for complaints about the length of the answer that was asked for
/// ("max_tokens is too large"), of single fields, or about limits per minute.
bool says_prompt_too_long(std::string_view message);

}  // namespace understudy::wire
