// What limits have to do with one request: whether it is let in, what is held for each of its
// attempts, what each of them really used, and what the client is told of it. Made only for
// requests that some limit is about; on the worker of the request, like the exchange that owns it.
#pragma once

#include "limits/allowance.hpp"
#include "net/task.hpp"
#include "proxy/expected.hpp"
#include "proxy/inbound.hpp"
#include "proxy/local_error.hpp"
#include "proxy/report.hpp"
#include "proxy/runtime.hpp"
#include "wire/answer_limit.hpp"
#include "wire/append.hpp"
#include "wire/failure.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace understudy::proxy {

/// Money held for one attempt; goes back when it goes, unless it was settled.
struct AttemptMoney {
    AttemptMoney() = default;
    /// As a Lane's.
    static void* operator new(std::size_t size) { return net::detail::take_frame(size); }
    static void operator delete(void* money, std::size_t size) noexcept {
        net::detail::give_frame(money, size);
    }
    limits::Purse::Hold key, session;
    limits::NanoUsd held = 0;
    Expected expected;
    const metrics::ModelPrice* price = nullptr;
};

/// Whether an attempt may be made.
struct Leave {
    Leave() = default;
    wire::FailureClass refused = wire::FailureClass::none;
    std::string_view why;                 // static text
    std::unique_ptr<AttemptMoney> money;  // null: nothing is held for it
};

class Quota {
  public:
    /// `allowance`: the key's; null: no limit is about it. All outlive this.
    Quota(Runtime& runtime, limits::Allowance* allowance, const Inbound& request);
    Quota(const Quota&) = delete;
    Quota& operator=(const Quota&) = delete;
    /// As a Lane's.
    static void* operator new(std::size_t size) { return net::detail::take_frame(size); }
    static void operator delete(void* quota, std::size_t size) noexcept {
        net::detail::give_frame(quota, size);
    }

    /// The client names a budget for a session of which is not known what it has spent.
    bool needs_session() const {
        return request_.session_budget && (session_ == nullptr || !session_->is_complete());
    }
    /// Its purse, to be completed. Null: there is no place for it.
    std::shared_ptr<limits::Purse> make_session();

    /// Counts the request, once; or says why it is not let in.
    std::optional<LocalError> admit();
    /// Holds money for an attempt at this entry; a refusal that ends the request is kept, and
    /// counted. `own`: the limit in the body that is sent, where that is not the client's.
    Leave leave_for(const RuntimeEntry& entry, std::string_view model,
                    const std::optional<wire::AnswerLimit>& own);
    /// The same for an attempt that need not be made, whose refusal is not the client's affair.
    /// What is held waits for leave_for(), or forget(). Not where the entry speaks another API:
    /// what it may cost is known when the request has been translated.
    bool may_add(const RuntimeEntry& entry, std::string_view model);
    void forget() { prepared_.reset(); }
    /// The refusal that ended the request; null: there was none.
    const LocalError* denied() const { return denied_ ? &*denied_ : nullptr; }
    /// An attempt is over.
    void settle(const AttemptReport& report, AttemptMoney* money);
    /// The same of a request that no limit was about when it began: its session may have a purse
    /// by now.
    static void settle_late(const AttemptReport& report, Runtime& runtime, const Inbound& request);
    /// All attempts are over, and the client is about to know: the place of the request is free.
    void end() { pass_ = {}; }

    /// How the limits stand is told with whatever a client is told: ratelimit-limit, -remaining and
    /// -reset, in the place of an upstream's own, which are about somebody else; the same in
    /// OpenAI's words, unless the head has an upstream's, which say when to come back to it; and
    /// what is left of budgets. First, of a head so far, what goes: true: it has OpenAI's.
    static bool take_fields_of_others(std::string& head);
    void add_fields(wire::HeadWriter& head, bool has_openais);
    /// Both, at the end of a head.
    void append_fields(std::string& head);

  private:
    struct Refused {
        limits::Refusal refusal;
        bool of_session = false;
    };
    bool served_in_its_words(const RuntimeEntry& entry) const;
    /// Something may be refused for money.
    bool asks_money() const { return rules_.budgets.any() || request_.session_budget; }
    /// It is held, so that others see it that ask.
    bool holds_money() const { return asks_money() || session_ != nullptr; }
    Expected most_of(const RuntimeEntry& entry, std::string_view model, std::uint64_t output,
                     const limits::Moment& now) const;
    Leave try_leave(const RuntimeEntry& entry, std::string_view model,
                    const wire::AnswerLimit& limit, Refused& refused);
    LocalError rate_error(const limits::Refusal& refusal) const;
    LocalError money_error(const Refused& refused) const;
    const limits::Standings& standings(const limits::Moment& now);
    void add_rates(wire::HeadWriter& head, bool in_openais_words, const limits::Moment& now);
    void count(const Refused& refused);
    void learn(const AttemptReport& report, const limits::Moment& now) const;
    void book_unheld(limits::NanoUsd cost);
    void book_for_session(const limits::Moment& now, limits::NanoUsd cost);

    Runtime& runtime_;
    limits::Allowance* allowance_;
    const Inbound& request_;
    const KeyRules& key_rules_;
    const limits::Rules& rules_ = key_rules_.rules;
    std::shared_ptr<limits::Purse> session_;
    limits::Rates::Pass pass_;
    Expected expected_;  // of the request, whoever answers it
    Expected most_;      // the same, of the longest answer: what nobody told may have been
    wire::AnswerLimit answer_;
    std::unique_ptr<AttemptMoney> prepared_;
    const RuntimeEntry* prepared_for_ = nullptr;
    std::optional<LocalError> denied_;
    std::optional<limits::Standings> standings_;  // as the client is told
    PromptSize prompt_;                           // what money is held for
    bool learns_ = false;                         // from what the prompt turns out to have
};

}  // namespace understudy::proxy
