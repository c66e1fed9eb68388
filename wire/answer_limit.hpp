// How long an answer the client allows, and how many: what it may cost at most is known before it
// is asked for. Pure; any thread.
#pragma once

#include "wire/request_body.hpp"

#include <cstdint>
#include <optional>
#include <string_view>

namespace understudy::wire {

struct AnswerLimit {
    std::optional<std::uint64_t> tokens;  // of one answer, reasoning included; none: it names none
    std::uint64_t answers = 1;            // asked for at once, to all prompts together
    std::string_view tier;                // of service, as asked for; empty: none
    bool operator==(const AnswerLimit&) const = default;
};

/// The members of every API are looked for; where several say it, the largest counts. `facts` are
/// those of `body`.
AnswerLimit answer_limit(std::string_view body, const RequestFacts& facts);
/// Whether a top-level member of this name limits the answer's tokens.
bool limits_answer(std::string_view name);

}  // namespace understudy::wire
