// What one answer will be and how it goes wrong, as plain data. Model names (faults.hpp) and script
// rules (script.hpp) are two ways to write a Plan; the Player is the only one that acts on it.
#pragma once

#include "mock/text.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace understudy::mock {

inline constexpr std::size_t kAnswerWords = 60;

/// How the connection ends before the answer does.
enum class Break : std::uint8_t {
    none,
    reset,  // TCP RST
    close,  // TCP FIN; on TLS without close_notify
    stall,  // silence for Plan::stall, then FIN
};

/// What is wrong with an answer that is framed properly.
enum class Flaw : std::uint8_t {
    none,
    malformed,    // an event that is not JSON / a body that is not JSON
    error_event,  // an error event in the stream / an error object in the body
    truncated,    // JSON that ends in the middle
    no_choices,   // JSON without the member that carries the answer
    checksum,     // a message of an AWS event stream that does not match its checksum
    prelude,      // one whose lengths do not match theirs
};

/// What the answer says.
enum class Content : std::uint8_t { words, tools, reasoning, echo };

/// What comes before the final head without being asked for.
enum class Interim : std::uint8_t { none, continue_100, early_hints_103 };

/// How the body ends and what becomes of the connection.
enum class Ending : std::uint8_t {
    keep_alive,
    until_close,        // neither content-length nor chunked: the end of the connection ends it
    close_unannounced,  // promises keep-alive and closes right after the last byte
};

/// An error that is worded by the API that was asked (errors.hpp).
struct Refusal {
    enum class Cause : std::uint8_t { status, quota, too_long, filtered, no_prefill };
    Cause cause = Cause::status;
    unsigned status = 0;  // of which it speaks, for Cause::status; the answer's may be another
};

struct Plan {
    unsigned status = 200;
    std::vector<std::pair<std::string, std::string>> headers;  // in addition to the usual ones
    std::optional<Refusal> refusal;                  // sent instead of an answer; `body` beats it
    std::optional<std::string> body;                 // sent instead of an answer, streamed or not
    std::string content_type;                        // for `body`; empty: application/json
    std::optional<std::vector<std::string>> events;  // sent as they are instead of an answer

    Duration before_head{0};  // silence before the first response byte
    Duration before_first{
        0};               // streams: head at once, then this; plain answers: added to the above
    Duration between{0};  // from one event to the next, on an absolute schedule
    Duration stall{0};    // how long Break::stall lasts
    std::size_t piece_bytes = 0;  // split every write into pieces of this size; 0: whole
    Duration piece_pause{0};
    bool piece_head = false;  // the head too

    Content content = Content::words;
    std::size_t words = kAnswerWords;
    bool usage = true;         // ever reported
    bool done = true;          // streams end with [DONE]
    bool lean = false;         // events of about 100 bytes
    bool starts_over = false;  // the answer from its beginning, whatever was said before

    Break breaks = Break::none;
    std::optional<std::size_t> break_after;  // words (events) sent before; absent: before the head
    bool torn = false;                       // half of the next event is sent before the break
    Flaw flaw = Flaw::none;
    std::size_t flaw_at = 0;  // words sent before an event that should not be there
    Interim interim = Interim::none;
    Ending ending = Ending::keep_alive;
    bool gzip = false;
};

/// When the plan holds; at other times the answer is the healthy one.
enum class Gate : std::uint8_t {
    always,
    once,     // for the first request only
    outage,   // from the first request on, for Behaviour::outage
    prefill,  // when the last message is the assistant's
};

struct Behaviour {
    Plan plan;
    Gate gate = Gate::always;
    Duration outage{0};
    bool healthy = true;  // nothing was asked for: the canned answer will do
};

}  // namespace understudy::mock
