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
class SseScanner {
  public:
    /// The next complete event at the front of `buffer`, which begins where the last event ended.
    /// False: no complete event yet; call again with more bytes appended (the buffer may have
    /// moved).
    bool next(std::string_view buffer, SseEvent& event);
    /// At the end of the stream: what is left as one event, even without its blank line. False when
    /// only white space or nothing is left.
    bool finish(std::string_view buffer, SseEvent& event);
    void reset() noexcept { *this = SseScanner{}; }

  private:
    void fill(std::string_view raw, SseEvent& event);

    std::size_t scanned_ = 0;     // bytes of the current event already searched
    std::size_t line_begin_ = 0;  // where the current line starts
    bool at_start_ = true;        // a BOM may come
    bool skip_lf_ = false;        // the last event ended with CR; an LF that follows belongs to it
    std::string scratch_;         // joined data of multi-line events
};

}  // namespace understudy::wire
