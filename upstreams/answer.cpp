// The part of an attempt that reads the answer's body: held until it can be judged, then passed on.
#include "upstreams/attempt.hpp"
#include "wire/classify.hpp"
#include "wire/refused_member.hpp"

#include <boost/asio/error.hpp>

#include <algorithm>
#include <utility>

namespace understudy::upstreams {

using wire::FailureClass;

namespace {

constexpr std::size_t kMaxErrorBody = 1 << 20;      // of an answer that is not 2xx
constexpr std::size_t kMinMaxEvent = 1 << 20;       // an event up to this is always held whole
constexpr std::size_t kTail = 16 * 1024;            // of a large plain answer, to find its usage in
constexpr std::size_t kStreamRead = 4 * 1024;       // least room for one read of events
constexpr std::chrono::milliseconds kSettle{200};   // for the end of the body behind [DONE]
constexpr std::chrono::milliseconds kLastLook{20};  // for bytes that the kernel has already
constexpr const char* kNotInItsCoding =
    "the body is not, or not whole, in the coding that its head names";
constexpr const char* kHoldsKey = "a compressed answer that holds the upstream's own key";
constexpr const char* kUnsearched =
    "a compressed answer too large to be searched for the upstream's own key";
constexpr std::size_t kMaxDecoded = 16 << 20;  // of a compressed plain answer

bool needs_finish(wire::AnswerShape shape) {
    return shape == wire::AnswerShape::chat || shape == wire::AnswerShape::completion ||
           shape == wire::AnswerShape::responses;
}

bool may_be_about_the_request(FailureClass failure) {
    return failure == FailureClass::bad_request || failure == FailureClass::not_found ||
           failure == FailureClass::server_error;
}

// What the error inside a 2xx is about, for logs and messages; its class is malformed:
// a server that reports an error as a success is not to be believed in detail either.
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

// The answer is complete, only the end of the stream has not come. Where a finish has been taken
// back before, or belongs to one of several choices, only the end of the stream tells.
bool Attempt::finished_but_open() const {
    if (!meter_ || spec_.several_choices) return false;
    const auto& facts = meter_->facts();
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

// Compressed, so that a key in it can only be seen where it is decoded, and masked nowhere.
bool Attempt::unsearchable() const {
    return coding_ != wire::Coding::identity && !key_mask().empty();
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
        if (!stream_->in.ensure_free(meter_ ? kStreamRead : kReadBuffer)) {
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
    if (meter_ && meter_->backlog()) return false;
    if (!stream_ || last_look_for_ == limit_) return true;
    last_look_for_ = limit_;
    const bool came = stream_->received() != received_ || stream_->read_error();
    if (!came && !stream_->readable()) return true;
    watch_.set_deadline(coarse_now() + kLastLook);
    return false;
}

// The client left, or a deadline passed, while the upstream was waited for.
void Attempt::stop_waiting() {
    if (state_ == State::committed && finished_but_open() && !watch_.client_gone()) {
        finish_stream();
        return;
    }
    const char* during = head_.status == 0            ? "no answer"
                         : state_ == State::committed ? "the stream went silent"
                         : spec_.stream               ? "no first token"
                         : reader_->payload() == 0    ? "no answer behind its head"
                                                      : "the answer went silent";
    fail_by_watch(during);
}

// True: bytes came. False: the connection ended (state() unchanged) or the attempt has failed.
Task<bool> Attempt::more() {
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
Task<bool> Attempt::let_others_run() {
    watch_.set_deadline(TimePoint{});  // the timer's next turn
    while (!watch_.stopped()) co_await watch_.signal().wait();
    if (!watch_.client_gone()) co_return true;
    stop_waiting();
    co_return false;
}

std::string_view Attempt::body() const {
    if (!stream_ || !reader_) return {};
    return stream_->in.view().substr(0, reader_->payload());
}

// Servers that choke on an unknown member say so with a 400 or 422, a 404 or even a 500.
void Attempt::look_for_refused_addition(std::string_view error_body) {
    if (!spec_.inject_usage) return;
    const auto& members = spec_.facts->members;
    const bool clients_own = std::any_of(members.begin(), members.end(), [&](const auto& member) {
        return wire::key_equals(member.key.of(spec_.body), "stream_options");
    });
    refused_addition_ = wire::blames_member(error_body, "include_usage") ||
                        (!clients_own && wire::blames_member(error_body, "stream_options"));
}

Task<void> Attempt::read_error() {
    const auto idle = spec_.upstream->timeouts.idle;
    for (;;) {
        if (!digest()) break;
        body_whole_ = reader_->complete();
        if (body_whole_ || reader_->payload() > kMaxErrorBody) break;
        set_deadline(std::min(sent_at_ + until_content(), coarse_now() + idle));
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
    const bool readable =
        coding_ == wire::Coding::identity ||
        (coding_ == wire::Coding::deflated && wire::inflate_whole(text, kMaxErrorBody, decoded));
    if (!decoded.empty()) text = decoded;
    // In a compressed body our key cannot be masked, and in one that cannot be read not be seen.
    if (key_mask().apply(decoded) || (!readable && unsearchable())) body_whole_ = false;
    wire::ResponseHead head;
    wire::HeadReader reader({raw_head_.size() + 1, spec_.header_count});
    reader.read_response(raw_head_, false, head);
    const auto failure = wire::classify_status(head_.status, text, head.fields);
    if (!retry_after_) retry_after_ = wire::retry_delay(text);
    if (may_be_about_the_request(failure)) look_for_refused_addition(text);
    state_ = State::running;  // the answer's class counts, not that its body stalled
    fail(failure, "HTTP " + std::to_string(head_.status));
}

// How the body begins, decoded; nullopt when it is not in the coding that its head names.
std::optional<wire::BodyStart> Attempt::beginning() const {
    if (coding_ == wire::Coding::identity) return wire::body_start(body());
    Decoder decoder(stream_->in.budget());
    auto text = body();
    if (decoder.feed(text) == Decoder::Result::broken) return std::nullopt;
    return wire::body_start(decoder.out.view());
}

void Attempt::read_as_events() {
    auto* const decode = coding_ == wire::Coding::identity ? nullptr : &stream_->in.budget();
    meter_.emplace(spec_.shape, decode, spec_.inject_usage, &key_mask());
}

// A stream was asked for. Events are events under any label, and an object is none under the label
// of events. True: it is decided how the body is read, or the attempt has failed.
bool Attempt::know_kind(bool ended) {
    if (!digest()) {
        fail(FailureClass::malformed, "broken chunked coding");
        return true;
    }
    const auto start = beginning();
    const bool over = ended || reader_->complete() || body().size() > spec_.buffer_response;
    if (!start) {
        fail(FailureClass::malformed, kNotInItsCoding);
        return true;
    }
    if (start == wire::BodyStart::need_more && !over) return false;
    const bool plainly_none =
        start == wire::BodyStart::json || start == wire::BodyStart::page || !labelled_events_;
    if (start == wire::BodyStart::events || !plainly_none) read_as_events();
    return true;
}

Task<void> Attempt::hold_beginning() {
    bool ended = false;
    while (!know_kind(ended)) {
        set_deadline(sent_at_ + spec_.upstream->timeouts.first_token);
        const bool came = co_await more();
        if (state_ != State::running) co_return;
        ended = !came;
    }
}

Task<void> Attempt::hold_plain() {
    const auto& limits = spec_.upstream->timeouts;
    // An object instead of the events asked for can at best be an error, which is soon told.
    const auto patience =
        spec_.stream && needs_finish(spec_.shape) ? limits.first_token : limits.response;
    for (std::size_t held = 0;;) {
        if (!digest()) {
            fail(FailureClass::malformed, "broken chunked coding");
            co_return;
        }
        if (reader_->complete()) {
            if (!judge_uncoded()) co_await judge_coded();
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
        if (reader_->payload() != held) progress_at_ = coarse_now();
        held = reader_->payload();
        // Silence is measured from the first byte of the body on: until then the model may think.
        auto limit = sent_at_ + patience;
        if (held > 0) limit = std::min(limit, progress_at_ + limits.idle);
        set_deadline(limit);
        const bool came = co_await more();
        if (came) continue;
        if (state_ == State::failed) co_return;
        if (reader_->end_of_stream() && !stream_->cut()) {
            if (!judge_uncoded()) co_await judge_coded();
        } else {
            fail(FailureClass::malformed, "the answer was cut: " + describe(stream_->read_error()));
        }
        co_return;
    }
}

// The answer is whole. False: it is compressed, and judge_coded() has to look.
bool Attempt::judge_uncoded() {
    body_whole_ = true;
    ended_at_ = Clock::now();
    if (coding_ != wire::Coding::identity) return false;
    judge_plain_body(body());
    return true;
}

// A compressed answer, decoded slice by slice.
Task<void> Attempt::judge_coded() {
    const std::size_t most = std::max(kMaxDecoded, spec_.buffer_response);
    Decoder decoder(stream_->in.budget());
    for (auto text = body();;) {
        const auto result = decoder.feed(text);
        if (result == Decoder::Result::no_memory) {
            fail(FailureClass::overloaded, kOutOfMemory);
            co_return;
        }
        if (decoder.out.size() > most) {
            fail(FailureClass::malformed,
                 "a compressed body that decodes to more than " + std::to_string(most) + " bytes");
            co_return;
        }
        if (result == Decoder::Result::broken || result == Decoder::Result::drained) break;
        const bool stay = co_await let_others_run();
        if (!stay) co_return;
    }
    if (key_mask().apply(decoder.out.data(), decoder.out.size())) {
        fail(FailureClass::malformed, kHoldsKey);
    } else if (decoder.finished()) {
        judge_plain_body(decoder.out.view());
    } else {
        fail(FailureClass::malformed, kNotInItsCoding);
    }
}

void Attempt::judge_plain_body(std::string_view text) {
    auto facts = wire::inspect_answer(spec_.shape, text, label_);
    metered_.usage = facts.usage;
    metered_.model = std::move(facts.model);
    metered_.service_tier = std::move(facts.service_tier);
    if (facts.error_inside) {
        error_inside_ = true;
        inline_status_ = wire::status_of_inline_error(text);
        look_for_refused_addition(text);
        fail(FailureClass::malformed, "an error inside a 200" + kind_of(text));
    } else if (!facts.well_formed || !facts.complete) {
        fail(FailureClass::malformed, facts.problem != nullptr ? facts.problem : "not an answer");
    } else if (spec_.stream && needs_finish(spec_.shape)) {
        fail(FailureClass::malformed, "events were asked for, a plain answer came");
    } else {
        state_ = State::whole;
    }
}

// Too large to hold: from here on it goes to the client as it comes, if it begins like an answer.
void Attempt::start_streaming() {
    const auto start = beginning();
    if (!start) {
        fail(FailureClass::malformed, kNotInItsCoding);
        return;
    }
    if (unsearchable()) {
        fail(FailureClass::malformed, kUnsearched);
        return;
    }
    const bool object = start == wire::BodyStart::json;
    const bool bytes = spec_.shape == wire::AnswerShape::opaque && start != wire::BodyStart::page &&
                       start != wire::BodyStart::need_more;
    if (spec_.stream && needs_finish(spec_.shape)) {
        fail(FailureClass::malformed, "events were asked for, a plain answer came");
        return;
    }
    if (!object && !bytes) {
        fail(FailureClass::malformed, start == wire::BodyStart::page ? "HTML" : "not an answer");
        return;
    }
    if (!heads_.set(head_.fields.size() + 2 * kTail)) {
        fail(FailureClass::overloaded, kOutOfMemory);
        return;
    }
    first_at_ = progress_at_ = handed_at_ = Clock::now();
    sendable_ = surely_masked();
    if (object && coding_ == wire::Coding::identity) json_end_.emplace();
    watch_tail();
    state_ = State::committed;
    stream_->set_flowing(true);
}

// What a look at the held events decides. True: nothing more is to be waited for here.
bool Attempt::judge_held(StreamMeter::Verdict verdict) {
    using Verdict = StreamMeter::Verdict;
    const auto held = std::max<std::uint64_t>(body().size(), meter_->decoded());
    if (verdict == Verdict::commit) {
        commit();
    } else if (verdict == Verdict::error) {
        body_whole_ = error_inside_ = true;  // these bytes are what the upstream has to say
        inline_status_ = wire::status_of_inline_error(meter_->error_json());
        look_for_refused_addition(meter_->error_json());
        fail(FailureClass::malformed, "an error event came first" + kind_of(meter_->error_json()));
    } else if (verdict == Verdict::unreadable) {
        fail(FailureClass::malformed, kNotInItsCoding);
    } else if (verdict == Verdict::leak) {
        fail(FailureClass::malformed, kHoldsKey);
    } else if (verdict == Verdict::no_memory) {
        fail(FailureClass::overloaded, kOutOfMemory);
    } else if (held > spec_.buffer_response) {
        fail(FailureClass::malformed,
             "more than limits.buffer_response came before the first token");
    } else {
        return false;
    }
    return true;
}

Task<void> Attempt::hold_stream() {
    for (;;) {
        if (!digest()) {
            fail(FailureClass::malformed, "broken chunked coding");
            co_return;
        }
        auto verdict = meter_->scan(body());
        const bool ended = reader_->complete() && !meter_->backlog();
        if (ended && verdict == StreamMeter::Verdict::none) verdict = meter_->scan_rest(body());
        if (judge_held(verdict)) co_return;
        if (meter_->backlog()) {
            const bool stay = co_await let_others_run();
            if (!stay) co_return;
            continue;
        }
        if (ended) {
            fail(FailureClass::malformed, "the stream ended before its first token");
            co_return;
        }
        set_deadline(sent_at_ + spec_.upstream->timeouts.first_token);
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
    masked_ -= std::min(masked_, n);
    watched_ -= std::min(watched_, n);
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
        sendable_ = surely_masked();
        watch_tail();
        progress_at_ = handed_at_;
        return;
    }
    const auto progress = meter_->progress();
    // When nobody looks at events any more, a key may have begun in the last bytes.
    const auto verdict =
        meter_->scan(meter_->gave_up() ? body().substr(0, surely_masked()) : body());
    if (meter_->progress() != progress) progress_at_ = handed_at_;
    if (verdict == StreamMeter::Verdict::unreadable) {
        fail(FailureClass::malformed, kNotInItsCoding);
    } else if (verdict == StreamMeter::Verdict::leak) {
        fail(FailureClass::malformed, kHoldsKey);
    } else if (verdict == StreamMeter::Verdict::no_memory) {
        fail(FailureClass::overloaded, kOutOfMemory);
    } else if (meter_->unfinished(body()) > std::max(spec_.buffer_response, kMinMaxEvent)) {
        if (unsearchable()) {
            fail(FailureClass::malformed, kUnsearched);
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

void Attempt::watch_tail() {
    const auto fresh = body().substr(watched_);
    watched_ += fresh.size();
    if (json_end_) json_end_->feed(fresh);
    tail_.append(fresh.substr(fresh.size() > kTail ? fresh.size() - kTail : 0));
    if (tail_.size() > 2 * kTail) tail_.erase(0, tail_.size() - kTail);
}

// The body has come to its end, or its end marker has; was that the proper end of an answer?
void Attempt::finish_stream() {
    ended_at_ = Clock::now();
    if (!meter_) {
        if (coding_ == wire::Coding::identity) metered_.usage = usage_in_tail(tail_);
        if (json_end_ && !json_end_->reached()) {
            sendable_ = 0;  // with its last bytes it would look whole
            fail(FailureClass::malformed, "the answer ends inside its JSON");
        } else {
            state_ = State::finished;
        }
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
    if (!meter_) sendable_ = surely_masked();
    finish_stream();
    // Half an event in front of our error event would garble it.
    if (meter_ && state_ == State::broken) meter_->hold_back(whole_events);
}

bool Attempt::pump() {
    for (;;) {
        const bool backlog = meter_ && meter_->backlog();
        if (reader_->complete() && !backlog) {
            end_of_body();
            return true;
        }
        if (meter_ && meter_->facts().done) {
            finish_stream();
            return true;
        }
        // The request's deadline ends with the commit: an answer that flows is not cut.
        limit_ = std::min(progress_at_ + spec_.upstream->timeouts.idle, total_at_);
        if (backlog && !watch_.expired()) {
            watch_.set_deadline(TimePoint{});  // others first
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
            fail(FailureClass::malformed, "broken chunked coding");
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
