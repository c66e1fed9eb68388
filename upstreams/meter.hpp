// Watches an answer go by and knows what it was: usage, model, whether it reached its proper end.
#pragma once

#include "net/bytes.hpp"
#include "net/task.hpp"
#include "upstreams/decoder.hpp"
#include "upstreams/key_mask.hpp"
#include "wire/answer.hpp"
#include "wire/choice_ends.hpp"
#include "wire/event_inspector.hpp"
#include "wire/json_scan.hpp"
#include "wire/passing_answer.hpp"
#include "wire/sse.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace understudy::upstreams {

/// What is known about an answer so far.
struct Metered {
    std::optional<wire::Usage> usage;
    std::string model;  // as the upstream names it
    std::string service_tier;
    std::uint32_t content_events = 0;  // events that carried content
    std::uint64_t text_bytes = 0;      // of text in them
    bool finish = false;    // a successful finish_reason stands: no content came behind it, and of
                            // several choices each that said something has its own
    bool doubtful = false;  // a finish was taken back by content: the next may be, too
    bool done = false;      // the end marker was seen, or the last closing event that is to come
    bool closed = false;    // and it was the one of this API, not OpenAI's
    bool error = false;     // an error event was seen
    bool content_since_usage = false;  // content came behind the usage that is known
    bool told = false;                 // one of the errors is such that clients' libraries raise it
    bool open = false;  // images, speech, transcripts: a part came, and no closing event behind it
};

/// Meters an event stream. Works on the payload buffer of the stream it watches: each scan() looks
/// at what is new, decides which bytes may go to the client, and remembers what they said.
class StreamMeter {
  public:
    /// What the payload is decoded by, when it is compressed.
    struct Coded {
        std::unique_ptr<Decoder> decoder;  // null: it is not
        bool pass_decoded = false;         // else it is passed on as it came
    };
    /// `drop_usage`: usage was asked for by us, not by the client, so something may have to be
    /// taken out: what was compressed is then passed on decoded, too.
    /// `mask`: what is made unreadable in the payload, which has to lie in memory that may be
    /// written to, and must not stand in what is passed on compressed; null: nothing.
    StreamMeter(wire::AnswerShape shape, Coded coded, bool drop_usage,
                const KeyMask* mask = nullptr);

    /// From where the frames of coroutines come, as streams follow each other in the same way.
    static void* operator new(std::size_t size) { return net::detail::take_frame(size); }
    static void operator delete(void* meter, std::size_t size) noexcept {
        net::detail::give_frame(meter, size);
    }

    /// How many closing events end the answer (several pictures, each of which has its own); 0: it
    /// is not known, so that none does. Before the first scan.
    void expect(std::uint64_t closings) { closings_left_ = closings; }

    enum class Verdict : std::uint8_t {
        none,        // nothing that commits yet
        commit,      // content or a proper end is among the scanned bytes
        error,       // an error event came before any content; error_json() has it
        unreadable,  // the payload is not in the coding that its head names
        leak,        // what is passed on compressed holds what the mask is to hide
        no_memory,   // limits.memory refuses what it decodes to
    };
    /// Scans payload that follows what was scanned before. `payload` is everything not yet taken:
    /// after take(n) it starts n bytes later.
    Verdict scan(std::string_view payload);
    /// The stream has ended: scans what is left as a last event.
    Verdict scan_rest(std::string_view payload);

    /// Ranges of source() that the client gets, in order. Only whole events, unless metering was
    /// given up.
    const std::vector<wire::Span>& ready() const { return ready_; }
    /// Where they lie, and how far they reach there (dropped events included).
    std::string_view source(std::string_view payload) const {
        return decodes_ ? decoder_->out.view() : payload;
    }
    std::size_t source_end() const { return decodes_ ? decoded_ : scanned_; }
    /// How much of the payload has been used for them.
    std::size_t ready_end() const { return scanned_; }
    /// What is passed on has been decoded.
    bool decodes() const { return decodes_; }
    /// The end has come, and with it all of the coding that is passed on.
    bool over() const { return facts_.done && (!decoder_ || decodes_ || decoder_->finished()); }
    /// The ready ranges were sent.
    void take();
    /// What was made ready behind `end` of the source, and behind so many events, is not to be
    /// passed on after all.
    void hold_back(std::size_t end, std::uint64_t events);

