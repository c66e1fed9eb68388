// One try at one upstream: lease a connection, send, read, judge. It has one owner, runs to the
// point where something can be decided, and can then be relayed from or dropped; dropping it at any
// time ends its connection.
#pragma once

#include "config/config.hpp"
#include "net/watch.hpp"
#include "upstreams/body_reader.hpp"
#include "upstreams/meter.hpp"
#include "upstreams/peer.hpp"
#include "upstreams/request_head.hpp"
#include "wire/body_start.hpp"
#include "wire/failure.hpp"
#include "wire/head.hpp"
#include "wire/inflate.hpp"
#include "wire/passing_answer.hpp"
#include "wire/request_body.hpp"

#include <algorithm>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace understudy::upstreams {

/// What a whole answer must be beside one of its API.
class AnswerCheck {
  public:
    AnswerCheck() = default;
    AnswerCheck(const AnswerCheck&) = delete;
    AnswerCheck& operator=(const AnswerCheck&) = delete;
    /// Why this answer will not do, static text; null: it will.
    virtual const char* problem(std::string_view body) = 0;

  protected:
    ~AnswerCheck() = default;
};

/// What to send where. Everything referred to outlives the attempt.
struct AttemptSpec {
    AttemptSpec() = default;
    const config::Upstream* upstream = nullptr;
    Peer* peer = nullptr;
    const HeadTemplate* head_template = nullptr;
    OutboundHead head;                          // body_size is filled in
    std::string_view body;                      // as the client sent it
    const wire::RequestFacts* facts = nullptr;  // null: send the body as it is
    std::optional<std::string> model;           // replaces the client's
    wire::AnswerShape shape = wire::AnswerShape::chat;
    bool stream = false;           // the client asked for events
    bool several_choices = false;  // n > 1: one finish_reason is not the end
    std::uint64_t closings = 1;    // closing events of a stream, one a picture; 0: not known
    bool decode = false;           // a compressed answer is to be had decoded
    bool rewritten = false;        // the answer is put into other words: no part of one will do
    AnswerCheck* check = nullptr;  // or none, beside what its API says
    bool inject_usage = false;     // ask for usage on the client's behalf, and hide it
    bool asks_usage = false;       // the body does that already, in words that are ours
    wire::FailureSet quality;      // what a whole answer is judged by, of wire::kQualityClasses
    // The model's context window, where the prompt is surely too long for it: nothing is sent.
    std::uint64_t small_window = 0;
    // Nor is anything when it cannot be asked at all: why, and the class of that; `none`: it can.
    wire::FailureClass refused = wire::FailureClass::none;
    std::string_view refused_because;
    std::size_t buffer_response = 4 << 20;
    std::size_t header_bytes = 64 << 10;
    std::size_t header_count = 128;
    net::TimePoint deadline = net::TimePoint::max();  // of the whole request
};

/// The answer's head, ready to be relayed.
struct AnswerHead {
    AnswerHead() = default;
    unsigned status = 0;
    std::string reason;
    std::string fields;  // end-to-end fields as header lines, framing removed
    wire::Framing framing;
    bool says_should_retry = false;  // has an x-should-retry of its own
};

/// Why an attempt is `overloaded` when its answer could not be held.
inline constexpr const char* kOutOfMemory = "out of buffer memory (limits.memory)";

class Attempt {
  public:
    enum class State {
        running,
        failed,     // failure() says why; an HTTP answer may be held (answered())
        whole,      // a complete answer is held in body(); good, if failure() says nothing else
        committed,  // a good answer has begun; pump() for the rest
        finished,   // a committed answer has ended properly
        broken,     // a committed answer has ended badly; failure() and detail() say how
    };

    Attempt(const AttemptSpec& spec, net::Signal& signal, const bool& client_gone);
    ~Attempt();
    Attempt(const Attempt&) = delete;
    Attempt& operator=(const Attempt&) = delete;

