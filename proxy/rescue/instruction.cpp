#include "proxy/rescue/instruction.hpp"

#include "proxy/rescue/anchor.hpp"

namespace understudy::proxy::rescue {

namespace {

/// An instructed model writes the last words again before it goes on, which is cut out: that must
/// not be the end of its limit.
constexpr std::uint64_t kAnchorTokens = 32;

}  // namespace

// Why the model repeats the last words: a new message never begins with white space or in the
// middle of a word, so without them nobody could say whether one ended where the answer broke.
std::string instruction_behind(std::string_view text) {
    std::string out =
        "Your last message was cut off by a lost connection. Finish it. Begin with its last words, "
        "written exactly as they stand between the marks, and go straight on from there: "
        "<last_words>";
    out += anchor_of(text);
    out +=
        "</last_words>\nRepeat nothing else of it. No introduction, no marks, no quotes, no "
        "ellipsis, not a word about the interruption. If nothing is missing behind these words, "
        "write only them.";
    return out;
}

std::uint64_t rest_of_limit(std::uint64_t tokens, std::uint64_t delivered, Rung rung) {
    const auto spare = rung == Rung::instruct ? kAnchorTokens : 0;
    const auto used = delivered > spare ? delivered - spare : 0;
    return tokens > used ? tokens - used : 1;
}

}  // namespace understudy::proxy::rescue
