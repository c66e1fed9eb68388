// What a client has been sent of a streamed answer, as far as another provider needs it to go on:
// the text so far, and what stands in the way of going on. One per stream on a route with
// `midstream: continue`, fed with the very bytes that go to the client, so that it follows a
// rescued stream as well as the first one. Each API has its own (chat/, messages/, ...), which
// knows its events. Pure; bounded; the owner charges bytes() to its budget.
#pragma once

#include "wire/answer.hpp"
#include "wire/sse.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace understudy::proxy::rescue {

class Transcript {
  public:
    /// More text than this cannot be asked for again at a sane price.
    static constexpr std::size_t kMostBytes = std::size_t{1} << 20;

    explicit Transcript(std::size_t most_bytes) : most_bytes_(most_bytes) {}
    virtual ~Transcript() = default;

    /// Bytes of the event stream that go to the client, in order, cut anywhere.
    void sent(std::string_view bytes);
    /// Whatever happens, this stream is not to be continued: its bytes are compressed, or pass
    /// unread. `why` is static text.
    void give_up(const char* why);

    /// What the stream says of its prompt at its beginning is a guess: it is translated from an API
    /// that says so at the end alone.
    void doubt_start() { start_is_guess_ = true; }

    /// What the upstream has reported, whether or not it was told: of the prompt, all that counts
    /// where the client has not been told of it yet. (In an API that says so at the end alone, it
    /// is told by whoever goes on.)
    void note_prompt(const wire::Usage& reported);

    bool finished() const noexcept { return finished_; }
    /// The answer's text, exactly; may end in the middle of a character (wire/json_text.hpp).
    const std::string& text() const noexcept { return text_; }

    /// The model has thought before it spoke, or does so still.
    bool thought() const noexcept { return thought_; }

    /// Why it cannot be continued by anybody; null: nothing is in the way. Static text.
    const char* obstacle() const noexcept { return obstacle_ != nullptr ? obstacle_ : pause_; }

    /// Completion tokens that the client has: as reported in the stream, else one for each event
    /// that carried content.
    std::uint64_t completion_tokens() const noexcept;
    /// Usage that the stream told while it went on.
    const std::optional<wire::Usage>& usage() const noexcept { return usage_; }

    /// The answer as it is when it fails now, where this API's last word repeats all of it: a JSON
    /// object. `error` is a JSON object, too. Empty: its last word is another one, or it is not
    /// known how the answer began.
    virtual std::string failed(std::string_view error) const {
        static_cast<void>(error);
        return {};
    }

    virtual std::size_t bytes() const noexcept { return text_.capacity() + pending_.capacity(); }

  protected:
    Transcript(const Transcript&) = default;
    Transcript(Transcript&&) = default;

    /// One event that the client gets, and that says something. False: it cannot be read.
    virtual bool observe(const wire::SseEvent& event) = 0;
    /// Nothing that is kept is of use any more.
    virtual void forget();
    /// Whether what follows has to be known although nobody can go on with it.
    virtual bool needs_all() const { return false; }

    /// For good.
    void obstruct(const char* why) {
        if (obstacle_ == nullptr) obstacle_ = why;
    }
    /// As long as it is not taken back with null.
    void pause(const char* why) { pause_ = why; }
    void finish() {
        finished_ = true;
        obstruct("the answer was finished");
    }
    void note_usage(const std::optional<wire::Usage>& usage);

    std::string text_;
    std::uint64_t content_events_ = 0;
    bool thought_ = false;
    bool start_is_guess_ = false;

  private:
    void follow(const wire::SseEvent& event);

    const std::size_t most_bytes_;
    wire::SseScanner scanner_;
    std::string pending_;  // of an event that is not whole yet
    std::optional<wire::Usage> usage_;
    const char* obstacle_ = nullptr;
    const char* pause_ = nullptr;
    bool finished_ = false;
};

}  // namespace understudy::proxy::rescue