    const Metered& facts() const { return facts_; }
    /// Counted up with each event that brings the answer forward: content, a finish, usage or an
    /// end marker that was not there before. Comments, pings, roles and repetitions do not.
    std::uint64_t progress() const { return progress_; }
    /// All events so far were well-formed.
    bool readable() const { return readable_; }
    /// Events with data that were looked at and passed on.
    std::uint64_t events() const { return events_; }
    /// Compressed: there is more to scan than one turn may take. Scan again after others had
    /// theirs.
    bool backlog() const { return backlog_; }
    /// Compressed: bytes that the payload decoded to, all together.
    std::uint64_t decoded() const { return decoder_ ? decoder_->total() : 0; }
    /// Bytes of the event that has begun and is not whole yet; decoded.
    std::size_t unfinished(std::string_view payload) const {
        return decoder_ ? decoder_->out.size() - decoded_ : payload.size() - scanned_;
    }
    const std::string& error_json() const { return error_json_; }
    /// Stop judging (an event is too large to hold): from now on everything is passed on as it
    /// comes. What it says of usage, model and tier is still read.
    void give_up();
    bool gave_up() const { return passing_ != nullptr; }
    /// From now on an error event, and whatever follows it, is not passed on: somebody else may go
    /// on with the stream. So it is anyhow with one that is about a key, where that can be done:
    /// the key was good when the stream began, and clients take it for their own.
    void hold_errors() { hold_errors_ = true; }
    bool holds_errors() const { return hold_errors_; }

  private:
    /// What becomes of an event: the client gets it, does not, or gets it without its usage.
    enum class Fate : std::uint8_t { pass, drop, cut, cut_null };
    const wire::EventFacts& inspect(const wire::SseEvent& event);
    bool mask(std::string_view text) const;
    Verdict on_event(const wire::SseEvent& event, Fate& fate);
    bool note(const wire::EventFacts& facts, std::string_view data);
    void note_error(const wire::EventFacts& facts, std::string_view data);
    void tell_apart();
    void note_choices(std::string_view data);
    bool note_usage(const wire::Usage& usage);
    bool is_last_closing();
    void pass(std::size_t begin, std::size_t end);
    void pass_without_usage(std::size_t begin, const wire::SseEvent& event);
    void pass_without_null(std::size_t begin, const wire::SseEvent& event);
    Verdict scan_events(std::string_view payload, bool last);
    Verdict scan_coded(std::string_view payload, bool last);
    Verdict scan_decoded(bool last);
    void pass_decoded();
    bool mask_decoded(std::size_t old);
    void settle_event(std::size_t begin, const wire::SseEvent& event, Fate fate);
    Verdict scan_passing(std::string_view payload);
    void note_passing(bool news);

    wire::AnswerShape shape_;
    bool drop_usage_;
    bool decodes_;
    bool hold_errors_ = false;
    bool backlog_ = false;
    wire::SseScanner scanner_;
    wire::EventInspector inspector_;
    std::unique_ptr<Decoder> decoder_;
    std::unique_ptr<wire::PassingEvents> passing_;  // when events are not judged any more
    std::unique_ptr<wire::ChoiceEnds> choices_;     // once there is more than one
    const KeyMask* mask_;
    std::vector<wire::Span> ready_;
    std::size_t scanned_ = 0;
    std::size_t decoded_ = 0;  // of what has been decoded and is still there: scanned
    std::uint64_t progress_ = 0;
    std::uint64_t events_ = 0;
    std::uint64_t closings_left_ = 1;  // 0: nobody knows
    bool readable_ = true;
    std::string error_json_;
    Metered facts_;
};

}  // namespace understudy::upstreams