    /// From nothing to failed, whole or committed.
    net::Task<void> run();

    /// Committed: an error event is no longer passed on but ends the answer at once; held_error()
    /// has it.
    void hold_errors() {
        if (meter_) meter_->hold_errors();
    }
    std::string_view held_error() const {
        const bool holds = meter_ && meter_->holds_errors();
        return holds ? std::string_view(meter_->error_json()) : std::string_view();
    }
    /// Committed: from now on `signal` is raised when there is something to pump().
    void tell(net::Signal& signal) { watch_.tell(signal); }

    /// Committed: what can go to the client now; views are valid until advance().
    void gather(net::GatherList& out) const;
    /// What gather() gave has been sent.
    void advance();
    /// Committed: nothing more will come; the next pump() returns at once and says how it ended.
    bool at_end() const {
        return (meter_ && meter_->over()) || (reader_->complete() && !backlog());
    }
    /// Committed: looks for more. True: gather() has something, or state() has changed, or both.
    /// False: wait for the signal, and unless that was waited_in_vain(), look again. (No coroutine:
    /// this runs for every event.)
    [[nodiscard]] bool pump();
    /// The client left, or a deadline passed; state() has changed.
    [[nodiscard]] bool waited_in_vain();
    /// The answer was used: gives its connection back if nothing more will come on it. False: call
    /// settle().
    bool release();
    /// Finished: lets the connection come to its end so that it can be used again. Bounded and
    /// short.
    net::Task<void> settle();

    State state() const { return state_; }
    wire::FailureClass failure() const { return failure_; }
    const std::string& detail() const { return detail_; }
    /// An HTTP answer came, whatever it says, and was read to its end: it can be relayed as it is.
    bool answered() const { return head_.status != 0 && body_whole_; }
    /// Of an error: its body is not to be had as it came, for it is not in the coding that its head
    /// names, or larger than is held.
    bool garbled() const { return garbled_; }
    /// The words that a body begins with which is larger than is held.
    std::string_view first_words() const {
        return refusal_ ? std::string_view(refusal_->first_words) : std::string_view();
    }
    /// A 2xx that holds an error object: relayed unchanged when nothing better is to be had.
    bool error_inside() const { return error_inside_; }
    /// The status that such an error stands for, 400 to 599; 0 where there is none.
    unsigned inline_status() const { return inline_status_; }
    /// The error event that came in place of a stream's first token, its data; else empty.
    std::string_view error_event() const {
        return error_inside_ && meter_ ? std::string_view(meter_->error_json())
                                       : std::string_view();
    }
    wire::AnswerShape shape() const { return spec_.shape; }
    /// Events of the stream that were looked at and passed on, comments left out.
    std::uint64_t events_passed() const { return meter_ ? meter_->events() : 0; }
    /// All of them were looked at and found to be well-formed.
    bool events_readable() const { return meter_ && !meter_->gave_up() && meter_->readable(); }
    const AnswerHead& head() const { return head_; }
    /// The body held, for whole and answered(); decoded where that is asked for.
    std::string_view body() const;
    const Metered& metered() const { return meter_ ? meter_->facts() : metered_; }
    bool event_stream() const { return meter_ != nullptr; }
    /// Text of ours may be added behind what has been passed on: it is not compressed.
    bool can_append_event() const {
        return meter_ != nullptr && (coding_ == wire::Coding::identity || meter_->decodes());
    }
    /// Events that came compressed are passed on decoded.
    bool decodes() const { return meter_ && meter_->decodes(); }
    /// What has been passed on may end inside an event.
    bool mid_event() const { return meter_ && meter_->gave_up(); }
    std::optional<std::chrono::milliseconds> retry_after() const { return retry_after_; }
    /// It failed because the upstream refuses `stream_options`, which we added (inject_usage).
    bool refused_our_addition() const { return refused_addition_; }
    /// auth or quota: not its key was refused but what was asked.
    bool refused_this_request() const { return refused_request_; }
    /// Of that, what was said, and not that this model was asked for it.
    bool refused_this_prompt() const { return refused_prompt_; }
    bool request_deadline_hit() const { return deadline_hit_; }
    /// The request was sent again because a pooled connection had been closed while it was idle.
    bool replayed() const { return replayed_; }
    /// `unsupported`: the prompt is too long for it.
    bool too_long() const { return spec_.small_window != 0; }
    /// `overloaded`, and no more than this upstream's places: all were taken until the deadline.
    bool starved() const { return starved_; }

