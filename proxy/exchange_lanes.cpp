// The part of an exchange that starts attempts, and finds out what has come of each: the answer, a
// failure behind which the course goes on, or one that another attempt has made superfluous.
#include "proxy/exchange.hpp"
#include "proxy/session.hpp"
#include "wire/prompt_size.hpp"

#include <algorithm>
#include <utility>

namespace understudy::proxy {

using net::Clock;
using net::TimePoint;
using upstreams::Attempt;
using wire::FailureClass;

// Starts what the course says; it may be over at once. False: there is no memory for it.
bool Exchange::open(const Move& move) {
    LaneSpec spec;
    spec.entry = plan_.chain[move.entry];
    spec.position = move.entry;
    spec.cause = move.cause;
    spec.rung = move.rung;
    spec.without_usage = without_usage_ == move.entry;
    spec.without_responses = without_responses_ == move.entry;
    if (!mended_.empty()) {
        if (const auto* const mended = mended_at(move.entry)) spec.repairs = &mended->repairs;
    }
    // What has been promised to the client already, it gets in the clear.
    spec.decode = keepalive_at_ != TimePoint::max();
    spec.quality = plan_.route->route->fallback_on & wire::kQualityClasses;
    if (request_.body.size() > wire::kNeverTooLong) spec.small_window = small_window(*spec.entry);
    spec.deadline = plan_.deadline;
    const bool unsealed = unsealed_ && unsealed_->entry == move.entry;
    if (unsealed) spec.asked = &unsealed_->request;
    const bool may_have_seals = !unsealed && request_.endpoint.dialect != wire::Dialect::chat;
    const auto* const own = may_have_seals ? without_others_seals(*spec.entry) : nullptr;
    if (move.cause == Cause::rescue) {
        spec.decode = true;
        const std::string_view body = own != nullptr ? own->body : request_.body;
        spec.asked = rescuer_->ask(*spec.entry, move.rung, unsealed, body);
        if (spec.asked == nullptr) return false;
    }
    if (spec.asked == nullptr) spec.asked = own;
    if (move.entry >= passed_) note_skipped(move.entry);
    for (auto& claim : claims_) {
        if (claim.is_of(*spec.entry)) spec.claim = &claim;
    }
    if (spec.entry->keys != nullptr) {
        auto& tried = tried_keys(move.entry);
        if (move.again) tried = 0;  // it has waited for them
        spec.tried = tried;
    }
    auto& lane = lanes_[move.lane];
    lane = std::make_unique<Lane>(spec, runtime_, *record_, request_, session_.client_gone());
    lane->room() = std::move(room_);
    if (quota_) ask_leave(*lane);
    tasks_[move.lane] = lane->task();
    if (plan_.route->learns_times) {
        if (auto* const times = times_of(*lane)) times->asked(Clock::now());
    }
    lane->start();
    return true;
}

Move Exchange::pass_time() {
    auto situation = around();
    auto* const budget = plan_.route->hedge_budget;
    const auto resumed = course_->resumes();
    // Who is to be asked comes before what that takes.
    if (budget != nullptr && !resumed && situation.now >= course_->due()) {
        situation.next = entry_for_hedge(situation.next);
        situation.may_hedge = situation.next && budget->take();
    }
    RetryBudget::Place room;
    if (situation.may_hedge) {
        room = make_room(metrics::Extra::hedge, true);
        situation.may_add = static_cast<bool>(room) && may_spend(situation.next);
    }
    if (resumed && situation.now >= course_->due()) {
        situation.may_resume = may_be_asked(*resumed, !situation.next);
    }
    const auto move = course_->tick(situation);
    if (resumed) note_failover(*resumed, move, waited_for_);
    const bool hedged = move.action == Move::Action::start && move.cause == Cause::hedge;
    if (hedged) room_ = std::move(room);
    if (situation.may_hedge && !hedged) budget->give_back();
    if (quota_ && !hedged) quota_->forget();
    return move;
}

// The attempt in this lane has come to a point where something can be decided.
Move Exchange::judge(std::size_t i) {
    auto& lane = *lanes_[i];
    tasks_[i] = nullptr;
    lane.task()->finish();
    const bool failed = lane.attempt().state() == Attempt::State::failed;
    const bool poor = !failed && lane.attempt().failure() != FailureClass::none;
    if (!failed && !poor) drop_all_but(i);
    lane.record().trace();
    if (failed) return fail(i);
    if (poor) return set_aside(i);
    if (lane.admission().is_probe()) lane.admission().begun(Clock::now());
    if (plan_.route->learns_times) learn(lane);
    if (lane.without_usage()) {
        // It was that, then.
        runtime_.usage_refusals().add(*lane.entry().upstream, lane.sent_model());
    }
    if (lane.without_responses()) {
        runtime_.responses_refusals().add(*lane.entry().upstream, {});
    }
    if (lane.translated() != nullptr) learn_repairs(lane);
    if (doubted_prefill_) note_refused_prefill(lane);
    return course_->ready(i);
}

Move Exchange::fail(std::size_t i) {
    auto& lane = *lanes_[i];
    auto& attempt = lane.attempt();
    if (session_.client_gone()) return course_->left();
    const bool rescuing = course_->phase() == Course::Phase::rescuing;
    spend(lane.position());
    auto situation = rescuing ? around_break(lane.position()) : around();
    if (!first_failure_) {
        first_failure_ = std::make_unique<FirstFailure>(session_.worker().shared().budget);
    }
    const bool first = course_->is_first(i);
    first_failure_->note(lane, first);
    if (plan_.route->learns_times) learn_failure(lane);
    LaneFailure failure;
    failure.failure = attempt.failure();
    failure.retry_after = attempt.retry_after();
    failure.places_taken = attempt.starved();
    failure.for_good = attempt.head().status >= 300 && attempt.head().status < 400;
    failure.refused_addition = attempt.refused_our_addition();
    if (failure.refused_addition) without_usage_ = lane.position();
    failure.other_words = ask_in_other_words(lane);
    // Put otherwise it cannot be said to it at all.
    if (lane.refused() && failure.failure == FailureClass::unsupported) {
        if (lane.translated() != nullptr) learn_repairs(lane);
    }
    // A prompt that is too long for an entry is so whoever says it.
    const auto why = attempt.too_long() ? FailureClass::context_length : failure.failure;
    if (!rerouted_.contains(why) && reroute(why)) {
        failure.rerouted = true;
        situation = rescuing ? around_break(lane.position()) : around();
    }
    // What has a chain of its own is no refusal of how it was asked.
    if (rescuing && !failure.rerouted) look_for_refused_prefill(i, situation);
    const auto from = lane.position();
    const auto said = failure.failure;  // what is decided by may be another one
    auto room = settle(i, failure, situation);
    attempt.release();
    lanes_[i].reset();
    if (session_.client_has_left()) return course_->left();  // then nothing is moved on
    const auto move = course_->failed(i, failure, situation);
    const bool mended = failure.other_words || failure.refused_addition;
    const bool asked_again = move.action == Move::Action::start && move.cause == Cause::repair;
    if (first && mended && asked_again) first_failure_->mended();
    waited_for_ = said;
    if (move.action == Move::Action::start || course_->resumes()) room_ = std::move(room);
    note_failover(from, move, said);
    return move;
}

// The chain moves on from the entry at `from`: it is counted with the attempt that comes next.
void Exchange::note_failover(std::size_t from, const Move& move, FailureClass why) {
    const bool moves = move.cause == Cause::failover || move.cause == Cause::rescue;
    if (move.action != Move::Action::start || !moves || move.entry == from) return;
    record_->moved(plan_.chain[from]->upstream->name, why);
}

// Puts the chain that the route has for this failure in place of what is left. False: it has none.
bool Exchange::reroute(FailureClass failure) {
    // A client that names its own chain means that one and no other.
    if (request_.chain.data() != nullptr || !request_.may_fall_back) return false;
    for (const auto& other : plan_.route->on) {
        if (other.failure != failure) continue;
        auto& chain = plan_.chain;
        chain.resize(course_->furthest() + 1);
        for (const auto& entry : other.entries) {
            const auto same = [&](const RuntimeEntry* tried) {
                return tried->upstream == entry.upstream && tried->model == entry.model;
            };
            if (std::none_of(chain.begin(), chain.end(), same)) chain.push_back(&entry);
        }
        rerouted_.add(failure);
        return true;
    }
    return false;
}

// Another attempt has answered first, or decided that there is no answer. Their bills are made now,
// so that the client's cost holds them.
void Exchange::drop_all_but(std::size_t kept) {
    for (std::size_t i = 0; i < lanes_.size(); ++i) {
        if (i == kept || !lanes_[i]) continue;
        auto* const times = plan_.route->learns_times ? times_of(*lanes_[i]) : nullptr;
        if (times != nullptr) times->unasked();
        auto& record = lanes_[i]->record();
        record.dropped(FailureClass::dropped);
        record.trace();
        tasks_[i] = nullptr;
        lanes_[i].reset();
    }
}

}  // namespace understudy::proxy
