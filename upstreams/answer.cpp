// The part of an attempt that reads the answer's body: held until it can be judged, then passed on.
#include "upstreams/attempt.hpp"
#include "wire/classify.hpp"
#include "wire/inflate.hpp"

#include <boost/asio/error.hpp>

#include <algorithm>

namespace understudy::upstreams {

using wire::FailureClass;
using wire::iequals;

namespace {

constexpr std::size_t kMaxErrorBody = 1 << 20;     // of an answer that is not 2xx
constexpr std::size_t kMinMaxEvent = 1 << 20;      // an event up to this is always held whole
constexpr std::size_t kTail = 16 * 1024;           // of a large plain answer, to find its usage in
constexpr std::size_t kStreamRead = 4 * 1024;      // least room for one read of events
constexpr config::Duration kAfterFinish{3000};     // for usage and [DONE] behind a finish_reason
constexpr std::chrono::milliseconds kSettle{200};  // for the end of the body behind [DONE]

bool needs_finish(wire::AnswerShape shape) {
    return shape == wire::AnswerShape::chat || shape == wire::AnswerShape::completion ||
           shape == wire::AnswerShape::responses;
}

// What the error inside a 2xx is about, for logs and messages; its class is malformed (product.md
// section 5): a server that reports an error as a success is not to be believed in detail either.
std::string kind_of(std::string_view error_json) {
    const auto kind = wire::classify_inline_error(error_json);
    if (kind == FailureClass::malformed) return {};
    // Clients' libraries scan messages for words such as these.
    if (kind == FailureClass::rate_limit) return " (too many requests)";
    std::string name(wire::name_of(kind));
    std::replace(name.begin(), name.end(), '_', ' ');
    return " (" + name + ")";
}

// The last usage object in the tail of a JSON text. A quote inside a JSON string is escaped, so
// `"usage":` can only be a key.
std::optional<wire::Usage> usage_in_tail(std::string_view tail) {
    const auto key = tail.rfind("\"usage\"");
    if (key == std::string_view::npos) return std::nullopt;
    const auto open = tail.find('{', key);
    if (open == std::string_view::npos) return std::nullopt;
    std::vector<wire::JsonMember> members;
    wire::Span object;
    // Not the whole rest is one object: try each closing brace until it is one.
    for (auto close = tail.find('}', open); close != std::string_view::npos;
         close = tail.find('}', close + 1)) {
        const auto text = tail.substr(open, close - open + 1);
        if (!wire::scan_object(text, members, object)) return wire::parse_usage(text);
    }
    return std::nullopt;
}

}  // namespace

// The answer is complete, only the end of the stream has not come.
bool Attempt::finished_but_open() const {
    return meter_ && meter_->facts().finish && !meter_->facts().error && !spec_.several_choices;
}

// What there is to know of the upstream without waiting. Keeps a read under way.
Attempt::Look Attempt::look() {
    for (;;) {
        if (stream_->received() != received_) {
            received_ = stream_->received();
            any_response_byte_ = true;
            return Look::bytes;
        }
        if (stream_->read_error()) return Look::ended;
        if (stream_->read_armed()) return Look::nothing;
        if (!stream_->in.ensure_free(meter_ ? kStreamRead : kReadBuffer)) {
            fail(FailureClass::connection, "out of buffer memory");
            return Look::ended;
        }
        stream_->arm_read();  // may decrypt at once, or find the end
    }
}

// The client left, or a deadline passed, while the upstream was waited for.
void Attempt::stop_waiting() {
    if (state_ == State::committed && finished_but_open() && !watch_.client_gone()) {
        finish_stream();
        return;
    }
    const char* during = head_.status == 0            ? "no answer"
                         : state_ == State::committed ? "the stream went silent"
                         : meter_                     ? "no first token"
                                                      : "the answer went silent";
    fail_by_watch(during);
}

// True: bytes came. False: the connection ended (state() unchanged) or the attempt has failed.
Task<bool> Attempt::more() {
    for (;;) {
        const Look seen = look();
        if (seen != Look::nothing) co_return seen == Look::bytes;
        co_await watch_.signal().wait();
        if (watch_.stopped()) {
            stop_waiting();
            co_return false;
        }
    }
}

std::string_view Attempt::body() const {
    if (!stream_ || !reader_) return {};
    return stream_->in.view().substr(0, reader_->payload());
}

Task<void> Attempt::read_error() {
    const auto idle = spec_.upstream->timeouts.idle;
    for (;;) {
        if (!reader_->digest(stream_->in)) break;
        body_whole_ = reader_->complete();
        if (body_whole_ || reader_->payload() > kMaxErrorBody) break;
        set_deadline(phase(std::min(idle, spec_.upstream->timeouts.response)));
        const bool came = co_await more();
        if (state_ == State::failed && failure_ == FailureClass::client_closed) co_return;
        if (!came) {
            body_whole_ = state_ != State::failed && reader_->end_of_stream() && !stream_->cut();
            break;
        }
    }
    // The status alone decides when its body did not come whole.
    std::string decoded;
    std::string_view text = body();
    if (!content_encoding_.empty() && wire::Inflater(kMaxErrorBody).feed(text, decoded)) {
        text = decoded;
    }
    wire::ResponseHead head;
    wire::HeadReader reader({raw_head_.size() + 1, spec_.header_count});
    reader.read_response(raw_head_, false, head);
    const auto failure = wire::classify_status(head_.status, text, head.fields);
    if (!retry_after_) retry_after_ = wire::retry_delay(text);
    state_ = State::running;  // the answer's class counts, not that its body stalled
    fail(failure, "HTTP " + std::to_string(head_.status));
}

Task<void> Attempt::hold_plain() {
    const auto& limits = spec_.upstream->timeouts;
    for (;;) {
        if (!reader_->digest(stream_->in)) {
            fail(FailureClass::malformed, "broken chunked coding");
            co_return;
        }
        if (reader_->complete()) {
            judge_plain();
            co_return;
        }
        if (reader_->payload() > spec_.buffer_response) {
            start_streaming();
            co_return;
        }
        const auto expected = reader_->expected();
        if (expected > 0 && expected <= spec_.buffer_response) {
            stream_->in.ensure_free(static_cast<std::size_t>(expected));
        }
        set_deadline(std::min(sent_at_ + limits.response, coarse_now() + limits.idle));
        const bool came = co_await more();
        if (came) continue;
        if (state_ == State::failed) co_return;
        if (reader_->end_of_stream() && !stream_->cut()) {
            judge_plain();
        } else {
            fail(FailureClass::malformed, "the answer was cut: " + describe(stream_->read_error()));
        }
        co_return;
    }
}

void Attempt::judge_plain() {
    body_whole_ = true;
    ended_at_ = Clock::now();
    if (content_encoding_.empty() || iequals(content_encoding_, "identity")) {
        judge_plain_body(body());
        return;
    }
    std::string decoded;
    wire::Inflater inflater;
    if ((iequals(content_encoding_, "gzip") || iequals(content_encoding_, "deflate"))) {
        if (inflater.feed(body(), decoded) && inflater.finished()) {
            judge_plain_body(decoded);
        } else {
            fail(FailureClass::malformed, "broken " + content_encoding_ + " body");
        }
        return;
    }
    state_ = State::whole;  // an encoding nobody here can read: complete, not metered
}

void Attempt::judge_plain_body(std::string_view text) {
    auto facts = wire::inspect_answer(spec_.shape, text, label_);
    metered_.usage = facts.usage;
    metered_.model = std::move(facts.model);
    metered_.service_tier = std::move(facts.service_tier);
    if (facts.error_inside) {
        error_inside_ = true;
        fail(FailureClass::malformed, "an error inside a 200" + kind_of(text));
    } else if (!facts.well_formed || !facts.complete) {
        fail(FailureClass::malformed, facts.problem != nullptr ? facts.problem : "not an answer");
    } else if (spec_.stream && needs_finish(spec_.shape)) {
        fail(FailureClass::malformed, "events were asked for, a plain answer came");
    } else {
        state_ = State::whole;
    }
}

// Too large to hold: from here on it goes to the client as it comes.
bool Attempt::start_streaming() {
    first_at_ = progress_at_ = handed_at_ = Clock::now();
    sendable_ = reader_->payload();
    watch_tail();
    state_ = State::committed;
    stream_->set_flowing(true);
    return true;
}

Task<void> Attempt::hold_stream() {
    const auto& limits = spec_.upstream->timeouts;
    for (;;) {
        if (!reader_->digest(stream_->in)) {
            fail(FailureClass::malformed, "broken chunked coding");
            co_return;
        }
        const auto events = meter_->payload_events();
        auto verdict = meter_->scan(body());
        const bool ended = reader_->complete();
        if (ended && verdict == StreamMeter::Verdict::none) verdict = meter_->scan_rest(body());
        const auto now = Clock::now();
        if (meter_->payload_events() != events) progress_at_ = now;
        if (verdict == StreamMeter::Verdict::none && body().size() > spec_.buffer_response) {
            meter_->give_up();
            verdict = meter_->scan(body());
        }
        if (verdict == StreamMeter::Verdict::commit) {
            commit();
            co_return;
        }
        if (verdict == StreamMeter::Verdict::error) {
            body_whole_ = error_inside_ = true;  // these bytes are what the upstream has to say
            fail(FailureClass::malformed,
                 "an error event came first" + kind_of(meter_->error_json()));
            co_return;
        }
        if (ended) {
            fail(FailureClass::malformed, "the stream ended before its first token");
            co_return;
        }
        const auto first = sent_at_ + limits.first_token;
        set_deadline(meter_->payload_events() > 0 ? std::min(first, progress_at_ + limits.idle)
                                                  : first);
        const bool came = co_await more();
        if (came) continue;
        if (state_ == State::failed) co_return;
        if (!reader_->end_of_stream() || stream_->cut()) {
            fail(FailureClass::malformed,
                 "the stream was cut before its first token: " + describe(stream_->read_error()));
            co_return;
        }
    }
}

// Whether the bytes that would commit the stream already show that it came to a bad end. Nothing
// has been sent yet, so another upstream can still give the whole answer.
const char* Attempt::already_over() const {
    const auto& facts = meter_->facts();
    if (facts.error) return "an error event in the stream";
    const bool over = reader_->complete() || facts.done;
    if (over && needs_finish(spec_.shape) && !meter_->gave_up() && !facts.finish) {
        return "the stream ended without a finish_reason";
    }
    return nullptr;
}

void Attempt::commit() {
    first_at_ = progress_at_ = handed_at_ = Clock::now();
    const char* const over = already_over();
    if (over == nullptr) {
        state_ = State::committed;
        stream_->set_flowing(true);
    } else if (meter_->facts().error) {
        fail(FailureClass::malformed, over + kind_of(meter_->error_json()));
    } else {
        fail(FailureClass::malformed, over);
    }
}

void Attempt::gather(GatherList& out) const {
    if (!stream_) return;
    if (!meter_) {
        out.add(body().substr(0, sendable_));
        return;
    }
    for (const auto& span : meter_->ready()) out.add(span.of(stream_->in.view()));
}

void Attempt::advance() {
    if (!stream_) return;
    const std::size_t n = meter_ ? meter_->ready_end() : sendable_;
    stream_->in.consume(n);
    reader_->consumed(n);
    if (meter_) meter_->take();
    sendable_ = 0;
    // Time spent on a slow client is not the upstream's silence.
    const auto now = coarse_now();
    progress_at_ += now - handed_at_;
    handed_at_ = now;
}

// Looks at what came and makes it ready.
void Attempt::scan_stream() {
    handed_at_ = coarse_now();
    if (!meter_) {
        sendable_ = reader_->payload();
        watch_tail();
        progress_at_ = handed_at_;
        return;
    }
    const auto events = meter_->payload_events();
    meter_->scan(body());
    if (meter_->payload_events() != events) progress_at_ = handed_at_;
    const std::size_t held = body().size() - meter_->ready_end();
    if (held > std::max(spec_.buffer_response, kMinMaxEvent)) {
        meter_->give_up();
        meter_->scan(body());
    }
}

void Attempt::watch_tail() {
    const auto fresh = body();
    tail_.append(fresh.substr(fresh.size() > kTail ? fresh.size() - kTail : 0));
    if (tail_.size() > 2 * kTail) tail_.erase(0, tail_.size() - kTail);
}

// The body has come to its end, or its end marker has; was that the proper end of an answer?
void Attempt::finish_stream() {
    ended_at_ = Clock::now();
    if (!meter_) {
        if (content_encoding_.empty()) metered_.usage = usage_in_tail(tail_);
        state_ = State::finished;
        return;
    }
    const auto& facts = meter_->facts();
    if (facts.error) {
        fail(FailureClass::malformed,
             "an error event in the stream" + kind_of(meter_->error_json()));
    } else if (needs_finish(spec_.shape) && !meter_->gave_up() && !facts.finish) {
        // [DONE] alone does not make it whole: servers send it behind their errors as well.
        fail(FailureClass::malformed, "the stream ended without a finish_reason");
    } else {
        state_ = State::finished;
    }
}

void Attempt::end_of_body() {
    const std::size_t whole_events = meter_ ? meter_->ready_end() : 0;
    if (meter_) meter_->scan_rest(body());
    finish_stream();
    // Half an event in front of our error event would garble it.
    if (meter_ && state_ == State::broken) meter_->hold_back(whole_events);
}

bool Attempt::pump() {
    for (;;) {
        if (reader_->complete()) {
            end_of_body();
            return true;
        }
        if (meter_ && meter_->facts().done) {
            finish_stream();
            return true;
        }
        // The request's deadline ends with the commit: an answer that flows is not cut.
        const auto idle = spec_.upstream->timeouts.idle;
        const auto patience = finished_but_open() ? std::min(idle, kAfterFinish) : idle;
        watch_.set_deadline(std::min(progress_at_ + patience, total_at_));
        const Look seen = look();
        if (seen == Look::nothing) return false;
        if (seen == Look::ended) {
            if (state_ != State::committed) return true;
            if (reader_->end_of_stream() && !stream_->cut()) continue;
            // What came whole before the cut still counts.
            if (finished_but_open()) {
                finish_stream();
            } else {
                fail(FailureClass::malformed, "the stream was cut");
            }
            return true;
        }
        if (!reader_->digest(stream_->in)) {
            fail(FailureClass::malformed, "broken chunked coding");
            return true;
        }
        scan_stream();
        const bool ready = meter_ ? !meter_->ready().empty() : sendable_ > 0;
        if (ready) return true;
        if (meter_ && meter_->ready_end() > 0) advance();  // only dropped events
    }
}

bool Attempt::waited_in_vain() {
    if (!watch_.stopped()) return false;
    stop_waiting();
    return true;
}

// The answer has ended, but its framing not yet, and the connection is worth waiting for that.
bool Attempt::rest_may_come() const {
    return stream_ && reader_ && !reader_->complete() && state_ == State::finished && keep_alive_;
}

bool Attempt::release() {
    if (rest_may_come()) return false;
    watch_.clear_deadline();
    return_connection();
    return true;
}

Task<void> Attempt::settle() {
    watch_.set_deadline(coarse_now() + kSettle);
    while (rest_may_come()) {
        reader_->consumed(reader_->payload());
        stream_->in.clear();
        const bool came = co_await more();
        if (!came || !stream_ || !reader_->digest(stream_->in)) break;
    }
    watch_.clear_deadline();
    return_connection();
}

}  // namespace understudy::upstreams
