// Performs one Plan on one connection: sends the answer, well or badly, and says how it ended.
#pragma once

#include "mock/answer.hpp"
#include "mock/ask.hpp"
#include "mock/gzip.hpp"
#include "mock/link.hpp"
#include "mock/log.hpp"
#include "mock/plan.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace understudy::mock {

/// Head and body of an answer that goes out in one write.
std::string whole_answer(const Ask& ask, const Plan& plan, std::string_view type,
                         std::string_view body);

/// Lives for one answer; the caller keeps link, ask and plan alive.
class Player {
  public:
    Player(Link& link, const Ask& ask, const Plan& plan);

    Awaitable<void> play();

    const Outcome& outcome() const { return outcome_; }
    /// The connection can carry another request.
    bool keep_alive() const { return keep_alive_; }

  private:
    Awaitable<void> play_whole(std::string_view type, std::string body);
    Awaitable<void> play_plain();
    Awaitable<void> play_cut(std::string_view type, std::string_view body);
    Awaitable<void> play_stream();
    Awaitable<bool> play_opening();
    Awaitable<bool> play_words();
    Awaitable<bool> play_closing();
    Awaitable<void> play_raw_events(const std::vector<std::string>& events);
    Awaitable<void> play_odd_stream();
    Awaitable<void> break_off();

    Awaitable<bool> stream_head();
    Awaitable<bool> event(std::string_view text);
    std::string_view element(std::string_view text);
    Awaitable<bool> end_stream();
    Awaitable<bool> send(std::string_view bytes);
    Awaitable<bool> send_head(std::string_view bytes);
    Awaitable<bool> in_pieces(std::string_view bytes);
    Awaitable<bool> pause(Duration time);
    Awaitable<bool> keep_pace();
    bool flaw_is_due() const;

    void frame(std::string_view text);
    void set_complete();

    Link& link_;
    const Ask& ask_;
    const Plan& plan_;
    const Tale tale_;
    Outcome outcome_;
    bool keep_alive_ = false;
    bool chunked_ = false;
    std::optional<Gzip> gzip_;
    std::size_t events_ = 0;        // sent since the last time others had a turn
    Clock::time_point next_event_;  // absolute, so that a delay does not add up
    std::string event_, out_;       // reused for every event
    std::string element_;
    bool listed_ = false;  // the list has begun
};

}  // namespace understudy::mock
