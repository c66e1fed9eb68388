// One try at one upstream: lease a connection, send, read, judge. It has one owner, runs to the
// point where something can be decided, and can then be relayed from or dropped; dropping it at any
// time ends its connection.
#pragma once

#include "config/config.hpp"
#include "upstreams/body_reader.hpp"
#include "upstreams/meter.hpp"
#include "upstreams/peer.hpp"
#include "upstreams/request_head.hpp"
#include "upstreams/watch.hpp"
#include "wire/body_start.hpp"
#include "wire/failure.hpp"
#include "wire/head.hpp"
#include "wire/inflate.hpp"
#include "wire/json_end.hpp"
#include "wire/request_body.hpp"

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace understudy::upstreams {

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
    bool inject_usage = false;     // ask for usage on the client's behalf, and hide it
    std::size_t buffer_response = 4 << 20;
    std::size_t header_bytes = 64 << 10;
    std::size_t header_count = 128;
    TimePoint deadline = TimePoint::max();  // of the whole request
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
        whole,      // a good, complete answer is held in body()
        committed,  // a good answer has begun; pump() for the rest
        finished,   // a committed answer has ended properly
        broken,     // a committed answer has ended badly; failure() and detail() say how
    };

    Attempt(const AttemptSpec& spec, Signal& signal, const bool& client_gone);
    ~Attempt();
    Attempt(const Attempt&) = delete;
    Attempt& operator=(const Attempt&) = delete;

    /// From nothing to failed, whole or committed.
    Task<void> run();

    /// Committed: what can go to the client now; views are valid until advance().
    void gather(GatherList& out) const;
    /// What gather() gave has been sent.
    void advance();
    /// Committed: nothing more will come; the next pump() returns at once and says how it ended.
    bool at_end() const {
        return meter_ ? meter_->facts().done || (reader_->complete() && !meter_->backlog())
                      : reader_->complete();
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
    Task<void> settle();

    State state() const { return state_; }
    wire::FailureClass failure() const { return failure_; }
    const std::string& detail() const { return detail_; }
    /// An HTTP answer came, whatever it says, and was read to its end: it can be relayed as it is.
    bool answered() const { return head_.status != 0 && body_whole_; }
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
    /// Events of the stream that were looked at, comments left out.
    std::uint64_t events_seen() const { return meter_ ? meter_->events() : 0; }
    const AnswerHead& head() const { return head_; }
    /// The body held, for whole and answered().
    std::string_view body() const;
    const Metered& metered() const { return meter_ ? meter_->facts() : metered_; }
    bool event_stream() const { return meter_.has_value(); }
    /// Text of ours may be added behind what has been passed on: it is not compressed.
    bool can_append_event() const {
        return meter_.has_value() && coding_ == wire::Coding::identity;
    }
    /// What has been passed on may end inside an event.
    bool mid_event() const { return meter_ && meter_->gave_up(); }
    std::optional<std::chrono::milliseconds> retry_after() const { return retry_after_; }
    /// It failed because the upstream refuses `stream_options`, which we added (inject_usage).
    bool refused_our_addition() const { return refused_addition_; }
    bool request_deadline_hit() const { return deadline_hit_; }
    /// The request was sent again because a pooled connection had been closed while it was idle.
    bool replayed() const { return replayed_; }
    /// `overloaded`, and no more than this upstream's places: all were taken until the deadline.
    bool starved() const { return starved_; }

    TimePoint started() const { return started_; }
    TimePoint sent_at() const { return sent_at_; }          // epoch when never sent
    TimePoint first_token_at() const { return first_at_; }  // epoch when there was none
    TimePoint ended_at() const { return ended_at_; }

  private:
    using FailureClass = wire::FailureClass;

    // lease.cpp: a connection, pooled or new
    bool lease_pooled();
    Task<bool> lease();
    Task<bool> wait_for_place();
    void drop_connection();
    void return_connection();

    // attempt.cpp: the exchange
    Task<void> exchange();
    [[nodiscard]] bool write_request();
    bool send_at_once();
    Task<bool> send_slowly();
    bool final_head_begun();
    Task<bool> read_head();
    bool accept_head(const wire::ResponseHead& head);
    bool accept_coding(const wire::ResponseHead& head);
    void keep_fields(const wire::ResponseHead& head);

    // answer.cpp: bodies
    const KeyMask& key_mask() const { return spec_.head_template->key_mask(); }
    bool unsearchable() const;
    bool digest();
    void mask_fresh();
    Task<void> read_error();
    bool know_kind(bool ended);
    Task<void> hold_beginning();
    Task<void> hold_plain();
    Task<void> hold_stream();
    bool judge_held(StreamMeter::Verdict verdict);
    void read_as_events();
    bool judge_uncoded();
    Task<void> judge_coded();
    void judge_plain_body(std::string_view body);
    void start_streaming();
    std::optional<wire::BodyStart> beginning() const;
    enum class Look { bytes, ended, nothing };
    Look look();
    bool time_is_up();
    void stop_waiting();
    Task<bool> more();
    Task<bool> let_others_run();
    void end_of_body();
    void scan_stream();
    void commit();
    const char* already_over() const;
    bool finished_but_open() const;
    void finish_stream();
    std::size_t surely_masked() const;
    void watch_tail();
    bool rest_may_come() const;

    void fail(FailureClass failure, std::string detail);
    void fail_by_watch(const char* during);
    bool short_of_memory() const;
    void look_for_refused_addition(std::string_view error_body);
    bool stale() const;
    void judge_close(wire::FailureClass failure);
    std::chrono::milliseconds until_content() const;
    TimePoint phase(std::chrono::milliseconds limit) const;
    void set_deadline(TimePoint at);

    const AttemptSpec& spec_;
    Watch watch_;
    Stream::Ptr stream_;
    State state_ = State::running;
    FailureClass failure_ = FailureClass::none;
    std::string detail_;

    std::vector<wire::Edit> edits_;
    std::vector<std::string_view> slices_;
    GatherList out_;

    ScratchPool::Lease scratch_;  // until the answer's head has been read
    AnswerHead head_;
    std::string raw_head_;  // of an answer that is not 2xx, for classification
    MemoryCharge heads_;    // what the copied heads, and other such copies, take
    std::optional<BodyReader> reader_;
    std::optional<StreamMeter> meter_;
    wire::Coding coding_ = wire::Coding::identity;
    wire::BodyLabel label_ = wire::BodyLabel::none;
    Metered metered_;
    std::optional<std::chrono::milliseconds> retry_after_;

    std::uint64_t received_ = 0;             // of the stream, at the last look
    std::optional<wire::JsonEnd> json_end_;  // of a large plain answer that is passed on
    std::string tail_;          // last bytes of a large plain answer, where its usage stands
    std::size_t masked_ = 0;    // payload in which the upstream's key has been looked for
    std::size_t watched_ = 0;   // payload that json_end_ and tail_ have seen
    std::size_t sendable_ = 0;  // committed without a meter: payload bytes ready
    TimePoint started_, sent_at_{}, first_at_{}, ended_at_{}, progress_at_{}, handed_at_{},
        total_at_, limit_{}, last_look_for_{};
    bool undecided_ = false;        // what the body is will be judged by its first bytes
    bool labelled_events_ = false;  // the head calls it an event stream
    bool reused_ = false;
    bool request_sent_ = false;
    bool keep_alive_ = false;
    bool body_whole_ = false;
    bool error_inside_ = false;
    unsigned inline_status_ = 0;
    bool deadline_hit_ = false;
    bool refused_addition_ = false;
    bool starved_ = false;
    bool idle_close_ = false;            // the connection had been closed before the request came
    bool replayed_ = false;              // and the request was sent again
    std::uint64_t received_before_ = 0;  // of the stream, when this exchange began
    TimePoint wrote_at_{};               // when the last of the request was written
};

}  // namespace understudy::upstreams
