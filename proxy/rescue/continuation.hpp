// A second upstream's stream as the rest of the one that the client reads. The exchange makes one
// when a committed stream has broken and the next entry is asked to go on; it feeds the events of
// that entry and sends what comes out. Each API has its own (chat/, messages/, ...). Pure; one per
// rescue; lives as long as its upstream's stream.
//
// The transcript goes on following what the client is sent, so that a rescue can be rescued: what
// is held here when this stream breaks too was never sent, and the next continuation begins where
// the client is.
#pragma once

#include "proxy/rescue/ladder.hpp"
#include "proxy/rescue/passage.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace understudy::proxy::rescue {

struct ContinuationOptions {
    Rung rung = Rung::prefill;
    bool usage_asked = false;        // by the client: else what is only there for usage is left out
    std::uint64_t asked_tokens = 0;  // of the client's own prompt, by an estimate; 0: there is none
    // For the comment at the seam: ": understudy rescue backup/gpt-4o after timeout, prefill".
    std::string_view upstream, model, failure;
};

/// What the seam says of itself, on one line.
std::string comment_of(const ContinuationOptions& options);

class Continuation {
  public:
    enum class State : std::uint8_t {
        holding,   // nothing of the text is decided yet
        flowing,   // the text goes on
        diverged,  // it is another answer: this rescue has failed, and nothing of its text was sent
        finished,  // a finish was passed on; usage and the end marker may follow
        lost,  // an event came that has no place, or cannot be read: nobody knows what is missing
    };

    Continuation() = default;
    virtual ~Continuation() = default;
    Continuation(const Continuation&) = delete;
    Continuation& operator=(const Continuation&) = delete;

    /// The data of one event of the second stream. Appends whole events to `out`, as they are to be
    /// sent; in front of the first of them the comment, where the API's clients bear one. Errors
    /// give nothing: the attempt judges those. The end marker passes only behind a finish. What
    /// cannot be read may be a part of the answer, so that nothing behind it can be told.
    State feed(std::string_view data, std::string& out);

    State state() const noexcept { return state_; }
    /// Nothing more is taken of it: it has failed.
    bool failed() const noexcept { return state_ == State::diverged || state_ == State::lost; }
    /// Events that the client has been told of the whole stream, where they are numbered.
    virtual std::uint64_t events() const noexcept { return 0; }
    /// What is kept, for the owner's budget.
    virtual std::size_t bytes() const noexcept = 0;

  protected:
    /// An event that says something. False: it cannot be read.
    virtual bool event(std::string_view data, std::string& out) = 0;
    /// OpenAI's.
    virtual void end_marker(std::string&) {}

    /// The state is what the seam has decided of the text so far. False: it is another answer.
    bool follow(const Passage& passage) noexcept {
        if (passage.diverged()) state_ = State::diverged;
        if (passage.open() && state_ == State::holding) state_ = State::flowing;
        return state_ != State::diverged;
    }

    State state_ = State::holding;
};

}  // namespace understudy::proxy::rescue
