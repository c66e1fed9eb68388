// A character that is written as two escapes may be cut between two pieces of a stream. Some
// clients refuse a text with half of one: each piece is told without, and the half with the next.
#pragma once

#include "dialects/value.hpp"

#include <string>
#include <string_view>

namespace understudy::dialects {

/// What is held of one run of pieces; all texts are insides of JSON strings.
class Halves {
  public:
    bool any() const { return !half_.empty(); }

    /// tell(std::string_view) with what can be told of what was held and `content`, if anything.
    template <class Tell>
    void piece(std::string_view content, Tell&& tell) {
        const auto whole = tellable(content);
        if (half_.empty() && whole == content.size() && !has_lone_half(content)) [[likely]] {
            if (!content.empty()) tell(content);
            return;
        }
        if (content.empty()) return;
        std::string joined = half_;
        joined += content;
        const auto told = tellable(joined);
        half_ = joined.substr(told);
        mend_halves(joined, 0, told);
        if (told != 0) tell(std::string_view(joined).substr(0, told));
    }

    /// The run is over: what is still held has no other half.
    template <class Tell>
    void end(Tell&& tell) {
        if (half_.empty()) return;
        half_.clear();
        tell(std::string_view(kReplacement));
    }

  private:
    static constexpr const char* kReplacement = "\\ufffd";

    std::string half_;
};

}  // namespace understudy::dialects
