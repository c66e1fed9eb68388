// Of an answer in several choices: which of them have come to their end. One finish is not the end
// of the others.
#pragma once

#include "wire/answer.hpp"

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace understudy::wire {

class ChoiceEnds {
  public:
    /// More than any API gives at once. An answer with more is not known to have ended.
    static constexpr std::size_t kMost = 16'384;

    explicit ChoiceEnds(AnswerShape shape) noexcept : shape_(shape) {}
    /// What is known of the first choice, from when it seemed to be the only one.
    void first(bool said, bool ended);
    /// The next event with choices. What has been said behind a choice's end takes that back.
    void note(std::string_view data);
    /// Every choice that has said something has come to its end, and there is one that has.
    bool all_ended() const noexcept { return ended_ > 0 && open_ == 0 && !too_many_; }

  private:
    enum class State : std::uint8_t { silent, open, ended };
    void set(std::size_t index, bool says, bool ends);

    AnswerShape shape_;
    std::vector<State> states_;  // by index
    std::size_t open_ = 0;
    std::size_t ended_ = 0;
    bool too_many_ = false;
};

}  // namespace understudy::wire
