// Whether a prompt is surely too long for a context window: so surely that nobody need be asked. An
// entry that is skipped although it could have answered is worse than one that is asked in vain, so
// all of this errs on the side of asking. Pure; any thread.
#pragma once

#include "wire/answer.hpp"
#include "wire/request_body.hpp"

#include <cstdint>
#include <string_view>

namespace understudy::wire {

/// The prompt of a body of so few bytes is never judged.
inline constexpr std::size_t kNeverTooLong = 4096;

/// By the size of its body alone. Nothing has more than a token in two bytes (a list of numbers),
/// and least_prompt() halves what it reads.
constexpr bool may_be_too_long(std::uint64_t body_bytes, std::uint64_t window) {
    return body_bytes / 4 > window;
}

/// Tokens that the prompt has at the very least: half the estimate of read_content(), which is
/// eight bytes of text for one. 0 for what has no prompt of one piece (a list of texts to embed),
/// and where the request lets the server shorten it.
std::uint64_t least_prompt(AnswerShape shape, std::string_view body, const RequestFacts& facts);

}  // namespace understudy::wire
