// Messages of a stream of type application/vnd.amazon.eventstream, as AWS's services answer with:
// each has its lengths in front, headers, a payload, and checksums of the lengths and of all of it.
// https://smithy.io/2.0/aws/amazon-eventstream.html
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace understudy::wire {

/// One message; slices of the buffer in which it was found.
struct EventStreamMessage {
    std::string_view raw;            // exactly the bytes that came
    std::string_view payload;        // JSON, of Bedrock
    std::string_view type;           // :event-type, :exception-type or :error-code
    std::string_view error_message;  // :error-message, of an error
    std::string_view content_type;   // :content-type
    /// What :message-type says; everything but an event ends the stream.
    enum class Kind : std::uint8_t { event, exception, error };
    Kind kind = Kind::event;
};

/// Finds messages in a buffer that the caller owns, which holds bytes that are not consumed yet,
/// from the start of a message. Split anywhere; nothing is copied or kept. A message is handed out
/// when both of its checksums are right, and its lengths are believed only after the first one.
class EventStreamScanner {
  public:
    /// As AWS's own libraries have them.
    static constexpr std::size_t kMaxHeaders = 128 * 1024;
    static constexpr std::size_t kMaxPayload = 24 * 1024 * 1024;

    /// The next message at the front of `buffer`. False: not all of it is there, or problem().
    bool next(std::string_view buffer, EventStreamMessage& message) noexcept;
    /// Bytes in front of which next() has nothing to say: of the message at the front of the last
    /// buffer, or of its lengths while those are unknown.
    std::size_t needed() const noexcept { return needed_; }
    /// What is wrong with the stream: static text, or null. Nothing behind that can be read.
    const char* problem() const noexcept { return problem_; }

  private:
    bool fail(const char* what) noexcept;
    bool lengths(std::string_view buffer) noexcept;
    bool headers(std::string_view headers, EventStreamMessage& message) noexcept;

    std::size_t needed_ = 12;
    const char* problem_ = nullptr;
};

/// Turns such a stream into server-sent events, in place: what reads those reads both. An event
/// keeps its type as its name. What ends the stream becomes an `error`, whose data has what it is
/// called in front: {"__type":"throttlingException","message":...}. No text is longer than its
/// message.
class EventStreamText {
  public:
    /// `most`: bytes of one message, at most; a larger one is a problem as soon as it begins.
    explicit EventStreamText(std::size_t most) : most_(most) {}

    struct Step {
        std::size_t text = 0;  // bytes at the front that are text now
        std::size_t used = 0;  // bytes that it was made of; behind those nothing has changed
    };
    /// The whole messages at the front of `size` bytes, which begin where a message does.
    Step convert(char* bytes, std::size_t size);
    /// What is wrong with what follows: static text, or null.
    const char* problem() const noexcept {
        return too_large_ ? "event stream: a message is larger than limits.buffer_response"
                          : scanner_.problem();
    }

  private:
    std::string_view front_of_failure(const EventStreamMessage& message);
    std::size_t put(const EventStreamMessage& message, char* to);

    EventStreamScanner scanner_;
    std::size_t most_;
    bool too_large_ = false;
    std::string front_;  // of one event; kept so that its memory is
};

}  // namespace understudy::wire
