// Finds the events in a server-sent event stream (WHATWG HTML 9.2), split anywhere, without
// copying.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace understudy::wire {

/// One complete event (or comment block): a slice of the stream up to and including its blank line.
struct SseEvent {
    std::string_view raw;  // exactly the bytes that came, blank line included
    std::string_view
        data;  // data fields joined with \n; a slice of raw when there is one, else of scratch
    std::string_view name;  // the event field, empty when absent
    bool has_data = false;  // a data field is there, even an empty one
};

/// Scanner over a buffer that the caller owns: it holds bytes that are not consumed yet, from the
/// start of an event. LF, CRLF and CR end lines, also mixed, also split between reads; a BOM at the
/// very start is skipped. Each byte is looked at once.
///
/// A field named `error` (llama.cpp of 2024) counts as data of an event named "error".
///
/// Where a read ends between the CR and the LF of a blank line, the event may be handed out without
/// its LF, which then leads the next raw slice. The raw slices and what finish() leaves in the
/// buffer always add up to the stream.
class SseScanner {
  public:
    /// The next complete event at the front of `buffer`, which begins where the last event ended.
    /// False: no complete event yet; call again with more bytes appended (the buffer may have
    /// moved).
    bool next(std::string_view buffer, SseEvent& event);
    /// At the end of the stream: what is left as one event, even without its blank line. False when
    /// only white space or nothing is left.
    bool finish(std::string_view buffer, SseEvent& event);
    /// Between two events of a stream: nothing of the next one has been looked at.
    bool between() const noexcept { return at_event_start_ && !at_stream_start_ && !skip_lf_; }
    void reset() noexcept { *this = SseScanner{}; }

  private:
    /// Offsets into the current event, so that they survive a buffer that moves.
    struct Range {
        std::size_t begin = 0;
        std::size_t end = 0;
        std::string_view of(std::string_view text) const { return text.substr(begin, end - begin); }
    };

    bool skip_preamble(std::string_view buffer);
    bool take_simple(std::string_view buffer, SseEvent& event);
    void take_line(std::string_view buffer, std::size_t end);
    void take_data(std::string_view buffer, Range value);
    void emit(std::string_view raw, SseEvent& event);

    std::size_t scanned_ = 0;     // bytes of the current event already searched
    std::size_t line_begin_ = 0;  // where the current line starts
    Range data_;                  // the value of the only data line
    Range name_;
    std::size_t data_lines_ = 0;
    bool error_field_ = false;     // an `error` field took the place of `data`
    bool after_crlf_ = false;      // the line before the current one ended with CRLF
    bool at_event_start_ = true;   // the preamble of this event was not looked at yet
    bool at_stream_start_ = true;  // a BOM may come
    bool skip_lf_ = false;         // the last event ended with CR; an LF that follows belongs to it
    std::string scratch_;          // joined data of multi-line events
};

}  // namespace understudy::wire
