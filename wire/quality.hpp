// Whether a whole answer, good by all the signs that decide about failures, is one that a client
// can use: it says something, to its end, does not refuse, is the JSON that was asked for, and
// calls only what was offered, as it was described. Asked only where a route falls back for such
// answers. Pure; any thread.
#pragma once

#include "wire/answer.hpp"
#include "wire/failure.hpp"
#include "wire/request_body.hpp"

#include <optional>
#include <string_view>

namespace understudy::wire {

struct QualityVerdict {
    FailureClass failure = FailureClass::none;  // one of kQualityClasses
    const char* what = "";                      // for logs; static, quotes nothing of the answer
    bool operator==(const QualityVerdict& other) const { return failure == other.failure; }
};

/// Larger answers are not judged: it would hold up everybody else.
inline constexpr std::size_t kMostJudged = 1 << 20;

/// The first of `asked` that is true of `answer`, looked for in this order: refusal, length, empty,
/// invalid_tool_call, invalid_json. Of several choices each must have something against it: the
/// client may take any. `facts` are those of `request`. In doubt an answer is good.
std::optional<QualityVerdict> judge_quality(AnswerShape shape, std::string_view request,
                                            const RequestFacts& facts, std::string_view answer,
                                            FailureSet asked);

}  // namespace understudy::wire
