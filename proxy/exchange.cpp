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

// Out of the memory that every request has: few are refused.
std::unique_ptr<LocalError> kept(std::optional<LocalError> error) {
    return error ? std::make_unique<LocalError>(std::move(*error)) : nullptr;
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

// Why the request is not even begun; null: it is.
std::unique_ptr<LocalError> Exchange::refusal() {
    auto& worker = session_.worker();
    if (worker.shared().draining) {
        LocalError error(503, "draining", "This proxy is shutting down; try again elsewhere.");
        error.retry_after = std::chrono::seconds(1);
        return kept(std::move(error));
    }
    const auto& ledger = runtime_.config().ledger;
    if (worker.books() != nullptr && ledger && ledger->required && worker.books()->full()) {
        return kept(overloaded("The ledger cannot be written, and is required (ledger.required)."));
    }
    return kept(make_plan(
        request_, runtime_,
        [this](std::span<const RuntimeEntry*> chain) { order_groups(chain, group_facts()); },
        plan_));
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
    record_.emplace(runtime_, request_, plan_.route, session_.client_gone(), session_.cut_off());
    if (limited()) {
        begin_quota();
        if (!refused && !knows_session()) co_await learn_of_session();
        if (session_.client_gone()) co_return;
        if (!refused) refused = meet_limits();
    }
    if (refused) {
        co_await answer_rejected(std::move(refused));
        co_return;
    }
    if (asks_for_count(request_.endpoint.shape)) {
        const bool answered = co_await answer_count();
        if (answered) co_return;
    }
    Move move = begin();
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
    if (session_.client_gone()) {
        leave();
        co_return;
    }
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

Move Exchange::begin() {
    course_.emplace(rules());
    const auto& route = *plan_.route->route;
    const auto& traits = wire::traits_of(request_.endpoint.shape);
    const bool events = request_.facts.stream && traits.needs_finish && !traits.is_list;
    if (route.keepalive && events) keepalive_at_ = Clock::now() + *route.keepalive;
    const auto entry = first_entry();
    return course_->begin(entry, entry ? hedge_time(*plan_.chain[*entry]) : TimePoint::max());
}

Task<void> Exchange::answer_rejected(std::unique_ptr<LocalError> error) {
    record_->outcome = Outcome::rejected;
    record_->status = error->status;
    record_->error_code = error->code;
    std::string fields;
    if (quota_) quota_->append_fields(fields);
    co_await session_.answer(*error, fields);
}

// A count of tokens that can be told without asking anybody. False: it cannot.
Task<bool> Exchange::answer_count() {
    const auto counted = counted_here(request_, plan_);
    if (!counted) co_return false;
    record_->outcome = Outcome::primary;
    record_->status = 200;
    std::string fields;
    add_answer_fields(fields, request_, *record_, {}, {}, nullptr);
    settle_before_end(nullptr);
    co_await session_.answer(200, "application/json", fields, *counted);
    record_->deliver();
    co_return true;
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
    if (session_.client_gone()) return course_->left();
    return pass_time();
}

// The client has left, however that was found out: what still runs is done with, and the trace
// names it like all other attempts.
void Exchange::leave() {
    for (const auto& lane : lanes_) {
        if (!lane || lane->record().traced()) continue;
        lane->record().dropped(FailureClass::client_closed);
        lane->record().trace();
    }
}

}  // namespace understudy::proxy
