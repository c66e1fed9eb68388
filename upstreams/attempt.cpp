#include "upstreams/attempt.hpp"

#include "net/idle_close.hpp"
#include "net/shortage.hpp"

#include "wire/answer_traits.hpp"
#include "wire/aws_signature.hpp"
#include "wire/classify.hpp"
#include "wire/line_copier.hpp"

#include <boost/asio/error.hpp>

#include <span>
#include <utility>

namespace understudy::upstreams {

using wire::FailureClass;
using wire::FieldId;
using wire::iequals;
using wire::istarts_with;

namespace {
constexpr unsigned kMaxInterim = 16;  // 1xx answers tolerated before the final one
// A signature is good for some minutes; one that has waited for a connection this long is renewed.
constexpr std::chrono::seconds kSignatureAge{30};
// A millisecond or two where the processor has no instructions for it.
constexpr std::size_t kHashedInOneTurn = std::size_t{512} * 1024;
}  // namespace

Attempt::Attempt(const AttemptSpec& spec, net::Signal& signal, const bool& client_gone)
    : spec_(spec),
      watch_(signal, client_gone, spec.peer->context().timers),
      started_(net::Clock::now()),
      scratch_(spec.peer->context().scratch),
      heads_(spec.peer->context().budget) {
    total_at_ = started_ + spec.upstream->timeouts.total;
}

Attempt::~Attempt() {
    drop_connection();
}

net::TimePoint Attempt::phase(std::chrono::milliseconds limit) const {
    return net::coarse_now() + limit;
}

// From the request sent to the first content, or to the whole of an answer that has no events.
std::chrono::milliseconds Attempt::until_content() const {
    const auto& limits = spec_.upstream->timeouts;
    return spec_.stream ? limits.first_token : limits.response;
}

void Attempt::set_deadline(net::TimePoint at) {
    limit_ = std::min({at, total_at_, spec_.deadline});
    watch_.set_deadline(limit_);
}

void Attempt::fail(FailureClass failure, std::string detail) {
    // What is decided stays decided: the first failure is the reason, and an answer that ended well
    // did so even if its connection cannot be used again.
    if (state_ != State::running && state_ != State::committed) return;
    const bool committed = state_ == State::committed;
    if (failure != FailureClass::client_closed && short_of_memory()) {
        failure = FailureClass::overloaded;
        detail = kOutOfMemory;
    }
    if (!committed) judge_close(failure);
    state_ = committed ? State::broken : State::failed;
    failure_ = failure;
    detail_ = std::move(detail);
    key_mask().apply(detail_);
    ended_at_ = net::Clock::now();
    // What is held, or ready for the client, lives in the connection's buffer and goes with the
    // attempt; the upstream is let go of at once.
    if (committed) {
        stream_->close();
    } else if (!body_whole_) {
        drop_connection();
    }
}

// What looks like the connection's end was our own: there was no room to read into.
bool Attempt::short_of_memory() const {
    return stream_ &&
           (net::is_shortage(stream_->read_error()) || net::is_shortage(stream_->write_error()));
}

void Attempt::fail_by_watch(const char* during) {
    if (watch_.client_gone()) {
        fail(FailureClass::client_closed, "the client left");
        return;
    }
    const auto now = net::Clock::now();
    deadline_hit_ = now >= spec_.deadline;
    fail(
        FailureClass::timeout,
        std::string("timeout: ") + (now >= total_at_ ? "took longer than timeouts.total" : during));
}

// Whether the connection's end can be nothing but the end of its idleness: the server closed it
// before this request came to it.
void Attempt::judge_close(FailureClass failure) {
    if (!reused_ || !stream_ || failure != FailureClass::connection) return;
    net::IdleCloseEvidence evidence;
    evidence.answer_bytes = stream_->received() - received_before_;
    evidence.since_write = net::Clock::now() - wrote_at_;
    // Behind a proxy it is not known: the kernel sees the first hop alone.
    if (!spec_.peer->proxy()) evidence.round_trip = net::round_trip(stream_->socket());
    idle_close_ = net::may_be_idle_close(evidence);
}

bool Attempt::stale() const {
    return idle_close_ && failure_ == FailureClass::connection;
}

bool Attempt::write_head() {
    constexpr std::size_t kUsualHead = 1000;
    OutboundHead head = spec_.head;
    head.body_size = wire::edited_size(spec_.body, edits_);
    auto& text = scratch_->request_head;
    text.clear();
    text.reserve(kUsualHead);
    spec_.head_template->write(head, text);
    if (spec_.head_template->signer() != nullptr) sign_head();
    request_bytes_ = text.size() + head.body_size;
    return heads_.set(text.size());
}

// A signature is about the body as it will be sent, too.
void Attempt::sign_head() {
    signature_->at = net::Clock::now();
    spec_.head_template->signer()->sign(scratch_->request_head, signature_->body_hash,
                                        std::chrono::system_clock::now());
}

// False: the client left meanwhile.
net::Task<bool> Attempt::hash_body() {
    wire::Sha256 hash;
    std::size_t in_this_turn = 0;
    std::span<const std::string_view> pieces(&spec_.body, 1);
    if (!edits_.empty()) pieces = slices_;
    for (auto piece : pieces) {
        while (!piece.empty()) {
            const auto part = piece.substr(0, kHashedInOneTurn - in_this_turn);
            hash.add(part);
            piece.remove_prefix(part.size());
            in_this_turn += part.size();
            if (in_this_turn < kHashedInOneTurn) continue;
            in_this_turn = 0;
            const bool stay = co_await let_others_run();
            if (!stay) co_return false;
            set_deadline(total_at_);
        }
    }
    signature_ = std::make_unique<Signature>();
    signature_->body_hash = hash.hex();
    co_return true;
}

bool Attempt::plan_request() {
    if (spec_.refused != FailureClass::none) {
        fail(spec_.refused, std::string(spec_.refused_because));
        return false;
    }
    if (spec_.small_window != 0) {
        fail(FailureClass::unsupported, "its context window of " +
                                            std::to_string(spec_.small_window) +
                                            " tokens is too small for the prompt");
        return false;
    }
    const auto& rewrite = spec_.upstream->body;
    if (spec_.facts != nullptr && (spec_.model || spec_.inject_usage || !rewrite.empty())) {
        edits_ =
            wire::plan_edits(spec_.body, *spec_.facts, spec_.model, spec_.inject_usage, rewrite);
        wire::slices_of(spec_.body, edits_, slices_);
    }
    scratch_->reader.reset({spec_.header_bytes, spec_.header_count});
    return true;
}

net::Task<void> Attempt::run() {
    bool ready = plan_request();
    if (ready && spec_.head_template->signer() != nullptr) ready = co_await hash_body();
    if (!ready) co_return;
    if (!write_head()) {
        fail(FailureClass::overloaded, kOutOfMemory);
        co_return;
    }
    for (bool fresh = false;; fresh = true) {
        const bool leased = (!fresh && lease_pooled()) || co_await lease();
        if (!leased) co_return;
        co_await exchange();
        if (!stale() || fresh) co_return;
        // Replayed once on a fresh connection: no attempt of its own, nobody notices.
        replayed_ = true;
        state_ = State::running;
        failure_ = FailureClass::none;
        idle_close_ = false;
        detail_.clear();
    }
}

net::Task<void> Attempt::exchange() {
    request_sent_ = false;
    if (signature_ && net::coarse_now() - signature_->at > kSignatureAge) write_head();
    received_ = received_before_ = stream_->received();
    wrote_at_ = started_;  // until it has been written: too early a guess replays less
    const bool sent = send_at_once() || co_await send_slowly();
    if (!sent) co_return;
    sent_at_ = progress_at_ = wrote_at_ = net::Clock::now();
    set_deadline(sent_at_ + until_content());
    const bool got_head = co_await read_head();
    if (!got_head) co_return;
    if (head_.status < 200 || head_.status > 299) {
        co_await read_error();
        co_return;
    }
    if (undecided_ && !know_kind(false)) co_await hold_beginning();
    if (state_ != State::running) co_return;
    if (meter_) {
        co_await hold_stream();
    } else {
        co_await hold_plain();
    }
}

bool Attempt::send_at_once() {
    out_.clear();
    out_.add(scratch_->request_head);
    if (edits_.empty()) {
        out_.add(spec_.body);
    } else {
        for (const auto slice : slices_) out_.add(slice);
    }
    request_sent_ = stream_->send(out_) == net::Stream::SendState::done;
    return request_sent_;
}

// Whether what came while the body was still being sent is the final answer. Interim answers (100,
// 103) are dropped, and sending goes on.
bool Attempt::final_head_begun() {
    for (;;) {
        auto& head = scratch_->answer;
        const auto result = scratch_->reader.read_response(stream_->in.view(), false, head);
        if (result == wire::ParseResult::need_more) return false;
        if (result == wire::ParseResult::bad || head.status >= 200) return true;
        stream_->in.consume(head.size);
        scratch_->reader.reset();
    }
}

// The socket did not take everything. The upstream may answer before it has read it all (413, 401):
// then its answer counts and the rest of the body stays unsent.
net::Task<bool> Attempt::send_slowly() {
    set_deadline(phase(until_content()));
    bool had_turn = !stream_->write_error();  // send_at_once() has just taken it
    for (;;) {
        if (!stream_->in.empty() && final_head_begun()) co_return true;
        const auto received = stream_->received();
        if (stream_->in.ensure_free(net::kReadBuffer / 2)) stream_->arm_read();
        if (stream_->received() != received) continue;  // decrypted at once: no event will tell
        const bool ended = static_cast<bool>(stream_->read_error());
        auto state = ended ? net::Stream::SendState::failed : net::Stream::SendState::blocked;
        if (!ended && !std::exchange(had_turn, false)) state = stream_->send(out_);
        if (state == net::Stream::SendState::done) {
            request_sent_ = true;
            co_return true;
        }
        if (state == net::Stream::SendState::failed && (ended || !stream_->read_armed())) {
            const auto& ec =
                stream_->write_error() ? stream_->write_error() : stream_->read_error();
            fail(FailureClass::connection, "send: " + net::describe(ec));
            co_return false;
        }
        // After a failed write the read tells whether an answer came before the end.
        if (state == net::Stream::SendState::blocked) stream_->arm_write();
        co_await watch_.signal().wait();
        if (watch_.stopped()) {
            fail_by_watch("the upstream does not read the request");
            co_return false;
        }
    }
}

net::Task<bool> Attempt::read_head() {
    scratch_->reader.reset();
    auto& head = scratch_->answer;
    for (unsigned interim = 0;;) {
        const auto result = scratch_->reader.read_response(
            stream_->in.view(), iequals(spec_.head.method, "HEAD"), head);
        if (result == wire::ParseResult::done) {
            if (head.status >= 200) {
                const bool accepted = accept_head(head);
                scratch_.give_back();
                co_return accepted;
            }
            stream_->in.consume(head.size);  // 100, 102, 103: not asked for, not passed on
            scratch_->reader.reset();
            if (++interim > kMaxInterim) {
                fail(FailureClass::malformed, "too many interim answers");
                co_return false;
            }
            continue;
        }
        if (result == wire::ParseResult::bad) {
            fail(FailureClass::malformed,
                 "answer head: " + std::string(wire::describe(scratch_->reader.error())));
            co_return false;
        }
        const bool came = co_await more();
        if (!came) {
            if (state_ != State::failed) {
                fail(FailureClass::connection,
                     "no answer: " + net::describe(stream_->read_error()));
            }
            co_return false;
        }
    }
}

// Copies what goes to the client.
void Attempt::keep_fields(const wire::ResponseHead& head) {
    // Besides what belongs to the connection, names that are ours to say.
    constexpr auto kDropped =
        wire::kHopByHop | wire::FieldSet{FieldId::content_length, FieldId::x_understudy,
                                         FieldId::x_litellm_response_cost, FieldId::x_request_id,
                                         FieldId::access_control};
    head_.fields.reserve(head.size);
    wire::LineCopier copy(head_.fields);
    for (const auto& f : head.fields) {
        if (kDropped.contains(f.id)) continue;
        if (f.id == FieldId::content_encoding && spec_.decode) continue;
        if (!wire::named_by_connection(head.fields, f.name)) copy.add(f);
    }
    copy.finish();
    // The upstream's request id is kept under another name.
    if (const auto id = head.fields.find(FieldId::x_request_id); id.data() != nullptr) {
        wire::append_field(head_.fields, "x-upstream-request-id", id);
    }
    const auto& mask = key_mask();
    mask.apply(head_.fields);
    mask.apply(head_.reason);
}

// Whether the body can be read: what cannot is no answer, as long as another upstream may give one.
bool Attempt::accept_coding(const wire::ResponseHead& head) {
    if (!head.fields.contains(FieldId::content_encoding)) return true;
    bool coded = false;
    for (const auto& f : head.fields) {
        if (f.id != FieldId::content_encoding) continue;
        const auto coding = wire::coding_of(f.value);
        if (coding == wire::Coding::identity) continue;
        coding_ = coded ? wire::Coding::unreadable : coding;  // several, one around the other
        coded = true;
    }
    // A client that gets an answer as it came reads gzip, whatever it says; zstd not all do.
    const bool readable = coding_ != wire::Coding::zstd || spec_.decode;
    if (!readable) coding_ = wire::Coding::unreadable;
    return coding_ != wire::Coding::unreadable;
}

bool Attempt::accept_head(const wire::ResponseHead& head) {
    head_.status = head.status;
    head_.reason = head.reason;
    head_.framing = head.framing;
    const auto content_type = head.fields.find(FieldId::content_type);
    if (wire::traits_of(spec_.shape).may_be_bytes) label_ = wire::label_of(content_type);
    keep_alive_ = head.keep_alive;
    keep_fields(head);
    head_.says_should_retry = head.fields.contains(FieldId::x_should_retry);
    const bool readable = accept_coding(head);
    bool messages = false;
    if (head.status < 200 || head.status > 299) {
        refusal_ =
            std::make_unique<Refusal>(Refusal{std::string(content_type),
                                              std::string(head.fields.find("x-amzn-errortype")),
                                              std::string(head.fields.find("location")),
                                              {}});
        retry_after_ = wire::retry_after(head.fields, std::chrono::system_clock::now());
    } else if (!readable) {
        fail(FailureClass::malformed,
             "content-encoding: " + std::string(head.fields.find(FieldId::content_encoding)) +
                 " cannot be read, only gzip and deflate" + (spec_.decode ? " and zstd" : ""));
        return false;
    } else {
        messages = spec_.stream && wire::traits_of(spec_.shape).framed &&
                   istarts_with(content_type, "application/vnd.amazon.eventstream");
        labelled_events_ = messages || istarts_with(content_type, "text/event-stream");
    }
    if (!heads_.set(head_.fields.size() + (refusal_ ? refusal_->size() : 0))) {
        fail(FailureClass::overloaded, kOutOfMemory);
        return false;
    }
    reader_.emplace(head.framing);
    if (messages) reader_->read_messages(largest_event());
    stream_->in.consume(head.size);
    undecided_ = spec_.stream || labelled_events_;
    return true;
}

}  // namespace understudy::upstreams
