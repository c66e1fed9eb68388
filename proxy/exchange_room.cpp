// The part of an exchange that asks others for leave: breakers and key pools which entry may be
// asked, the budget for extra attempts whether there may be one more. Where nothing of this is
// configured, and as long as nothing fails, it is a look at two pointers.
#include "proxy/answer_head.hpp"
#include "proxy/exchange.hpp"
#include "proxy/session.hpp"

#include <algorithm>
#include <utility>

namespace understudy::proxy {

using metrics::Extra;
using net::Clock;
using net::Task;
using wire::FailureClass;

// Of the chain, those that may be asked at all: x-understudy-fallback: off leaves the first.
std::span<const RuntimeEntry* const> Exchange::candidates() const {
    return {plan_.chain.data(), request_.may_fall_back ? plan_.chain.size() : 1};
}

// The first of the chain that may be asked, or the best of those that rest.
std::optional<std::size_t> Exchange::first_entry() {
    if (is_quiet(*plan_.chain.front(), request_.facts.model)) return 0;
    Claim held;
    const auto choice =
        next_entry(runtime_, candidates(), request_.facts.model, 0, true, Clock::now(), held);
    if (held) claims_.push_back(std::move(held));
    recovery_ = choice.recovery;
    return choice.entry;
}

std::optional<std::size_t> Exchange::entry_behind(std::size_t position) {
    const std::size_t next = position + 1;
    if (next >= plan_.chain.size()) return std::nullopt;
    if (is_quiet(*plan_.chain[next], request_.facts.model)) return next;
    Claim held;
    const auto choice = next_entry(runtime_, {plan_.chain.data(), plan_.chain.size()},
                                   request_.facts.model, next, false, Clock::now(), held);
    if (held) claims_.push_back(std::move(held));
    return choice.entry;
}

bool Exchange::rests(std::size_t position) const {
    const auto& entry = *plan_.chain[position];
    if (is_quiet(entry, request_.facts.model)) return false;
    return !availability(runtime_, entry, request_.facts.model, Clock::now()).usable();
}

// Whether the entry may be asked (again) by the move that is made now. `alone`: there is nobody
// else.
bool Exchange::may_be_asked(std::size_t position, bool alone) {
    const auto& entry = *plan_.chain[position];
    if (is_quiet(entry, request_.facts.model)) return true;
    for (const auto& claim : claims_) {
        if (claim.is_of(entry)) return true;
    }
    Claim held;
    const auto now = claim(runtime_, entry, request_.facts.model, Clock::now(), held);
    if (held) claims_.push_back(std::move(held));
    return now.usable() || (alone && now.kind == upstreams::Availability::Kind::resting);
}

// The chain goes on at this entry: what stands before it has been tried, or rests.
void Exchange::note_skipped(std::size_t position) {
    for (; passed_ < position; ++passed_) {
        const auto& entry = *plan_.chain[passed_];
        if (!rests(passed_)) continue;
        const auto sent = model_at(entry);
        record_->skip(entry.upstream->name, sent.name());
        count_skipped(runtime_, entry, sent.name());
    }
    passed_ = position + 1;
}

upstreams::KeyPool::Tried& Exchange::tried_keys(std::size_t position) {
    if (tried_.size() < plan_.chain.size()) tried_.resize(plan_.chain.size());
    return tried_[position];
}

// A place among the extra attempts of all requests; empty: there is none. `wanted`: then one that
// is not there is worth a count.
RetryBudget::Place Exchange::make_room(Extra kind, bool wanted) {
    auto& worker = session_.worker();
    const auto requests = worker.shared().inflight.load(std::memory_order_relaxed);
    auto place = worker.shared().retry_budget.take(kind, requests);
    if (!place && wanted) worker.series().extras_refused[static_cast<std::size_t>(kind)].add();
    return place;
}

// The same for what may come after a failure: a retry, or else the move to the next entry.
RetryBudget::Place Exchange::make_room_after(const LaneFailure& failure, Surroundings& around) {
    if (course_->has_retries_left() && retryable(failure.failure)) {
        auto place = make_room(Extra::retry, true);
        if (place) return place;
        around.may_retry = false;
    }
    auto place = make_room(Extra::failover, around.next.has_value());
    around.may_add = static_cast<bool>(place);
    return place;
}

// What the failure says of the key that the request was sent with, and whether another one is to be
// tried. When the last one of the pool is refused while others merely rest, it is their rest that
// is in the way, and not what the client asked.
void Exchange::settle_key(Lane& lane, LaneFailure& failure) {
    const auto& attempt = lane.attempt();
    const auto now = Clock::now();
    const auto verdict = upstreams::judge_key(failure.failure, attempt.head().status,
                                              attempt.refused_this_request());
    failure.other_key = lane.admission().settle_key(verdict, failure.failure, failure.retry_after,
                                                    now, tried_keys(lane.position()));
    const bool about_key =
        verdict == upstreams::KeyVerdict::refused || verdict == upstreams::KeyVerdict::spent;
    if (about_key && !failure.other_key && lane.entry().keys->some_rest(now))
        failure.failure = FailureClass::rate_limit;
}

// Tells the breaker and the keys of the entry that its attempt has failed, and finds out what they
// and the budget leave to do. What it returns is for the attempt that comes next, if one does.
RetryBudget::Place Exchange::settle(std::size_t i, LaneFailure& failure, Surroundings& around) {
    auto& lane = *lanes_[i];
    const auto position = lane.position();
    if (lane.entry().keys != nullptr) {
        settle_key(lane, failure);
    }
    // What comes after one that was none, or that our own doing spoilt, takes its place.
    const bool replaced = failure.other_key || failure.other_words || failure.refused_addition ||
                          failure.failure == FailureClass::unsupported;
    auto room = std::move(lane.room());
    if (!replaced) {
        room = RetryBudget::Place();
        room = make_room_after(failure, around);
    }
    const bool waits = course_->would_retry(i, failure, around);
    lane.settle(waits, session_.worker().jitter());
    // Where a short wait was named, keys that rest are as good as new when it is over.
    const bool keys_will_do = waits && failure.retry_after && lane.entry().keys != nullptr &&
                              lane.entry().keys->some_left();
    around.may_retry = around.may_retry && (keys_will_do || may_be_asked(position, !around.next));
    return room;
}

// Everybody rests, and nobody may be asked before the time has come.
Task<void> Exchange::answer_nobody() {
    std::string names;
    for (const auto* entry : candidates()) {
        const auto sent = model_at(*entry);
        record_->skip(entry->upstream->name, sent.name());
        count_skipped(runtime_, *entry, sent.name());
        names += (names.empty() ? "" : ", ") + attempt_name(entry->upstream->name, sent.name());
    }
    LocalError error(503, "no_upstream_available",
                     "No upstream can be asked now: " + names +
                         (recovery_ ? ". Try again when retry-after says."
                                    : ". Each refuses the key that is configured for it."));
    if (recovery_) {
        const auto wait = std::chrono::ceil<std::chrono::seconds>(*recovery_ - Clock::now());
        error.retry_after = std::max(wait, std::chrono::seconds(1));
    }
    record_->outcome = metrics::Outcome::exhausted;
    record_->status = error.status;
    record_->error_code = error.code;
    std::string fields;
    add_answer_fields(fields, request_, *record_, {}, {}, nullptr);
    co_await session_.answer(error, fields);
}

}  // namespace understudy::proxy
