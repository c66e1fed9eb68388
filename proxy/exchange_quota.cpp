// The part of an exchange that asks limits for leave: for the request, once, and for the money of
// each attempt. Where no limit is about a request, it is a look at two pointers.
#include "ledger/reader.hpp"
#include "proxy/exchange.hpp"
#include "proxy/log.hpp"
#include "proxy/question.hpp"
#include "proxy/session.hpp"

#include <chrono>
#include <utility>

namespace understudy::proxy {

using limits::NanoUsd;
using net::Task;

namespace {

constexpr std::chrono::milliseconds kPatience{2000};
constexpr std::chrono::milliseconds kGroupCommit{250};  // longer than one takes
constexpr int kLooks = 3;

/// Whose session, and where what it has spent is to be found.
struct SessionToLearn {
    std::string key, session;
    std::shared_ptr<limits::Purse> purse;
    NanoUsd counted = 0;      // when it was asked
    std::uint64_t round = 0;  // of the ledger's, then
};

NanoUsd look_up(const std::string& path, const SessionToLearn& of, std::string& problem) {
    const auto reader = ledger::sqlite_reader(path);
    auto fault = reader->open();
    NanoUsd spent = 0;
    if (fault == ledger::Fault::none) {
        reader->limit_time(kPatience);
        fault = reader->session_cost(of.key, of.session, spent);
    }
    problem = fault != ledger::Fault::none ? reader->why() : std::string();
    return spent;
}

// What its requests are booked at while the ledger is read may be in the ledger's sum or not: then
// it is read again.
std::string complete_from(ledger::Ledger& ledger, const SessionToLearn& of) {
    std::string problem;
    NanoUsd spent = 0, counted = 0;
    auto before = of.counted;
    auto round = of.round;
    for (int looks = 0; looks < kLooks; ++looks) {
        counted = ledger.settle(kGroupCommit, round) ? before : 0;  // else nothing of it is written
        spent = look_up(ledger.place(), of, problem);
        const auto now = of.purse->spent(limits::Period::always, limits::now());
        if (now == before) break;
        before = now;
        round = ledger.round();
    }
    of.purse->complete(limits::now(), spent, problem.empty() ? counted : 0);
    return problem;
}

}  // namespace

bool Exchange::limited() const {
    const bool keyed = request_.key != nullptr && runtime_.allowance_of(*request_.key) != nullptr;
    if (keyed || request_.session_budget) return true;
    return !request_.session.empty() && !runtime_.session_purses().empty();
}

// What is refused already is told how its limits stand.
void Exchange::begin_quota() {
    auto* const allowance =
        request_.key != nullptr ? runtime_.allowance_of(*request_.key) : nullptr;
    quota_ = std::make_unique<Quota>(runtime_, allowance, request_);
    record_->quota = quota_.get();
}

bool Exchange::knows_session() const {
    return !quota_->needs_session();
}

// Why the request is not let in; null: it is.
std::unique_ptr<LocalError> Exchange::meet_limits() {
    auto refused = knows_session()
                       ? quota_->admit()
                       : overloaded("Too many sessions with a budget are under way at once.");
    return refused ? std::make_unique<LocalError>(std::move(*refused)) : nullptr;
}

// A session that was not seen since the start, or for long: the ledger knows what it has spent.
Task<void> Exchange::learn_of_session() {
    SessionToLearn of;
    of.purse = quota_->make_session();
    if (!of.purse) co_return;
    auto& shared = session_.worker().shared();
    if (!shared.ledger) {
        of.purse->complete(limits::now(), 0, 0);
        co_return;
    }
    of.session = request_.session;
    if (request_.key != nullptr) of.key = request_.key->name;
    of.counted = of.purse->spent(limits::Period::always, limits::now());
    of.round = shared.ledger->round();
    Question<std::string> question;
    const bool asked =
        question.ask(shared.session_room, session_.worker().io(), session_.signal(),
                     [&ledger = *shared.ledger, of] { return complete_from(ledger, of); });
    while (asked && !question.over() && !session_.client_gone()) co_await session_.signal().wait();
    if (!question.over() || question.reply().empty()) co_return;
    log(config::LogLevel::error, "limits",
        {{"message", "what a session has spent cannot be read from the ledger (" +
                         question.reply() + "): its budget begins anew"},
         {"session", request_.session}});
}

// Called before the client can see the end of its answer, for its next request may be sooner than
// the rest of this one, and has to find what this one cost.
void Exchange::settle_before_end(Lane* lane) {
    if (!quota_ && request_.session.empty()) return;
    if (lane != nullptr) lane->record().settle();
    if (quota_) quota_->end();
}

// Holds what the attempt may cost, or has it refused. What is not sent at all costs nothing.
void Exchange::ask_leave(Lane& lane) {
    if (lane.refused()) return;
    auto leave = quota_->leave_for(lane.entry(), lane.sent_model(), lane.own_limit());
    if (leave.refused != wire::FailureClass::none) lane.refuse(leave.refused, leave.why);
    if (leave.money) lane.record().money(std::move(leave.money));
}

// Whether money can be held for one more attempt, at this entry.
bool Exchange::may_spend(std::optional<std::size_t> entry) {
    if (!quota_ || !entry) return true;
    return quota_->may_add(*plan_.chain[*entry], model_at(*plan_.chain[*entry]).name());
}

}  // namespace understudy::proxy
