// The text of a second answer on its way into the first one, whatever API it comes in: held at the
// seam, joined there, and counted. One per rescue; pure.
#pragma once

#include "proxy/rescue/ladder.hpp"
#include "proxy/rescue/seam.hpp"
#include "proxy/rescue/transcript.hpp"
#include "wire/answer.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace understudy::proxy::rescue {

class Passage {
  public:
    /// `first` outlives this; what it holds now is what the client has. `asked_tokens`: of the
    /// client's own prompt, by an estimate; 0: there is none.
    Passage(const Transcript& first, Rung rung, std::uint64_t asked_tokens = 0);

    /// Where the text of the next event is appended, exactly: a half of a character that was kept
    /// of the last one stands in it already.
    std::string& next();
    /// What was appended comes to the seam; what the client is to get of it is appended to `out`.
    /// `last`: no more text follows.
    void pass(bool last, std::string& out);
    /// What follows stands in another place of the answer: what is held since the seam opened is
    /// the end of the text in this one, and appended to `out`.
    void let_go(std::string& out);

    /// Nothing is held, now or later: whoever wants to may pass the text on unread.
    bool passes_all() const noexcept { return seam_.passes_all(); }
    bool open() const noexcept { return seam_.state() == Seam::State::open; }
    bool diverged() const noexcept { return seam_.state() == Seam::State::diverged; }
    std::size_t bytes() const noexcept {
        return seam_.bytes() + ends_.capacity() * sizeof(ends_.front());
    }

    /// What the client would have been told of one stream, of which the second provider reports
    /// `second`: the prompt once, and the completion that it was given. The prompt is the first
    /// one's where that said it, with what the cache had of it. `without_thoughts`: those of the
    /// second were not told.
    wire::Usage truth_of(const wire::Usage& second, bool without_thoughts) const;

  private:
    static constexpr std::size_t kMostCounted = 4096;

    std::uint64_t left_out_tokens() const;

    const Transcript& first_;
    const Rung rung_;
    const std::uint64_t had_tokens_;    // completion tokens that the client had then
    const std::size_t sent_bytes_;      // of the transcript's text
    const std::uint64_t prompt_added_;  // tokens that the way of asking put into the prompt
    const std::uint64_t asked_tokens_;
    const std::optional<wire::Usage> had_usage_;
    Seam seam_;
    std::string decoded_, carry_;      // of one event; carry_: an unfinished character
    std::size_t held_bytes_ = 0;       // of the second text that came before the seam opened
    std::vector<std::uint16_t> ends_;  // where the first events of it end
};

}  // namespace understudy::proxy::rescue