    /// Head and body of the request as sent, of one delivery; 0 before it is put together.
    std::uint64_t request_bytes() const { return request_bytes_; }
    /// What came on the connection since the request was sent.
    std::uint64_t bytes_received() const { return received_ - received_before_; }
    net::TimePoint started() const { return started_; }
    net::TimePoint sent_at() const { return sent_at_; }          // epoch when never sent
    net::TimePoint first_token_at() const { return first_at_; }  // epoch when there was none
    net::TimePoint ended_at() const { return ended_at_; }

  private:
    using FailureClass = wire::FailureClass;

    // lease.cpp: a connection, pooled or new
    bool lease_pooled();
    net::Task<bool> lease();
    net::Task<bool> wait_for_place();
    void drop_connection();
    void return_connection();

    // attempt.cpp: the exchange
    net::Task<void> exchange();
    [[nodiscard]] bool plan_request();
    net::Task<bool> hash_body();
    bool write_head();
    void sign_head();
    bool send_at_once();
    net::Task<bool> send_slowly();
    bool final_head_begun();
    net::Task<bool> read_head();
    bool accept_head(const wire::ResponseHead& head);
    bool accept_coding(const wire::ResponseHead& head);
    void keep_fields(const wire::ResponseHead& head);

    // error_answer.cpp, hold.cpp and answer.cpp: bodies
    const KeyMask& key_mask() const { return spec_.head_template->key_mask(); }
    bool unsearchable() const;
    bool digest();
    void mask_fresh();
    net::Task<void> read_error();
    void note_usage_of_error(std::string_view text);
    void note_error_inside(std::string_view error);
    bool know_kind(bool ended);
    net::Task<void> hold_beginning();
    net::Task<void> hold_plain();
    net::Task<void> hold_stream();
    bool judge_held(StreamMeter::Verdict verdict);
    void read_as_events();
    bool judge_uncoded();
    net::Task<void> judge_coded();
    void judge_plain_body(std::string_view body);
    void judge_quality(std::string_view body);
    void start_streaming();
    std::optional<wire::BodyStart> beginning() const;
    std::unique_ptr<Decoder> decoder() const;
    std::unique_ptr<Decoder> decode_error(bool& too_large);
    void keep_first_words(std::string_view error_body);
    enum class Look { bytes, ended, nothing };
    bool make_room();
    Look look();
    bool time_is_up();
    void stop_waiting();
    bool too_slow(net::TimePoint now);
    /// The end marker has been read. Only the end of a coding that is passed on may be missing.
    bool has_marker() const;
    /// When an answer that flows has been silent for too long.
    net::TimePoint silent_at() const;
    net::Task<bool> more();
    net::Task<bool> let_others_run();
    void end_of_body();
    void scan_stream();
    void commit();
    const char* already_over() const;
    bool lacks_end() const;
    bool finished_but_open() const;
    void finish_stream();
    /// An event up to this is always held whole.
    std::size_t largest_event() const {
        return std::max(spec_.buffer_response, std::size_t{1} << 20U);
    }
    std::size_t surely_masked() const;
    void watch_passing();
    void note_passing();
    void spoil_passing(const char* why);
    /// There is more to decode than one turn may take.
    bool backlog() const { return meter_ ? meter_->backlog() : passing_backlog_; }
    bool rest_may_come() const;

