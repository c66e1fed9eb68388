// What the prompt of a request is made of: text, images, documents, audio, and what the server has
// already. For who holds money for it; another walk over a body that has been scanned. Pure; any
// thread.
#pragma once

#include "wire/request_body.hpp"
#include "wire/text_size.hpp"

#include <string_view>

namespace understudy::wire {

/// `facts` are those of `body`. The descriptions of tools count as they are. A conversation or a
/// cached text that the request goes on with is one thing referenced. A body that is no JSON object
/// holds nothing that is known.
TextSize read_prompt(std::string_view body, const RequestFacts& facts);

/// Tokens of its text, estimated as RequestContent::prompt_tokens.
std::uint64_t text_tokens(const TextSize& prompt);

}  // namespace understudy::wire
