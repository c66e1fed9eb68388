#include "proxy/failover.hpp"

#include "config/known_names.hpp"
#include "config/presets.hpp"
#include "proxy/auth.hpp"
#include "proxy/relay.hpp"
#include "proxy/session.hpp"

#include "wire/append.hpp"

#include <algorithm>
#include <initializer_list>

namespace understudy::proxy {

namespace {
// Failures of the upstream, as against refusals of what the client asked.
bool upstreams_fault(wire::FailureClass failure) {
    return wire::kDefaultFallbackOn.contains(failure);
}

// n > 1: then one finish_reason does not end the answer.
bool asks_for_several(const Inbound& request) {
    for (const auto& member : request.facts.members) {
        if (wire::key_equals(member.key.of(request.body), "n")) {
            const auto value = member.value.of(request.body);
            if (value != "1" && value != "null") return true;
        }
    }
    return false;
}

// Header lines without the fields of these names.
std::string without_fields(std::string_view lines, std::initializer_list<std::string_view> names) {
    std::string kept;
    while (!lines.empty()) {
        const auto line = lines.substr(0, std::min(lines.size(), lines.find('\n') + 1));
        lines.remove_prefix(line.size());
        const auto name = line.substr(0, line.find(':'));
        const bool dropped = std::any_of(names.begin(), names.end(), [&](std::string_view other) {
            return wire::iequals(name, other);
        });
        if (!dropped) kept += line;
    }
    return kept;
}
}  // namespace

using metrics::Outcome;
using upstreams::Attempt;
using upstreams::Clock;
using upstreams::Task;
using wire::FailureClass;

Failover::Failover(Session& session, Inbound& request, Runtime& runtime)
    : session_(session),
      request_(request),
      runtime_(runtime),
      kept_(session.worker().shared().budget) {}

Failover::~Failover() {
    record_.reset();  // settles while the request it refers to is still there
}

std::string_view Failover::sent_model(const RuntimeEntry& entry) const {
    if (entry.model) return *entry.model;
    return known_name_ ? *known_name_ : request_.facts.model;
}

Task<void> Failover::run() {
    auto refusal = understand();
    record_.emplace(runtime_, request_, route_, session_.client_gone());
    if (refusal) {
        co_await answer_rejected(std::move(*refusal));
        co_return;
    }
    for (std::size_t position = 0;;) {
        const Step step = co_await attempt(position);
        if (step == Step::done || session_.client_gone()) co_return;
        if (step == Step::stop) break;
        if (step == Step::repair) continue;
        if (step == Step::retry) {
            ++retries_used_;
            co_await wait(delay_);
            if (session_.client_has_left()) co_return;
        } else {
            ++position;
            retries_used_ = 0;
            without_usage_ = false;
        }
    }
    co_await answer_failure();
}

Task<void> Failover::answer_rejected(LocalError error) {
    record_->outcome = Outcome::rejected;
    record_->status = error.status;
    record_->error_code = error.code;
    co_await session_.answer(error);
}

upstreams::AttemptSpec Failover::spec_for(const RuntimeEntry& entry) const {
    const auto& config = runtime_.config();
    upstreams::AttemptSpec spec;
    spec.upstream = entry.upstream;
    spec.peer = entry.peer.get();
    spec.head_template = entry.head.get();
    spec.head.method = request_.head.method;
    spec.head.path = request_.endpoint.path;
    spec.head.client = &request_.head;
    spec.head.model = sent_model(entry);
    spec.head.request_id = request_.request_id;
    // A key of this proxy never travels; a client's own credentials do where the upstream has none.
    spec.head.forward_credentials = !entry.upstream->api_key && config.keys.empty();
    spec.body = request_.body;
    spec.facts = &request_.facts;
    if (request_.facts.has_model || request_.facts.json) {
        if (entry.model) {
            spec.model = entry.model;
        } else if (known_name_) {
            spec.model = known_name_;
        }
    }
    spec.shape = request_.endpoint.shape;
    spec.stream = request_.facts.stream;
    spec.several_choices = spec.stream && asks_for_several(request_);
    const auto* const preset = entry.upstream->preset;
    const bool may_ask = preset == nullptr || !preset->quirks.refuses_stream_options;
    spec.inject_usage = request_.facts.stream && request_.endpoint.streams &&
                        !request_.facts.include_usage && may_ask && !without_usage_ &&
                        !runtime_.usage_refusals().contains(*entry.upstream, sent_model(entry));
    spec.buffer_response = config.limits.buffer_response_bytes;
    spec.header_bytes = config.limits.header_bytes;
    spec.header_count = config.limits.header_count;
    spec.deadline = deadline_;
    return spec;
}

// One attempt, from its start to its bill.
Task<Failover::Step> Failover::attempt(std::size_t position) {
    const auto& entry = *chain_[position];
    known_name_.reset();
    if (entry.upstream->known_names && !entry.model) {
        known_name_ = config::known_name(*entry.upstream->preset, request_.facts.model);
    }
    const auto spec = spec_for(entry);
    Attempt attempt(spec, session_.signal(), session_.client_gone());
    AttemptRecord record(runtime_, *record_, request_, spec, attempt, sent_model(entry));
    co_await attempt.run();
    record.trace();
    if (attempt.state() != Attempt::State::failed) {
        // It was that, then.
        if (without_usage_) runtime_.usage_refusals().add(*entry.upstream, sent_model(entry));
        co_await relay(attempt, record, position);
        co_return Step::done;
    }
    if (session_.client_gone()) co_return Step::done;
    remember_failure(attempt, position);
    const auto decision = decide_after(attempt, position);
    const bool released = attempt.release();
    if (!released) co_await attempt.settle();
    if (session_.client_has_left()) co_return Step::done;  // then nothing is moved on
    if (attempt.refused_our_addition()) {
        without_usage_ = true;
        co_return Step::repair;
    }
    switch (decision.action) {
        case Decision::Action::retry:
            delay_ = decision.delay;
            co_return Step::retry;
        case Decision::Action::next:
            runtime_.shard()
                .failover(entry.upstream->name, chain_[position + 1]->upstream->name,
                          static_cast<std::size_t>(attempt.failure()))
                .add();
            co_return Step::next;
        case Decision::Action::stop:
            break;
    }
    co_return Step::stop;
}

Task<void> Failover::relay(Attempt& attempt, AttemptRecord& record, std::size_t position) {
    const auto& entry = *chain_[position];
    record_->outcome = position == 0 ? Outcome::primary : Outcome::fallback;
    record_->status = attempt.head().status;
    if (!entry.model) session_.worker().note_answered(request_.facts.model);
    const bool whole = attempt.state() == Attempt::State::whole;
    auto& head = session_.head_buffer();
    add_upstream_head(head, attempt.head());
    add_answer_fields(head, request_, *record_, entry.upstream->name, sent_model(entry),
                      whole ? &record.bill() : nullptr);
    if (whole) {
        record_->whole = true;
        upstreams::GatherList list;
        const bool sent =
            relay_whole(session_, head, attempt.head().status, attempt.body(), list) ||
            co_await session_.send_rest(list);
        static_cast<void>(sent);  // the session knows when its client is gone
    } else {
        co_await relay_stream(session_, attempt, head);
        if (attempt.state() == Attempt::State::broken) record_->outcome = Outcome::exhausted;
    }
    record_->deliver();
    const bool released = attempt.release();
    if (!released) co_await attempt.settle();
}

// An error inside a 2xx never leaves as a success: clients' libraries raise by the status alone.
void Failover::disguise_as_error(const Attempt& attempt, PrimaryFailure& p) {
    p.head.status = attempt.inline_status();
    p.head.reason = reason_phrase(p.head.status);
    const auto event = attempt.error_event();
    if (event.empty()) return;
    // Of a stream the error itself is left, decoded, in place of its event.
    p.body = event;
    p.head.fields = without_fields(p.head.fields, {"content-type", "content-encoding"});
    wire::append_field(p.head.fields, "content-type", "application/json");
}

void Failover::remember_failure(const Attempt& attempt, std::size_t position) {
    const auto& entry = *chain_[position];
    if (!tried_.empty()) tried_ += "; ";
    tried_ += attempt_name(entry.upstream->name, sent_model(entry)) + ": " + attempt.detail();
    short_of_something_ = attempt.failure() == FailureClass::overloaded && !attempt.starved();
    // A denied budget ends the chain, and is what the client has to know: the primary's error would
    // have it come back.
    if (position != 0 && attempt.failure() != FailureClass::budget) return;
    PrimaryFailure p;
    p.failure = attempt.failure();
    p.deadline_hit = attempt.request_deadline_hit();
    p.places_taken = attempt.starved();
    p.retry_after = attempt.retry_after();
    p.upstream = entry.upstream->name;
    p.model = sent_model(entry);
    // A 2xx is only relayed as a failure when it holds the upstream's own error: a cut or empty
    // answer must not look like one.
    const bool error_status = attempt.head().status < 200 || attempt.head().status > 299;
    p.answered = attempt.answered() && (error_status || attempt.error_inside());
    p.head = attempt.head();
    // Without room for its words the status alone is kept.
    if (p.answered && !kept_.set(attempt.body().size() + p.head.fields.size())) p.answered = false;
    if (p.answered) p.body = attempt.body();
    if (p.answered && !error_status) disguise_as_error(attempt, p);
    primary_ = std::move(p);
}

Decision Failover::decide_after(const Attempt& attempt, std::size_t position) {
    AfterFailure after;
    after.failure = attempt.failure();
    after.entry = position;
    after.entries = chain_.size();
    after.retries_used = retries_used_;
    after.retry_after = attempt.retry_after();
    after.time_left =
        std::chrono::duration_cast<std::chrono::milliseconds>(deadline_ - Clock::now());
    after.places_taken = attempt.starved();
    after.may_fall_back = request_.may_fall_back;
    after.jitter = session_.worker().jitter();
    return decide(*route_->route, after);
}

Task<void> Failover::wait(std::chrono::milliseconds delay) {
    if (delay.count() <= 0) co_return;
    upstreams::Watch watch(session_.signal(), session_.client_gone(),
                           session_.worker().context().timers);
    watch.set_deadline(Clock::now() + delay);
    while (!watch.stopped()) co_await watch.signal().wait();
}

// A limit of ours ended the chain, or kept the primary from being asked at all.
LocalError Failover::shortage() const {
    const char* const what = short_of_something_ ? "This proxy has reached a limit of its own."
                                                 : "All connections to the upstream are busy.";
    return overloaded(std::string(what) + " Tried " + tried_ + '.');
}

LocalError Failover::local_failure() const {
    const std::string tried = " Tried " + tried_ + '.';
    LocalError error;
    if (primary_->head.status >= 400) {
        // It said so, but its explanation did not come whole.
        error = {primary_->head.status, "upstream_error",
                 "The upstream refused the request." + tried};
        if (primary_->retry_after) {
            error.retry_after = std::chrono::ceil<std::chrono::seconds>(*primary_->retry_after);
        }
    } else if (primary_->deadline_hit) {
        error = {504, "deadline_exceeded", "No upstream answered before the deadline." + tried};
    } else if (primary_->failure == FailureClass::timeout) {
        error = {504, "upstream_timeout", "The upstream did not answer in time." + tried};
    } else if (primary_->failure == FailureClass::connection) {
        error = {502, "upstream_unreachable", "The upstream could not be reached." + tried};
    } else {
        error = {502, "upstream_malformed", "The upstream did not give a usable answer." + tried};
    }
    return error;
}

Task<void> Failover::answer_failure() {
    const bool transient = upstreams_fault(primary_->failure);
    const bool ours = short_of_something_ || primary_->places_taken;
    record_->outcome = ours        ? Outcome::rejected
                       : transient ? Outcome::exhausted
                                   : Outcome::client_error;
    std::string fields;
    add_answer_fields(fields, request_, *record_, primary_->upstream, primary_->model, nullptr);
    // The chain has been tried to its end: a client's library need not start it again at once.
    const bool says_itself = primary_->head.says_should_retry;
    if (transient && !ours && record_->attempts > 1 && !says_itself)
        fields += "x-should-retry: false\r\n";
    if (primary_->answered && !ours) {
        record_->status = primary_->head.status;
        auto& head = session_.head_buffer();
        add_upstream_head(head, primary_->head);
        head += fields;
        upstreams::GatherList list;
        const bool sent =
            relay_whole(session_, head, primary_->head.status, primary_->body, list) ||
            co_await session_.send_rest(list);
        static_cast<void>(sent);
        co_return;
    }
    const auto error = ours ? shortage() : local_failure();
    record_->status = error.status;
    record_->error_code = error.code;
    co_await session_.answer(error, fields);
}

}  // namespace understudy::proxy