    void fail(FailureClass failure, std::string detail);
    void fail_by_watch(const char* during);
    bool short_of_memory() const;
    void look_for_refused_addition(std::string_view error_body);
    bool stale() const;
    void judge_close(wire::FailureClass failure);
    std::chrono::milliseconds until_content() const;
    net::TimePoint phase(std::chrono::milliseconds limit) const;
    void set_deadline(net::TimePoint at);

    // What every attempt touches comes first and side by side, what few have behind it: a core that
    // serves many connections forgets it between two events, line by line.
    const AttemptSpec& spec_;
    net::Watch watch_;
    net::Stream::Ptr stream_;
    State state_ = State::running;
    FailureClass failure_ = FailureClass::none;
    wire::Coding coding_ = wire::Coding::identity;
    wire::BodyLabel label_ = wire::BodyLabel::none;
    bool undecided_ = false;        // what the body is will be judged by its first bytes
    bool labelled_events_ = false;  // the head calls it an event stream
    bool reused_ = false;
    bool request_sent_ = false;
    bool keep_alive_ = false;
    bool body_whole_ = false;
    bool garbled_ = false;
    bool error_inside_ = false;
    bool deadline_hit_ = false;
    bool refused_addition_ = false;
    bool refused_request_ = false;
    bool refused_prompt_ = false;
    bool starved_ = false;
    bool idle_close_ = false;       // the connection had been closed before the request came
    bool replayed_ = false;         // and the request was sent again
    bool passing_backlog_ = false;  // there is more to decode than one turn may take
    unsigned inline_status_ = 0;
    net::TimePoint started_, sent_at_{}, first_at_{}, ended_at_{}, progress_at_{}, handed_at_{},
        total_at_, limit_{}, last_look_for_{};
    net::TimePoint wrote_at_{};          // when the last of the request was written
    std::uint64_t received_ = 0;         // of the stream, at the last look
    std::uint64_t received_before_ = 0;  // of the stream, when this exchange began
    std::uint64_t request_bytes_ = 0;
    std::size_t masked_ = 0;    // payload in which the upstream's key has been looked for
    std::size_t watched_ = 0;   // payload that was looked at in passing
    std::size_t sendable_ = 0;  // committed without a meter: payload bytes ready
    std::vector<wire::Edit> edits_;
    std::vector<std::string_view> slices_;
    ScratchPool::Lease scratch_;  // until the answer's head has been read
    net::MemoryCharge heads_;     // what the copied heads, and other such copies, take
    AnswerHead head_;
    std::optional<BodyReader> reader_;
    Metered metered_;
    std::unique_ptr<StreamMeter> meter_;
    net::GatherList out_;

    /// Of the head of an answer that is not 2xx what its class and words need; and of its body what
    /// a person reads, where it is larger than is held.
    struct Refusal {
        std::string content_type, aws_error_type, location;
        std::string first_words;
        std::size_t size() const {
            return content_type.size() + aws_error_type.size() + location.size();
        }
    };
    std::unique_ptr<Refusal> refusal_;
    /// Of a request that is signed.
    struct Signature {
        std::string body_hash;
        net::TimePoint at{};  // when its head was signed
    };
    std::unique_ptr<Signature> signature_;
    std::unique_ptr<Decoder> decoded_;  // has the body, where it is to be had decoded
    // Of a plain answer in JSON, too large to be held, that is passed on as it comes: what it says
    // on the way, read through its coding if it has one.
    std::unique_ptr<wire::PassingAnswer> passing_;
    std::unique_ptr<Decoder> passing_decoder_;
    std::string detail_;
    std::optional<std::chrono::milliseconds> retry_after_;
    net::TimePoint rate_from_{};     // min_rate: when the window began that is counted now
    std::uint32_t rate_events_ = 0;  // and how many events with content had come by then
};

}  // namespace understudy::upstreams
