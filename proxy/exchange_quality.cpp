// The part of an exchange that is about what entries can do and what their answers are worth: those
// whose window is too small are not asked, what one refuses may be asked of it in other words, and
// an answer that the route does not want waits for a better one.
#include "dialects/unsealed.hpp"
#include "proxy/answer_head.hpp"
#include "proxy/exchange.hpp"
#include "proxy/session.hpp"
#include "wire/append.hpp"
#include "wire/prompt_size.hpp"

#include <algorithm>

namespace understudy::proxy {

using metrics::Outcome;
using net::GatherList;
using net::Task;
using wire::FailureClass;

// The prompt is surely too long for this entry's window: its size, else 0.
std::uint64_t Exchange::small_window(const RuntimeEntry& entry) {
    const auto bytes = request_.body.size();
    if (bytes <= wire::kNeverTooLong) return 0;
    const auto window = runtime_.context_window(*entry.upstream, model_at(entry).name());
    if (window == 0 || !wire::may_be_too_long(bytes, window)) return 0;
    if (!prompt_tokens_) {
        prompt_tokens_ = wire::least_prompt(request_.endpoint.shape, request_.body, request_.facts);
    }
    return *prompt_tokens_ > window ? window : 0;
}

// Whether this entry can do what is asked, as far as is known without asking.
bool Exchange::can_serve(std::size_t position) {
    LaneSpec spec;
    spec.entry = plan_.chain[position];
    spec.position = position;
    spec.without_responses = without_responses_ == position;
    return small_window(*spec.entry) == 0 && Lane::can_ask(spec, runtime_, request_);
}

// Who gets the request beside the attempt that is slow: the first from `next` on that may be asked
// and can serve it. Those that cannot would take the place of one that can.
std::optional<std::size_t> Exchange::entry_for_hedge(std::optional<std::size_t> next) {
    while (next && !can_serve(*next)) next = entry_behind(*next);
    return next;
}

// What an entry refuses may be said to it in another way: then it is asked again at once.
bool Exchange::ask_in_other_words(Lane& lane) {
    if (lane.lacks_responses()) {
        without_responses_ = lane.position();
        return true;
    }
    return unseal(lane) || mend(lane);
}

// It refuses something that a translation says: the same without it, or with less of it, where that
// does no harm. What the client says in the upstream's own words is between the two of them.
bool Exchange::mend(Lane& lane) {
    const auto& attempt = lane.attempt();
    auto* const translated = lane.translated();
    if (translated == nullptr || attempt.failure() != FailureClass::bad_request) return false;
    if (!attempt.answered() || attempt.garbled()) return false;
    // One thing is named at a time, as a rule.
    constexpr unsigned kMostRepairs = 4;
    if (repairs_ == kMostRepairs) return false;
    const auto repairs = translated->repairs_for(attempt.body());
    if (repairs.empty()) return false;
    ++repairs_;
    auto* mended = mended_at(lane.position());
    if (mended == nullptr) mended = &mended_.emplace_back(Mended{lane.position(), {}});
    mended->repairs = repairs;
    return true;
}

Mended* Exchange::mended_at(std::size_t position) {
    const auto at = std::find_if(mended_.begin(), mended_.end(),
                                 [&](const Mended& mended) { return mended.entry == position; });
    return at == mended_.end() ? nullptr : &*at;
}

// It refuses the thoughts of earlier turns: the same without them, once.
bool Exchange::unseal(Lane& lane) {
    const auto& attempt = lane.attempt();
    if (attempt.failure() != FailureClass::bad_request || !attempt.answered()) return false;
    if (unsealed_ && unsealed_->entry == lane.position()) return false;
    if (!dialects::refuses_seals(attempt.head().status, attempt.body())) return false;
    if (!lane.sends_seals()) return false;  // a translation leaves out what is another provider's
    if (!unsealed_) {
        unsealed_ = std::make_unique<Unsealed>(session_.worker().shared().budget);
        auto& asked = unsealed_->request;
        const bool room = unsealed_->charge.set(request_.body.size());
        if (room) asked.body = dialects::without_seals(request_.endpoint.dialect, request_.body);
        if (!asked.body.empty() && wire::scan_request(asked.body, asked.facts)) asked.body.clear();
    }
    if (unsealed_->request.body.empty()) return false;
    unsealed_->entry = lane.position();
    return true;
}

// Of a lane that is translated.
void Exchange::learn_repairs(Lane& lane) {
    // What it does not take of this request it may take of others.
    const auto lasting = lane.translated()->mended().lasting();
    if (lasting.empty()) return;
    runtime_.learnt_repairs().learn(*lane.entry().upstream, lane.sent_model(), lasting);
}

// What an upstream of the client's own API is asked where the client has thoughts of others from
// us; null: what the client sent.
const OwnedRequest* Exchange::without_others_seals(const RuntimeEntry& entry) {
    using wire::Dialect;
    const auto dialect = request_.endpoint.dialect;
    const bool seals =
        dialect == Dialect::messages || dialect == Dialect::responses || dialect == Dialect::gemini;
    if (!seals || entry.upstream->dialect != dialect) return nullptr;
    // Others that speak Anthropic's API have thoughts without a seal.
    const bool demands = model_at(entry).name().find("claude") != std::string_view::npos;
    auto& own = own_seals_[demands ? 1 : 0];
    if (!own) {
        own = std::make_unique<Unsealed>(session_.worker().shared().budget);
        auto& asked = own->request;
        asked.body = dialects::without_foreign_seals(dialect, request_.body, demands);
        const bool usable = !asked.body.empty() && own->charge.set(asked.body.size()) &&
                            !wire::scan_request(asked.body, asked.facts);
        if (!usable) asked.body.clear();
    }
    return own->request.body.empty() ? nullptr : &own->request;
}

// An answer that the route does not want from anybody as long as there is another to ask.
Move Exchange::set_aside(std::size_t i) {
    auto& lane = *lanes_[i];
    if (session_.client_gone()) return course_->left();
    if (!kept_) kept_ = std::make_unique<KeptAnswer>(session_.worker().shared().budget);
    if (!kept_->keep(lane)) {  // no room: then it is the answer
        kept_.reset();
        drop_all_but(i);
        return course_->ready(i);
    }
    LaneFailure failure;
    failure.failure = lane.attempt().failure();
    const auto from = lane.position();
    auto situation = around();
    auto room = make_room(metrics::Extra::failover, situation.next.has_value());
    situation.may_add = static_cast<bool>(room);
    lane.attempt().release();
    lanes_[i].reset();
    if (session_.client_has_left()) return course_->left();
    const auto move = course_->failed(i, failure, situation);
    if (move.action == Move::Action::start) room_ = std::move(room);
    note_failover(from, move, failure.failure);
    return move;
}

// Nobody had a better answer: the one that came is the client's, and is what it is.
Task<void> Exchange::answer_kept() {
    const auto& kept = *kept_;
    record_->outcome = kept.primary() ? Outcome::primary : Outcome::fallback;
    record_->status = kept.head().status;
    record_->whole = true;
    record_->served_by = kept.upstream();
    record_->served_model = kept.served_model();
    if (kept.clients_model()) session_.worker().note_answered(request_.facts.model);
    Bill booked;  // its cost is in the request's already
    if (kept.bill().cost_pico_usd) booked.cost_pico_usd = 0;
    booked.priced_by = kept.bill().priced_by;
    auto& head = session_.head_buffer();
    add_upstream_head(head, kept.head());
    add_answer_fields(head, request_, *record_, kept.upstream(), kept.sent_model(), &booked);
    if (!kept.dropped().empty()) wire::append_field(head, kDroppedField, kept.dropped());
    GatherList list;
    const bool sent = send_whole(session_, head, kept.head().status, kept.body(), list) ||
                      co_await session_.send_rest(list);
    static_cast<void>(sent);
    record_->deliver();
}

}  // namespace understudy::proxy
