// The part of an exchange that tells the client: an answer that has been committed to, to its end
// or to where another entry goes on with it; or, when there is none, why.
#include "dialects/value.hpp"
#include "proxy/answer_head.hpp"
#include "proxy/exchange.hpp"
#include "proxy/session.hpp"
#include "proxy/stream_error.hpp"
#include "wire/answer_traits.hpp"
#include "wire/append.hpp"
#include "wire/classify.hpp"
#include "wire/error_kind.hpp"

#include <ctime>
#include <utility>

namespace understudy::proxy {

using metrics::Outcome;
using net::GatherList;
using net::Task;
using net::TimePoint;
using upstreams::Attempt;
using wire::FailureClass;

namespace {

AnswerSoFar so_far(const Inbound& request, std::string_view response) {
    return {response, new_answer_seed(request), request.facts.model, std::time(nullptr)};
}

// What an error about a key is told as inside a stream, where whoever reads it thinks of the
// client's own.
constexpr std::string_view kUpstreamError = "upstream_error";
unsigned status_of_server() {
    return wire::words_of(wire::ErrorKind::server).status;
}

// Some servers leave out the last event of a message that is whole, or end it as OpenAI's API does,
// and clients of this API then throw all of it away (Claude Code and others take it for a cut). The
// first line ends an event that has none.
void add_missing_end(wire::AnswerShape shape, const Attempt& attempt, GatherList& data) {
    if (shape != wire::AnswerShape::messages || !attempt.can_append_event()) return;
    const auto& said = attempt.metered();
    if (!said.finish || said.closed || said.error) return;
    data.add("\n\nevent: message_stop\ndata: {\"type\":\"message_stop\"}\n\n");
}

}  // namespace

std::string& Exchange::answer_head(Lane& lane, bool whole) {
    const auto& attempt = lane.attempt();
    const auto& entry = lane.entry();
    record_->outcome = lane.primary() ? Outcome::primary : Outcome::fallback;
    if (!client_.begun()) record_->status = attempt.head().status;
    if (!entry.model) session_.worker().note_answered(request_.facts.model);
    auto& head = session_.head_buffer();
    if (client_.begun()) return head;
    auto* const translated = lane.translated();
    if (translated == nullptr && attempt.decodes()) {
        auto plain = attempt.head();
        plain.fields = without_fields(plain.fields, {"content-encoding"});
        add_upstream_head(head, plain);
    } else if (translated == nullptr) {
        add_upstream_head(head, attempt.head());
    } else {
        auto adapted = attempt.head();
        Translated::adapt(adapted, !whole);
        add_upstream_head(head, adapted);
        const auto dropped = translated->dropped();
        if (!dropped.empty()) wire::append_field(head, kDroppedField, dropped);
    }
    add_answer_fields(head, request_, *record_, entry.upstream->name, lane.sent_model(),
                      whole ? &lane.record().bill() : nullptr);
    return head;
}

Task<void> Exchange::answer(Lane& lane) {
    auto& attempt = lane.attempt();
    timer_.clear();
    attempt.tell(session_.signal());
    const bool whole = attempt.state() == Attempt::State::whole;
    auto& head = answer_head(lane, whole);
    if (whole) {
        record_->whole = true;
        auto body = attempt.body();
        if (lane.translated() != nullptr) body = lane.translated()->whole();
        settle_before_end(&lane);
        GatherList list;
        const bool sent = send_whole(session_, head, attempt.head().status, body, list) ||
                          co_await session_.send_rest(list);
        static_cast<void>(sent);  // the session knows when its client is gone
    } else {
        if (lane.cause() == Cause::rescue) {
            attempt.hold_errors();
            rescuer_->begin(lane.rung(), lane.entry().upstream->name, lane.sent_model(),
                            broken_class_);
        } else {
            begin_stream(lane, head);
        }
        co_await pass_on(lane);
    }
    if (broken_) co_return;
    record_->deliver();
    if (attempt.release()) co_return;
    // What is waited for now is the connection's affair. The client has its answer, and what a
    // client has had for a moment has to be in the books.
    lane.record().settle();
    record_->settle();
    co_await attempt.settle();
}

void Exchange::begin_stream(Lane& lane, std::string& head) {
    const auto& attempt = lane.attempt();
    const auto& framing = attempt.head().framing;
    // Nothing is left to say in front of it if the client was kept waiting. Events may be dropped
    // from a stream, so its length is never promised.
    if (client_.begun()) {
        record_->status = 200;
    } else if (!attempt.event_stream() && framing.kind == wire::BodyKind::length) {
        client_.begin_sized(head, framing.length);
    } else {
        client_.begin_stream(head);
    }
    // How a Response began its last event has to repeat, although nobody goes on with it.
    const auto shape = request_.endpoint.shape;
    const bool rescues = course_->rescues();
    const bool repeats = shape == wire::AnswerShape::responses;
    if (!(rescues || repeats) || !attempt.event_stream()) return;
    auto dialect = rescue::dialect_of(shape);
    if (dialect == nullptr) return;
    rescuer_ = std::make_unique<Rescuer>(std::move(dialect), request_, runtime_,
                                         session_.worker().shared().budget);
    if (!attempt.can_append_event()) rescuer_->give_up("it is compressed");
    if (lane.translated() != nullptr) rescuer_->translated();
    if (rescues) {
        lane.attempt().hold_errors();
    } else {
        rescuer_->give_up("nobody goes on with it");  // its beginning is all that is read of it
    }
}

// A committed answer, piece by piece, to its end; or the rest of one that another entry had begun.
Task<void> Exchange::pass_on(Lane& lane) {
    using State = Attempt::State;
    auto& attempt = lane.attempt();
    auto* const translated = lane.translated();
    const bool goes_on = lane.cause() == Cause::rescue;
    GatherList data;
    GatherList out;
    for (;;) {
        // When the end is known already it goes out in the same write.
        while (attempt.state() == State::committed && attempt.at_end())
            static_cast<void>(attempt.pump());
        data.clear();
        attempt.gather(data);
        bool whole = attempt.state() == State::finished;
        if (translated != nullptr) {
            const auto text = translated->take(data, whole, attempt.events_readable());
            data.clear();
            data.add(text);
            if (translated->trouble() == upstreams::kOutOfMemory) break;
            whole = whole && translated->trouble() == nullptr;
        }
        if (goes_on) {
            const auto text = rescuer_->take(data, whole);
            if (rescuer_->starved()) break;
            data.clear();
            data.add(text);
            whole = whole && rescuer_->finished();
            if (!text.empty()) keepalive_at_ = TimePoint::max();
        } else if (rescuer_) {
            rescuer_->sent(data);
        }
        if (whole && translated == nullptr) {
            add_missing_end(request_.endpoint.shape, attempt, data);
        }
        if (whole) settle_before_end(&lane);
        client_.compose(out, data, whole);
        const bool sent = session_.send_at_once(out) || co_await session_.send_rest(out);
        if (!sent) co_return;
        attempt.advance();
        const bool failed = goes_on && (rescuer_->diverged() || rescuer_->lost());
        if (attempt.state() != State::committed || failed) break;
        if (translated != nullptr && translated->trouble() != nullptr) break;
        if (goes_on) co_await keep_company();
        while (!attempt.pump()) {
            co_await session_.signal().wait();
            if (attempt.waited_in_vain()) break;
            if (goes_on) co_await keep_company();
        }
    }
    if (translated != nullptr && translated->trouble() != nullptr) {
        const bool ours = translated->trouble() == upstreams::kOutOfMemory;
        note_break(lane, translated->trouble(),
                   ours ? FailureClass::overloaded : FailureClass::malformed);
    } else if (goes_on) {
        end_rescue(lane);
    } else if (attempt.state() == State::broken) {
        note_break(lane);
    }
}

void Exchange::note_break(Lane& lane, const char* why, FailureClass failure) {
    const auto& attempt = lane.attempt();
    broken_ = std::make_unique<AnswerBreak>();
    auto& end = *broken_;
    end.failure = attempt.state() == Attempt::State::broken ? attempt.failure() : failure;
    end.detail = why != nullptr ? why : attempt.detail();
    const auto& metered = attempt.metered();
    auto* const translated = lane.translated();
    const auto held = attempt.held_error();
    if (translated == nullptr && wire::refuses_key(held)) {
        const auto said = wire::parse_error_body(held).message;
        end.words = said.empty() ? "The upstream has failed." : said;
    } else if (!held.empty() && (metered.told || translated != nullptr)) {
        end.said = passed_error_event(request_.endpoint.shape, held);
        end.as_it_came = translated == nullptr;
    }
    const bool raised = translated != nullptr ? translated->told_error() : metered.told;
    const bool told = raised && end.said.empty() && end.words.empty();
    end.can_tell = attempt.can_append_event() && !told;
    end.mid_event = attempt.mid_event();
    end.events = attempt.events_passed();
    if (translated != nullptr) {
        if (!end.said.empty()) end.said = translated->error_event(attempt.held_error());
        end.events = translated->events();
    }
    if (lane.cause() == Cause::rescue) {
        end.events = rescuer_->events();
        if (end.events > 0) end.said.clear();  // it counts otherwise
    }
    broken_class_ = wire::name_of(end.failure);
    record_->outcome = Outcome::exhausted;
}

// The event of ours that says it. What the client has of the answer is in it where its API wants
// that; it is put together now, and not kept for as long as others try to go on.
std::string Exchange::break_event() {
    const auto& end = *broken_;
    const bool of_key = !end.words.empty();
    const auto status = of_key ? status_of_server() : 0;
    const auto message = end.message();
    const auto response =
        rescuer_ ? rescuer_->failed(response_error(message, status)) : std::string_view();
    return stream_error_event(request_.endpoint.shape, message, end.events,
                              of_key ? kUpstreamError : "stream_interrupted", status,
                              so_far(request_, response));
}

// Behind the upstream's own `error`, which is told as it came, `response.failed`: who reads that
// alone waits for it, and what the upstream has sent behind its error was held back with that.
std::string Exchange::failed_behind(std::string_view said) {
    constexpr std::string_view kFront = "event: error\ndata: ";
    const bool responses = request_.endpoint.dialect == wire::Dialect::responses;
    if (!responses || !broken_->as_it_came || !said.starts_with(kFront)) return {};
    const auto data = said.substr(kFront.size());
    const auto error =
        response_error(wire::parse_error_body(data).message, wire::status_of_inline_error(data));
    const auto response = rescuer_ ? rescuer_->failed(error) : std::string_view();
    const auto number = dialects::Value::of(data).at("sequence_number");
    const auto before = number.is_number() ? number.count() : broken_->events;
    return response_failed_event(before + 1, error, so_far(request_, response));
}

// Says in the stream that it is broken, as the client's library reads it, and ends without the end
// of the message.
Task<void> Exchange::break_off() {
    const auto& end = *broken_;
    if (end.can_tell && !session_.client_gone()) {
        const auto ours = end.said.empty() ? break_event() : failed_behind(end.said);
        GatherList event;
        event.add(end.mid_event ? "\n\n" : "");
        event.add(end.said);
        event.add(ours);
        GatherList out;
        client_.compose(out, event, false);
        co_await session_.send(out);
    }
    client_.cut();
}

Task<void> Exchange::answer_failure() {
    const auto& failure = *first_failure_;
    const bool ours = failure.ours() || denied() != nullptr;
    record_->outcome = ours                  ? Outcome::rejected
                       : failure.transient() ? Outcome::exhausted
                                             : Outcome::client_error;
    Bill booked;  // what was paid for all the same is in the request's cost already
    booked.cost_pico_usd = 0;
    booked.priced_by = record_->priced_by;
    const bool paid = record_->total_cost_pico_usd > 0;
    const bool answered = failure.answered();
    std::string own_head;
    auto& head = answered ? session_.head_buffer() : own_head;
    if (answered) {
        add_upstream_head(head, failure.head());
    } else {
        head = failure.limit_fields();
    }
    add_answer_fields(head, request_, *record_, failure.upstream(), failure.model(),
                      paid ? &booked : nullptr);
    // The chain has been tried to its end: a client's library need not start it again at once.
    const bool says_itself = failure.head().says_should_retry;
    if (failure.transient() && !ours && record_->attempts > 1 && !says_itself)
        head += "x-should-retry: false\r\n";
    if (answered) {
        record_->status = failure.head().status;
        GatherList list;
        const bool sent = send_whole(session_, head, failure.head().status, failure.body(), list) ||
                          co_await session_.send_rest(list);
        static_cast<void>(sent);
        co_return;
    }
    const auto error = denied() != nullptr ? *denied() : failure.local();
    record_->status = error.status;
    record_->error_code = error.code;
    co_await session_.answer(error, head);
}

// All have failed, and the client has had its 200 long ago: the error comes inside the stream,
// which then ends without its end.
Task<void> Exchange::fail_in_band() {
    const auto& failure = *first_failure_;
    record_->outcome =
        failure.transient() || failure.ours() ? Outcome::exhausted : Outcome::client_error;
    auto error = denied() != nullptr ? *denied() : failure.local();
    // A client that its own 401 would have told so has had a 200.
    const bool of_our_key = denied() == nullptr && failure.of_our_key();
    if (of_our_key) error.status = status_of_server();
    const bool theirs = failure.answered() && !of_our_key;
    const auto said = theirs ? wire::parse_error_body(failure.body()) : wire::ErrorFacts{};
    const auto& message = said.message.empty() ? error.message : said.message;
    const std::string code = said.code.empty() ? std::string(error.code) : said.code;
    record_->error_code = error.code;
    const auto status = theirs ? failure.head().status : error.status;
    const auto shape = request_.endpoint.shape;
    const auto begun = so_far(request_, {});
    const auto event =
        theirs && denied() == nullptr
            ? upstream_error_event(shape, failure.body(), {message, code, status}, begun)
            : stream_error_event(shape, message, 0, code, status, begun);
    GatherList out;
    client_.compose(out, event, false);
    co_await session_.send(out);
    client_.cut();
}

}  // namespace understudy::proxy
