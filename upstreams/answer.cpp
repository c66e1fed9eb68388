// The part of an attempt that reads the answer's body, and passes it on once it is committed.
#include "upstreams/answer_words.hpp"
#include "upstreams/attempt.hpp"
#include "wire/answer_traits.hpp"

#include <boost/asio/error.hpp>

#include <algorithm>
#include <utility>

namespace understudy::upstreams {

using wire::FailureClass;

namespace {

constexpr std::size_t kStreamRead = 4 * 1024;       // least room for one read of events
constexpr std::chrono::seconds kCodingsEnd{5};      // for a checksum behind [DONE]
constexpr std::chrono::milliseconds kSettle{200};   // for the end of the body behind [DONE]
constexpr std::chrono::milliseconds kLastLook{20};  // for bytes that the kernel has already

}  // namespace

// The answer is complete, only the end of the stream has not come. Where a finish has been taken
// back before, or belongs to one of several choices, only the end of the stream tells.
bool Attempt::finished_but_open() const {
    if (!meter_) return false;
    if (has_marker()) return true;  // only its coding has not ended
    const auto& facts = meter_->facts();
    if (spec_.several_choices) return false;
    return facts.finish && !facts.doubtful && !facts.error;
}

// Brings what came of the body into view. False: broken framing. An echo of the upstream's own key
// is masked before anybody can look, here or, in events, by the meter.
bool Attempt::digest() {
    if (!reader_->digest(stream_->in)) return false;
    if (!meter_ || meter_->gave_up()) mask_fresh();
    return true;
}

void Attempt::mask_fresh() {
    const auto& mask = key_mask();
    const std::size_t held = reader_->payload();
    if (held != masked_ && !mask.empty() && coding_ == wire::Coding::identity) {
        const std::size_t from = masked_ - std::min(masked_, mask.longest() - 1);
        mask.apply(stream_->in.data() + from, held - from);
    }
    masked_ = held;
}

// Compressed, so that a key in it can only be seen where it is decoded.
bool Attempt::unsearchable() const {
    return coding_ != wire::Coding::identity && !key_mask().empty();
}

// For the next read. A stream that holds nothing waits without a place for what will come: most of
// them wait most of the time.
inline bool Attempt::make_room() {
    net::Bytes& in = stream_->in;
    if (!meter_) return in.ensure_free(net::kReadBuffer);
    // A large event was here, as a Response's first one is that repeats the request.
    if (in.empty() && in.capacity() > net::kReadBuffer) in.release();
    return in.lend() || in.ensure_free(kStreamRead);
}

// What there is to know of the upstream without waiting. Keeps a read under way.
Attempt::Look Attempt::look() {
    for (;;) {
        if (stream_->received() != received_) {
            received_ = stream_->received();
            return Look::bytes;
        }
        if (stream_->read_error()) return Look::ended;
        if (stream_->read_armed()) return Look::nothing;
        if (!make_room()) {
            fail(FailureClass::overloaded, kOutOfMemory);
            return Look::ended;
        }
        stream_->arm_read();  // may decrypt at once, or find the end
    }
}

// The client left, or a deadline has passed, and nothing that came in time is left to look at. What
// has arrived by the time a deadline passes is looked at first, once per deadline: only if that
// does not move the deadline is it over.
bool Attempt::time_is_up() {
    if (!watch_.stopped()) return false;
    if (watch_.client_gone()) return true;
    if (backlog()) return false;
    if (!stream_ || last_look_for_ == limit_) return true;
    last_look_for_ = limit_;
    const bool came = stream_->received() != received_ || stream_->read_error();
    if (!came && !stream_->readable()) return true;
    watch_.set_deadline(net::coarse_now() + kLastLook);
    return false;
}

bool Attempt::has_marker() const {
    return meter_ && meter_->facts().done;
}

net::TimePoint Attempt::silent_at() const {
    const auto idle = spec_.upstream->timeouts.idle;
    const auto longest = has_marker() ? std::min<net::Clock::duration>(idle, kCodingsEnd) : idle;
    return std::min(progress_at_ + longest, total_at_);
}

// A window of min_rate is over: was it one of progress? Then the next one begins. Not asked of an
// answer that has its finish: what comes behind it is no text.
bool Attempt::too_slow(net::TimePoint now) {
    const auto& rate = *spec_.upstream->min_rate;
    if (now < rate_from_ + rate.window) return false;
    const auto& facts = meter_->facts();
    if (facts.content_events - rate_events_ < rate.events && !facts.finish) {
        fail(FailureClass::timeout, "timeout: slower than min_rate");
        return true;
    }
    rate_events_ = facts.content_events;
    rate_from_ = now;
    return false;
}

// The client left, or a deadline passed, while the upstream was waited for.
void Attempt::stop_waiting() {
    const bool has_all = has_marker() || !watch_.client_gone();
    if (state_ == State::committed && finished_but_open() && has_all) {
        finish_stream();
        return;
    }
    // A plain answer may have been on its way all the while: then it took too long, and was not
    // silent.
    const auto& limits = spec_.upstream->timeouts;
    const char* in_the_body = progress_at_ + limits.idle <= limit_   ? "the answer went silent"
                              : sent_at_ + limits.response <= limit_ ? "took longer than "
                                                                       "timeouts.response"
                                                                     : "the answer was not whole "
                                                                       "in time";
    const char* during = head_.status == 0            ? "no answer"
                         : state_ == State::committed ? "the stream went silent"
                         : spec_.stream               ? "no first token"
                         : reader_->payload() == 0    ? "no answer behind its head"
                                                      : in_the_body;
    fail_by_watch(during);
}

// True: bytes came. False: the connection ended (state() unchanged) or the attempt has failed.
net::Task<bool> Attempt::more() {
    for (;;) {
        const Look seen = look();
        if (seen != Look::nothing) co_return seen == Look::bytes;
        co_await watch_.signal().wait();
        if (time_is_up()) {
            stop_waiting();
            co_return false;
        }
    }
}

// Between two slices of work that nobody else should have to wait for. False: the client has left.
net::Task<bool> Attempt::let_others_run() {
    watch_.set_deadline(net::TimePoint{});  // the timer's next turn
    while (!watch_.stopped()) co_await watch_.signal().wait();
    if (!watch_.client_gone()) co_return true;
    stop_waiting();
    co_return false;
}

std::string_view Attempt::body() const {
    if (decoded_) return decoded_->out.view();
    if (!stream_ || !reader_) return {};
    return stream_->in.view().substr(0, reader_->payload());
}

void Attempt::gather(net::GatherList& out) const {
    if (!stream_) return;
    if (!meter_) {
        out.add(body().substr(0, sendable_));
        return;
    }
    const auto source = meter_->source(stream_->in.view());
    for (const auto& span : meter_->ready()) out.add(span.of(source));
}

void Attempt::advance() {
    if (!stream_) return;
    const std::size_t n = meter_ ? meter_->ready_end() : sendable_;
    stream_->in.consume(n);
    reader_->consumed(n);
    masked_ -= std::min(masked_, n);
    watched_ -= std::min(watched_, n);
    if (meter_) meter_->take();
    sendable_ = 0;
    // Time spent on a slow client is not the upstream's silence.
    const auto now = net::coarse_now();
    progress_at_ += now - handed_at_;
    rate_from_ += now - handed_at_;
    handed_at_ = now;
}

// Looks at what came and makes it ready.
void Attempt::scan_stream() {
    handed_at_ = net::coarse_now();
    if (!meter_) {
        watch_passing();
        progress_at_ = handed_at_;
        if (passing_ && passing_->error()) spoil_passing(kErrorInside);
        return;
    }
    const auto progress = meter_->progress();
    const auto held = body();
    // When nobody looks at events any more, a key may have begun in the last bytes.
    const auto verdict = meter_->scan(meter_->gave_up() ? held.substr(0, surely_masked()) : held);
    if (meter_->progress() != progress) progress_at_ = handed_at_;
    if (verdict == StreamMeter::Verdict::unreadable) {
        fail(FailureClass::malformed, kNotInItsCoding);
    } else if (verdict == StreamMeter::Verdict::leak) {
        fail(FailureClass::malformed, kHoldsKey);
    } else if (verdict == StreamMeter::Verdict::no_memory) {
        fail(FailureClass::overloaded, kOutOfMemory);
    } else if (meter_->facts().error && meter_->holds_errors()) {
        fail(FailureClass::malformed,
             "an error event in the stream" + kind_of(meter_->error_json()));
    } else if (meter_->unfinished(held) > largest_event()) {
        if (unsearchable() || spec_.rewritten) {
            fail(FailureClass::malformed, spec_.rewritten ? kTooLarge : kUnsearched);
            return;
        }
        meter_->give_up();
        masked_ = 0;
        mask_fresh();
        meter_->scan(body().substr(0, surely_masked()));
    }
}

// As much of the payload as can go out: in its last bytes a key may have begun.
std::size_t Attempt::surely_masked() const {
    const std::size_t longest = key_mask().longest();
    const std::size_t held = reader_->payload();
    if (longest == 0 || reader_->complete()) return held;
    return held - std::min(held, longest - 1);
}

// Looks at what came of a plain answer that is passed on, and makes it ready. A compressed one goes
// out as far as it has been looked at.
void Attempt::watch_passing() {
    auto fresh = body().substr(watched_);
    if (passing_decoder_) {
        const auto result = passing_decoder_->feed(fresh);
        passing_->feed(passing_decoder_->out.view());
        passing_decoder_->out.clear();
        passing_backlog_ = result == Decoder::Result::more;
        // What cannot be read is passed on all the same, and nobody knows what it says.
        if (result == Decoder::Result::broken || result == Decoder::Result::no_memory) {
            passing_.reset();
            passing_decoder_.reset();
        }
        watched_ = passing_decoder_ ? body().size() - fresh.size() : body().size();
    } else {
        if (passing_) passing_->feed(fresh);
        watched_ = body().size();
    }
    sendable_ = std::min(surely_masked(), watched_);
    note_passing();
}

// With its last bytes it would look whole.
void Attempt::spoil_passing(const char* why) {
    sendable_ = 0;
    fail(FailureClass::malformed, why);
}

void Attempt::note_passing() {
    if (!passing_) return;
    auto told = passing_->facts();
    metered_.usage = told.usage;
    metered_.text_bytes = told.text_bytes;
    metered_.content_events = told.text_bytes > 0 ? 1 : 0;  // in one piece
    metered_.model = std::move(told.model);
    metered_.service_tier = std::move(told.service_tier);
}

// The stream is over, and the answer in it is not. [DONE] alone does not make it whole: servers
// send it behind their errors as well.
bool Attempt::lacks_end() const {
    if (meter_->gave_up()) return false;
    const auto& facts = meter_->facts();
    return wire::traits_of(spec_.shape).needs_finish ? !facts.finish : facts.open;
}

// The body has come to its end, or its end marker has; was that the proper end of an answer?
void Attempt::finish_stream() {
    ended_at_ = net::Clock::now();
    if (!meter_) {
        if (passing_ && passing_->error()) {
            spoil_passing(kErrorInside);
        } else if (passing_ && !passing_->reached()) {
            spoil_passing("the answer ends inside its JSON");
        } else if (passing_ && !passing_->answered()) {
            spoil_passing("not an answer");
        } else {
            state_ = State::finished;
        }
        return;
    }
    const auto& facts = meter_->facts();
    if (facts.error) {
        fail(FailureClass::malformed,
             "an error event in the stream" + kind_of(meter_->error_json()));
    } else if (lacks_end()) {
        fail(FailureClass::malformed, words_for_no_end(spec_.shape));
    } else {
        state_ = State::finished;
    }
}

void Attempt::end_of_body() {
    const std::size_t whole_events = meter_ ? meter_->source_end() : 0;
    const std::uint64_t passed = meter_ ? meter_->events() : 0;
    if (meter_) meter_->scan_rest(body());
    if (!meter_) watch_passing();
    finish_stream();
    // Half an event in front of our error event would garble it.
    if (meter_ && state_ == State::broken) meter_->hold_back(whole_events, passed);
}

bool Attempt::pump() {
    for (;;) {
        const bool backlog = this->backlog();
        if (reader_->complete() && !backlog) {
            end_of_body();
            return true;
        }
        if (meter_ && meter_->over()) {
            finish_stream();
            return true;
        }
        // The request's deadline ends with the commit: an answer that flows is not cut.
        limit_ = silent_at();
        if (spec_.upstream->min_rate && meter_ && !has_marker()) {
            if (too_slow(net::coarse_now())) return true;
            limit_ = std::min(limit_, rate_from_ + spec_.upstream->min_rate->window);
        }
        if (backlog && !watch_.expired()) {
            watch_.set_deadline(net::TimePoint{});  // others first
            return false;
        }
        watch_.set_deadline(limit_);
        const Look seen = backlog ? Look::bytes : look();
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
        if (!digest()) {
            fail(FailureClass::malformed, reader_->problem());
            return true;
        }
        scan_stream();
        if (state_ != State::committed) return true;
        const bool ready = meter_ ? !meter_->ready().empty() : sendable_ > 0;
        if (ready) return true;
        if (meter_ && meter_->ready_end() > 0) advance();  // only dropped events
    }
}

bool Attempt::waited_in_vain() {
    if (!time_is_up()) return false;
    // Of the deadlines this one alone may begin anew.
    const bool rated = spec_.upstream->min_rate && meter_ && !has_marker();
    if (rated && state_ == State::committed && !watch_.client_gone()) {
        if (too_slow(net::coarse_now())) return true;
        if (net::coarse_now() < silent_at()) return false;
    }
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

net::Task<void> Attempt::settle() {
    watch_.set_deadline(net::coarse_now() + kSettle);
    while (rest_may_come()) {
        reader_->drop_rest(stream_->in);
        const bool came = co_await more();
        if (!came || !stream_ || !reader_->digest(stream_->in)) break;
    }
    watch_.clear_deadline();
    return_connection();
}

}  // namespace understudy::upstreams
