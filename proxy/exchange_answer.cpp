// The part of an exchange that tells the client: an answer that has been committed to, to its end
// or to where another entry goes on with it; or, when there is none, why.
#include "proxy/answer_head.hpp"
#include "proxy/exchange.hpp"
#include "proxy/session.hpp"
#include "proxy/stream_error.hpp"
#include "wire/answer_traits.hpp"
#include "wire/append.hpp"

#include <ctime>
#include <utility>

namespace understudy::proxy {

using metrics::Outcome;
using net::GatherList;
using net::Task;
using net::TimePoint;
using upstreams::Attempt;
using wire::FailureClass;

static AnswerSoFar so_far(const Inbound& request, std::string_view response) {
    return {response, request.request_id, request.facts.model, std::time(nullptr)};
}

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
    const bool theirs = attempt.head().names_limits;
    if (quota_ && theirs) Quota::clear_fields(head);
    add_answer_fields(head, request_, *record_, entry.upstream->name, lane.sent_model(),
                      whole ? &lane.record().bill() : nullptr);
    if (quota_) quota_->append_openai_fields(head, theirs);
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
    auto& end = broken_.emplace();
    end.failure = attempt.state() == Attempt::State::broken ? attempt.failure() : failure;
    end.detail = why != nullptr ? why : attempt.detail();
    const auto& metered = attempt.metered();
    auto* const translated = lane.translated();
    if (metered.told || translated != nullptr) end.said = attempt.held_error();
    if (!end.said.empty()) end.said = passed_error_event(request_.endpoint.shape, end.said);
    const bool raised = translated != nullptr ? translated->told_error() : metered.told;
    const bool told = raised && end.said.empty();
    end.can_tell = attempt.can_append_event() && !told;
    end.mid_event = attempt.mid_event();
    end.events = attempt.events_seen();
    if (translated != nullptr) {
        if (!end.said.empty()) end.said = translated->error_event(attempt.held_error());
        end.events = translated->events();
    }
    if (lane.cause() == Cause::rescue) {
        end.events = rescuer_->events();
        if (end.events > 0) end.said.clear();  // it counts otherwise
    }
    if (rescuer_ && end.can_tell) end.response = rescuer_->failed(response_error(end.message()));
    broken_class_ = wire::name_of(end.failure);
    record_->outcome = Outcome::exhausted;
}

// Says in the stream that it is broken, as the client's library reads it, and ends without the end
// of the message.
Task<void> Exchange::break_off() {
    const auto& end = *broken_;
    if (end.can_tell && !session_.client_gone()) {
        const auto ours =
            stream_error_event(request_.endpoint.shape, end.message(), end.events,
                               "stream_interrupted", 0, so_far(request_, end.response));
        const auto event = (end.mid_event ? "\n\n" : "") + (end.said.empty() ? ours : end.said);
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
    std::string fields;
    add_answer_fields(fields, request_, *record_, failure.upstream(), failure.model(),
                      paid ? &booked : nullptr);
    // The chain has been tried to its end: a client's library need not start it again at once.
    const bool says_itself = failure.head().says_should_retry;
    if (failure.transient() && !ours && record_->attempts > 1 && !says_itself)
        fields += "x-should-retry: false\r\n";
    if (failure.answered()) {
        record_->status = failure.head().status;
        auto& head = session_.head_buffer();
        add_upstream_head(head, failure.head());
        if (quota_) Quota::clear_fields(head);
        head += fields;
        GatherList list;
        const bool sent = send_whole(session_, head, failure.head().status, failure.body(), list) ||
                          co_await session_.send_rest(list);
        static_cast<void>(sent);
        co_return;
    }
    const auto error = denied() != nullptr ? *denied() : failure.local();
    record_->status = error.status;
    record_->error_code = error.code;
    co_await session_.answer(error, fields);
}

// All have failed, and the client has had its 200 long ago: the error comes inside the stream,
// which then ends without its end.
Task<void> Exchange::fail_in_band() {
    const auto& failure = *first_failure_;
    record_->outcome =
        failure.transient() || failure.ours() ? Outcome::exhausted : Outcome::client_error;
    const auto error = denied() != nullptr ? *denied() : failure.local();
    const auto said =
        failure.answered() ? wire::parse_error_body(failure.body()) : wire::ErrorFacts{};
    const auto& message = said.message.empty() ? error.message : said.message;
    const std::string code = said.code.empty() ? std::string(error.code) : said.code;
    record_->error_code = error.code;
    const auto status = failure.answered() ? failure.head().status : error.status;
    const auto shape = request_.endpoint.shape;
    const auto begun = so_far(request_, {});
    const auto event =
        failure.answered() && denied() == nullptr
            ? upstream_error_event(shape, failure.body(), {message, code, status}, begun)
            : stream_error_event(shape, message, 0, code, status, begun);
    GatherList out;
    client_.compose(out, event, false);
    co_await session_.send(out);
    client_.cut();
}

}  // namespace understudy::proxy
