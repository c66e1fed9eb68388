// The part of an exchange that has a stream which broke gone on with: by whom, in which way, and
// what has come of it. proxy/rescuer.hpp makes the rest one stream with what was sent.
#include "proxy/exchange.hpp"
#include "proxy/session.hpp"

#include <utility>

namespace understudy::proxy {

using metrics::Outcome;
using net::Task;
using upstreams::Attempt;
using wire::FailureClass;

void Exchange::spend(std::size_t position) {
    if (spent_.size() <= position) spent_.resize(position + 1);
    spent_[position] = 1;
}

bool Exchange::spent(std::size_t position) const {
    return position < spent_.size() && spent_[position] != 0;
}

// What holds when the stream of the entry at `from` has broken: the next one is any that can go on
// with it and has not failed in this request. Those behind it come first, then those before it,
// which rested, or gave way to an answer that came sooner.
Surroundings Exchange::around_break(std::size_t from) {
    auto situation = around();
    situation.next.reset();
    const std::size_t size = plan_.chain.size();
    for (std::size_t step = 1; step < size && !situation.next; ++step) {
        const std::size_t place = (from + step) % size;
        if (spent(place)) continue;
        const auto& entry = *plan_.chain[place];
        const auto rung = rescuer_->rung_at(entry, model_at(entry).name());
        if (rung == Rung::none || !may_be_asked(place, false)) continue;
        situation.rung_next = rung;
        situation.next = place;
    }
    // As long as there is another, it is not asked again.
    if (!situation.next && may_be_asked(from, true)) {
        const auto& same = *plan_.chain[from];
        situation.rung_same = rescuer_->rung_at(same, model_at(same).name());
    }
    return situation;
}

// Whoever refuses the beginning of its answer may still go on with it in another way.
void Exchange::look_for_refused_prefill(std::size_t i, Surroundings& around) {
    auto& lane = *lanes_[i];
    const auto& attempt = lane.attempt();
    if (course_->rung_of(i) != Rung::prefill) return;
    if (attempt.failure() == FailureClass::unsupported) {
        // Its API or model has no way to be given one: found out before anything was sent.
        around.rung_below = rescuer_->rung_at(lane.entry(), lane.sent_model(), Rung::prefill);
        return;
    }
    // Some say so with a 500 or 404, or inside a 200; what is about the key or the rate is not it.
    const bool spoken = attempt.error_inside() || attempt.failure() == FailureClass::bad_request ||
                        attempt.failure() == FailureClass::not_found ||
                        attempt.failure() == FailureClass::server_error;
    const auto event = attempt.error_event();
    const bool refused = spoken && rescue::refuses_prefill(event.empty() ? attempt.body() : event);
    const auto status = attempt.head().status;
    if (!refused && status != 400 && status != 422) return;
    if (refused) {
        runtime_.prefill_refusals().add(*lane.entry().upstream, lane.sent_model());
    } else if (attempt.failure() == FailureClass::bad_request) {
        doubted_prefill_ = lane.position();
    }
    around.rung_below = rescuer_->rung_at(lane.entry(), lane.sent_model(), Rung::prefill);
}

// In words that nobody knows something was refused with a prefill; who then takes the same request
// without one has refused that.
void Exchange::note_refused_prefill(const Lane& lane) {
    if (lane.cause() != Cause::rescue || doubted_prefill_ != lane.position()) return;
    doubted_prefill_.reset();
    if (lane.rung() == Rung::prefill) return;
    runtime_.prefill_refusals().add(*lane.entry().upstream, lane.sent_model());
}

// The rest of a broken stream may be held for long: until it flows, the client goes on hearing
// that somebody is there.
Task<void> Exchange::keep_company() {
    if (keepalive_due()) co_await keep_waiting();
    wake_by(keepalive_at_);
}

// What has come of going on with somebody else's answer.
void Exchange::end_rescue(Lane& lane) {
    if (rescuer_->starved()) {
        note_break(lane, upstreams::kOutOfMemory, FailureClass::overloaded);
    } else if (rescuer_->diverged()) {
        note_break(lane, "another answer came than the one that had begun");
    } else if (rescuer_->lost()) {
        note_break(lane, "an event of it has no place in the answer that had begun");
    } else if (lane.attempt().state() == Attempt::State::broken) {
        note_break(lane);
    } else if (!rescuer_->finished()) {
        note_break(lane, "the answer was gone on with to no finish");
    } else {
        record_->outcome = Outcome::rescued;
        record_->broken = false;  // the client has all of it
    }
}

// The answer in this lane broke behind its commit: who goes on?
Move Exchange::after_break(std::size_t i) {
    const auto from = lanes_[i]->position();
    const auto rung = lanes_[i]->rung();
    const auto why = broken_->failure;
    const bool diverged = rescuer_ && rescuer_->diverged();
    const auto& usage = lanes_[i]->attempt().metered().usage;
    if (rescuer_ && usage && lanes_[i]->cause() != Cause::rescue) rescuer_->reported(*usage);
    lanes_[i]->record().dropped(why);
    if (plan_.route->learns_times) learn_failure(*lanes_[i]);
    lanes_[i]->attempt().release();
    lanes_[i].reset();
    // Nobody goes on with what may end inside an event.
    const bool over = session_.client_has_left() || broken_->mid_event || !course_->rescues();
    if (over || !rescuer_ || !rescuer_->possible()) return course_->finished();
    spend(from);
    auto situation = around_break(from);
    const auto& entry = *plan_.chain[from];
    if (diverged) situation.rung_below = rescuer_->rung_at(entry, model_at(entry).name(), rung);
    auto room = make_room(metrics::Extra::failover, situation.next.has_value());
    situation.may_add = static_cast<bool>(room);
    const auto move = course_->broke(why, situation);
    if (move.action == Move::Action::start) {
        room_ = std::move(room);
        // It is not the client's affair any more, unless the next one ends it anew.
        given_up_ = std::move(broken_);
        const auto& keepalive = plan_.route->route->keepalive;
        if (keepalive) keepalive_at_ = net::Clock::now() + *keepalive;
    }
    note_failover(from, move, why);
    return move;
}

}  // namespace understudy::proxy
