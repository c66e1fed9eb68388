// The place where one answer's text goes on in another's: takes the second text piece by piece,
// holds it until it is clear how much of it the client has already, and lets the rest pass. Pure;
// one per continuation; after it has opened nothing is looked at any more, unless the second text
// was put in quotes or a block (wrapping.hpp): then what may close those is held until more
// follows.
//
// What is held is bounded: by what was sent, as long as it is the same from its beginning on, and
// else by a few times what a repetition of the last words can be long. What is not clear by then is
// decided as if no more came.
#pragma once

#include "proxy/rescue/ladder.hpp"
#include "proxy/rescue/overlap.hpp"
#include "proxy/rescue/wrapping.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace understudy::proxy::rescue {

class Seam {
  public:
    enum class State : std::uint8_t {
        holding,   // not decided yet: nothing may be sent
        open,      // the text goes on
        diverged,  // the second text is another answer: it does not fit behind the first
    };

    /// `sent`: the text that the client has; the caller passes it with every call, because it may
    /// move. Only its first `size` bytes count.
    Seam(Rung rung, std::string_view sent);

    /// A piece of the second text, in whole characters. Appends to `out` what the client is to get.
    State feed(std::string_view sent, std::string_view text, std::string& out);
    /// No more text comes; what is held is decided upon. What is fed nevertheless passes.
    State finish(std::string_view sent, std::string& out);
    /// More text follows, but not in this place: what is held since it opened is not to be left
    /// out.
    void let_go(std::string& out);

    State state() const noexcept { return state_; }
    /// It is open and holds nothing any more, so that nobody has to ask it.
    bool passes_all() const noexcept { return state_ == State::open && wrappers_.empty(); }
    /// Bytes of the second text that were left out.
    std::size_t dropped() const noexcept { return dropped_; }
    /// The second text began with all of the first.
    bool started_over() const noexcept { return started_over_; }
    std::size_t bytes() const noexcept { return held_.capacity() + end_.capacity(); }

  private:
    enum class Match : std::uint8_t { no, yes, pending, torn };

    bool adds_nothing(std::string_view text) const;
    std::string_view beginning() const;
    State decide(std::string_view sent, bool last, std::string& out);
    State decide_restart(std::string_view sent, bool last, std::string& out);
    State decide_overlap(std::string_view sent, bool last, std::string& out);
    Match match_all(std::string_view text, std::size_t lead);
    State go_on(std::string_view sent, std::size_t skip, bool last, std::string& out);
    State open(std::string_view sent, std::size_t skip, const Joint& joint, std::string& out);
    void pass(std::string_view text, std::string& out);
    void give(std::size_t bytes, std::string& out);
    void leave_out_closing(std::string& out);

    const Rung rung_;
    const std::size_t size_;  // of the text that was sent
    bool blank_;              // it is nothing but white space
    bool telling_;            // long and varied enough that repeating it is no accident
    State state_ = State::holding;
    std::string held_;
    std::vector<Wrapper> wrappers_;  // what was opened in front of the second text
    std::string end_;                // of the text so far: it may close those
    std::size_t matched_ = 0;  // of the text that was sent, and of held_, known to be the same
    std::size_t dropped_ = 0;
    bool started_over_ = false;
};

}  // namespace understudy::proxy::rescue
