#include "proxy/exchange.hpp"

#include "proxy/answer_head.hpp"
#include "proxy/counted_here.hpp"
#include "proxy/session.hpp"
#include "proxy/tiers.hpp"
#include "wire/answer_traits.hpp"

#include <algorithm>

namespace understudy::proxy {

namespace {

// Google's own libraries take a comment for a broken event: they get one without text.
std::string_view still_waiting(wire::Dialect dialect) {
    if (dialect != wire::Dialect::gemini) return ": understudy still waiting\n\n";
    return R"(data: {"candidates":[{"content":{"role":"model","parts":[{"text":""}]},"index":0}]})"
           "\n\n";
}

}  // namespace

using metrics::Outcome;
using net::Clock;
using net::GatherList;
using net::Task;
using net::TimePoint;
using upstreams::Attempt;
using wire::FailureClass;

Exchange::Exchange(Session& session, Inbound& request, Runtime& runtime)
    : session_(session),
      request_(request),
      runtime_(runtime),
      client_(session),
      timer_(
          session.worker().context().timers,
          [](void* s) { static_cast<net::Signal*>(s)->notify(); }, &session.signal()) {}

Exchange::~Exchange() {
    for (auto& lane : lanes_) lane.reset();
    record_.reset();  // settles while the request it refers to is still there
}

std::optional<LocalError> Exchange::refusal() {
    auto& worker = session_.worker();
    if (worker.shared().draining) {
        LocalError error(503, "draining", "This proxy is shutting down; try again elsewhere.");
        error.retry_after = std::chrono::seconds(1);
        return error;
    }
    const auto& ledger = runtime_.config().ledger;
    if (worker.books() != nullptr && ledger && ledger->required && worker.books()->full()) {
        return overloaded("The ledger cannot be written, and is required (ledger.required).");
    }
    return make_plan(
        request_, runtime_,
        [this](std::span<const RuntimeEntry*> chain) { order_groups(chain, group_facts()); },
        plan_);
}

GroupFacts Exchange::group_facts() const {
    GroupFacts facts;
    auto& worker = session_.worker();
    facts.random = [&worker] { return worker.jitter(); };
    facts.inflight = [](const RuntimeEntry& entry) {
        return entry.inflight != nullptr ? *entry.inflight : 0;
    };
    facts.latency = [this, &worker](const RuntimeEntry& entry) {
        const auto* const times = worker.answer_times().find(
            entry.upstream->name, model_at(entry).name(), request_.facts.stream);
        return times != nullptr ? times->rank(Clock::now()) : std::nullopt;
    };
    facts.session = session_of(request_);
    return facts;
}

Task<void> Exchange::run() {
    auto refused = refusal();
    record_.emplace(runtime_, request_, plan_.route, session_.client_gone());
    if (limited()) {
        co_await meet_limits(refused);
        if (session_.client_gone()) co_return;
    }
    if (refused) {
        co_await answer_rejected(std::move(*refused));
        co_return;
    }
    const auto counted = counted_here(request_, plan_);
    if (counted) {
        co_await answer_here(*counted);
        co_return;
    }
    course_.emplace(rules());
    const auto& route = *plan_.route->route;
    const auto& traits = wire::traits_of(request_.endpoint.shape);
    const bool events = request_.facts.stream && traits.needs_finish && !traits.is_list;
    if (route.keepalive && events) keepalive_at_ = Clock::now() + *route.keepalive;
    const auto entry = first_entry();
    Move move = course_->begin(entry, entry ? hedge_time(*plan_.chain[*entry]) : TimePoint::max());
    const net::AnyOf something(session_.signal(), tasks_);
    while (move.action != Move::Action::stop) {
        if (move.action == Move::Action::commit) {
            co_await answer(*lanes_[move.lane]);
            if (!broken_) co_return;
            move = after_break(move.lane);
            continue;
        }
        if (move.action == Move::Action::start && !open(move)) {
            move = course_->left();
            continue;
        }
        claims_.clear();  // what this request does not ask now, others may
        wake_by(std::min(course_->due(), keepalive_at_));
        while (!something_happened()) co_await something;
        if (keepalive_due()) co_await keep_waiting();
        move = look();
    }
    claims_.clear();
    if (session_.client_gone()) co_return;
    drop_all_but(kMaxLanes);
    settle_before_end(nullptr);
    if (!broken_) broken_ = std::move(given_up_);
    if (broken_) {
        co_await break_off();
    } else if (kept_) {
        co_await answer_kept();
    } else if (!first_failure_) {
        co_await answer_nobody();
    } else if (client_.begun()) {
        co_await fail_in_band();
    } else {
        co_await answer_failure();
    }
}

Task<void> Exchange::answer_rejected(LocalError error) {
    record_->outcome = Outcome::rejected;
    record_->status = error.status;
    record_->error_code = error.code;
    std::string fields;
    if (quota_) {
        quota_->append_fields(fields);
        quota_->append_openai_fields(fields);
    }
    co_await session_.answer(error, fields);
}

// Nobody is asked.
Task<void> Exchange::answer_here(std::string_view body) {
    record_->outcome = Outcome::primary;
    record_->status = 200;
    std::string fields;
    add_answer_fields(fields, request_, *record_, {}, {}, nullptr);
    settle_before_end(nullptr);
    co_await session_.answer(200, "application/json", fields, body);
    record_->deliver();
}

CourseRules Exchange::rules() const {
    CourseRules rules;
    rules.route = plan_.route->route;
    rules.deadline = plan_.deadline;
    rules.may_fall_back = request_.may_fall_back;
    rules.hedges = plan_.route->hedge_budget != nullptr;
    rules.rescues = plan_.route->route->midstream == config::Midstream::continue_;
    return rules;
}

// When an attempt that begins now gets another one beside it.
TimePoint Exchange::hedge_time(const RuntimeEntry& entry) const {
    if (plan_.route->hedge_budget == nullptr) return TimePoint::max();
    const auto& hedge = *plan_.route->route->hedge;
    plan_.route->hedge_budget->earn(hedge.budget_percent);
    const auto* const times = session_.worker().answer_times().find(
        entry.upstream->name, model_at(entry).name(), request_.facts.stream);
    const auto delay = hedge_delay(hedge, times);
    return delay ? Clock::now() + *delay : TimePoint::max();
}

SentModel Exchange::model_at(const RuntimeEntry& entry) const {
    return {entry, request_.facts.model};
}

Surroundings Exchange::around() {
    claims_.clear();
    Surroundings around;
    around.now = Clock::now();
    around.next = entry_behind(course_->furthest());
    around.jitter = session_.worker().jitter();
    return around;
}

// Starts what the course says; it may be over at once. False: there is no memory for it.
bool Exchange::open(const Move& move) {
    LaneSpec spec;
    spec.entry = plan_.chain[move.entry];
    spec.position = move.entry;
    spec.cause = move.cause;
    spec.rung = move.rung;
    spec.without_usage = without_usage_ == move.entry;
    spec.without_responses = without_responses_ == move.entry;
    // What has been promised to the client already, it gets in the clear.
    spec.uncoded = keepalive_at_ != TimePoint::max();
    spec.quality = plan_.route->route->fallback_on & wire::kQualityClasses;
    spec.small_window = small_window(*spec.entry);
    spec.deadline = plan_.deadline;
    const bool unsealed = unsealed_ && unsealed_->entry == move.entry;
    if (unsealed) spec.asked = &unsealed_->request;
    if (move.cause == Cause::rescue) {
        spec.uncoded = true;
        spec.asked = rescuer_->ask(*spec.entry, move.rung, unsealed);
        if (spec.asked == nullptr) return false;
    }
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

void Exchange::wake_by(TimePoint due) {
    if (due == TimePoint::max()) {
        timer_.clear();
    } else {
        timer_.set(due);
    }
}

bool Exchange::something_happened() const {
    for (const auto& lane : lanes_) {
        if (lane && lane->over()) return true;
    }
    return session_.client_gone() || timer_.expired();
}

bool Exchange::keepalive_due() const {
    return timer_.expired() && Clock::now() >= keepalive_at_ && !session_.client_gone();
}

// The client has waited for long: it gets the head, and then a comment now and then, while entries
// are still tried.
Task<void> Exchange::keep_waiting() {
    keepalive_at_ = Clock::now() + *plan_.route->route->keepalive;
    if (!client_.begun()) {
        record_->status = 200;
        auto& head = session_.head_buffer();
        head.append(
            "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\n"
            "cache-control: no-cache\r\n");
        add_early_fields(head, request_, *record_);
        client_.begin_stream(head);
    }
    GatherList out;
    client_.compose(out, still_waiting(request_.endpoint.dialect), false);
    co_await session_.send(out);
}

// What has happened, and what follows from it.
Move Exchange::look() {
    for (std::size_t i = 0; i < lanes_.size(); ++i) {
        if (lanes_[i] && lanes_[i]->over()) return judge(i);
    }
    if (session_.client_gone()) {
        for (const auto& lane : lanes_) {
            if (!lane) continue;
            lane->record().dropped(FailureClass::client_closed);
            lane->record().trace();
        }
        return course_->left();
    }
    return pass_time();
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
    return course_->ready(i);
}

Move Exchange::fail(std::size_t i) {
    auto& lane = *lanes_[i];
    auto& attempt = lane.attempt();
    if (session_.client_gone()) return course_->left();
    const bool rescuing = course_->phase() == Course::Phase::rescuing;
    spend(lane.position());
    auto situation = rescuing ? around_break(lane.position()) : around();
    if (rescuing) look_for_refused_prefill(i, situation);
    if (!first_failure_) first_failure_.emplace(session_.worker().shared().budget);
    first_failure_->note(lane, course_->is_first(i));
    if (plan_.route->learns_times) learn_failure(lane);
    LaneFailure failure;
    failure.failure = attempt.failure();
    failure.retry_after = attempt.retry_after();
    failure.places_taken = attempt.starved();
    failure.refused_addition = attempt.refused_our_addition();
    if (failure.refused_addition) without_usage_ = lane.position();
    failure.other_words = ask_in_other_words(lane);
    // A prompt that is too long for an entry is so whoever says it.
    const auto why = attempt.too_long() ? FailureClass::context_length : failure.failure;
    if (!rescuing && !rerouted_.contains(why) && reroute(why)) {
        failure.rerouted = true;
        situation = around();
    }
    const auto from = lane.position();
    const auto said = failure.failure;  // what is decided by may be another one
    auto room = settle(i, failure, situation);
    attempt.release();
    lanes_[i].reset();
    if (session_.client_has_left()) return course_->left();  // then nothing is moved on
    const auto move = course_->failed(i, failure, situation);
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

AnswerTimes* Exchange::times_of(Lane& lane) {
    return session_.worker().answer_times().make(lane.entry().upstream->name, lane.sent_model(),
                                                 request_.facts.stream);
}

void Exchange::learn(Lane& lane) {
    const auto& attempt = lane.attempt();
    auto* const times = times_of(lane);
    if (times == nullptr) return;
    const auto end =
        attempt.first_token_at() != TimePoint{} ? attempt.first_token_at() : attempt.ended_at();
    times->note(std::chrono::duration_cast<std::chrono::milliseconds>(end - attempt.started()),
                Clock::now());
}

// What says something of who was asked, and not of what was.
void Exchange::learn_failure(Lane& lane) {
    constexpr wire::FailureSet kTheirs{FailureClass::connection,   FailureClass::timeout,
                                       FailureClass::rate_limit,   FailureClass::quota,
                                       FailureClass::server_error, FailureClass::malformed,
                                       FailureClass::auth};
    const auto& attempt = lane.attempt();
    auto* const times = times_of(lane);
    if (times == nullptr) return;
    if (kTheirs.contains(attempt.failure())) {
        times->failed(Clock::now(), attempt.retry_after());
    } else {
        times->unasked();
    }
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
