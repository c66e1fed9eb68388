// Turns an event of a second upstream into one of the stream that the client reads: the envelope
// of the first, no second role, one finish, and the text that is left to tell. Everything else of
// the event stays as its server wrote it. Pure.
#pragma once

#include "proxy/rescue/chat/transcript.hpp"
#include "wire/chat_chunk.hpp"
#include "wire/request_body.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace understudy::proxy::rescue {

/// What becomes of one event's text or reasoning.
struct Retold {
    enum class How : std::uint8_t { as_it_is, left_out, replaced } how = How::as_it_is;
    std::string_view text;  // when it is replaced
};

struct EventChanges {
    Retold text;
    Retold reasoning;
    bool drop_role = true;
    bool drop_finish = false;
    const wire::Usage* usage = nullptr;  // what its usage blocks are to say; null: they stay
};

class Stitch {
  public:
    /// `first` outlives the stitch.
    explicit Stitch(const ChatTranscript& first) : first_(first) {}

    /// Whether anything of the event is left for the client after the changes.
    static bool says_something(const wire::ChatChunk& chunk, const EventChanges& changes);
    /// Appends the event, changed, as "data: ...".
    void append(std::string& out, std::string_view data, const wire::ChatChunk& chunk,
                const EventChanges& changes);
    /// Appends an event of our own that carries `text` alone.
    void append_text(std::string& out, std::string_view text) const;
    /// Appends "data: [DONE]".
    void append_done(std::string& out) const;
    /// Appends a comment; line breaks in it become spaces.
    void append_comment(std::string& out, std::string_view comment) const;

  private:
    /// A change of the event: `text` in the place of `range`.
    struct Patch {
        wire::Span range;
        std::string_view text;
    };

    void envelope(const wire::ChatChunk& chunk);
    void value(wire::Span at, const std::string& first);
    void delta(std::string_view data, const wire::ChatChunk& chunk, const EventChanges& changes);
    bool leaves_out(const wire::DeltaMember& member, const EventChanges& changes, bool told) const;
    void retell(const wire::DeltaMember& member, std::string_view data, const Retold& retold);
    void usage(std::string_view data, const wire::ChatChunk& chunk, const wire::Usage& truth);
    std::string_view blank_line() const { return first_.crlf() ? "\r\n\r\n" : "\n\n"; }

    const ChatTranscript& first_;
    std::vector<Patch> patches_;
    std::vector<wire::Edit> edits_;
    std::vector<char> gone_;  // of the parts of a delta
    std::string inserted_, text_, reasoning_, reasoning_key_;
};

}  // namespace understudy::proxy::rescue
