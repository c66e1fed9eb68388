// Takes one request from its body to its answer: one coroutine that owns the plan, the course, up
// to two lanes with an attempt each, and what the client has been told. It sleeps on its session's
// signal and on its lanes alike; what happens is told to the course, and what the course says is
// done here.
#pragma once

#include "net/task.hpp"
#include "net/timers.hpp"
#include "proxy/client_answer.hpp"
#include "proxy/course.hpp"
#include "proxy/first_failure.hpp"
#include "proxy/inbound.hpp"
#include "proxy/kept_answer.hpp"
#include "proxy/lane.hpp"
#include "proxy/local_error.hpp"
#include "proxy/plan.hpp"
#include "proxy/quota.hpp"
#include "proxy/record.hpp"
#include "proxy/rescuer.hpp"
#include "proxy/retry_budget.hpp"
#include "proxy/runtime.hpp"
#include "proxy/sent_model.hpp"
#include "upstreams/key_pool.hpp"

#include <boost/container/small_vector.hpp>

#include <array>
#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace understudy::proxy {

class Session;
struct GroupFacts;

/// How a committed answer came to a bad end.
struct AnswerBreak {
    AnswerBreak() = default;
    wire::FailureClass failure = wire::FailureClass::none;
    std::string detail;
    bool can_tell = false;   // an error event may follow what was sent
    bool mid_event = false;  // which may end inside an event
    std::uint64_t events = 0;
    std::string said;         // the upstream's own error event, which has not been passed on
    bool as_it_came = false;  // and in its own words
    std::string words;        // of one that is told as the server's: of a key that was good before
    std::string message() const {
        if (!words.empty()) return words;
        return "The upstream's stream ended before the answer was complete (" + detail + ").";
    }
};

/// The client's request without the thoughts that an entry has refused.
struct Unsealed {
    explicit Unsealed(net::MemoryBudget& budget) : charge(budget) {}
    OwnedRequest request;
    std::optional<std::size_t> entry;  // that is asked with it
    net::MemoryCharge charge;
};

/// What an entry has refused of a translation, and how it is asked instead.
struct Mended {
    std::size_t entry = 0;
    dialects::Repairs repairs;
};

class Exchange {
  public:
    /// All arguments outlive this.
    Exchange(Session& session, Inbound& request, Runtime& runtime);
    ~Exchange();
    Exchange(const Exchange&) = delete;
    Exchange& operator=(const Exchange&) = delete;

    net::Task<void> run();

  private:
    std::unique_ptr<LocalError> refusal();
    net::Task<void> answer_rejected(std::unique_ptr<LocalError> error);
    net::Task<bool> answer_count();
    GroupFacts group_facts() const;
    CourseRules rules() const;
    Move begin();
    Surroundings around();

    // exchange_room.cpp: who may be asked, and how often
    std::span<const RuntimeEntry* const> candidates() const;
    std::optional<std::size_t> first_entry();
    std::optional<std::size_t> entry_behind(std::size_t position);
    bool rests(std::size_t position) const;
    bool may_be_asked(std::size_t position, bool alone);
    void note_skipped(std::size_t position);
    upstreams::KeyPool::Tried& tried_keys(std::size_t position);
    RetryBudget::Place make_room(metrics::Extra kind, bool wanted);
    RetryBudget::Place make_room_after(const LaneFailure& failure, Surroundings& around);
    void settle_key(Lane& lane, LaneFailure& failure);
    RetryBudget::Place settle(std::size_t lane, LaneFailure& failure, Surroundings& around);
    net::Task<void> answer_nobody();

    // exchange_quota.cpp: what limits allow
    bool limited() const;
    void begin_quota();
    bool knows_session() const;
    std::unique_ptr<LocalError> meet_limits();
    net::Task<void> learn_of_session();
    void ask_leave(Lane& lane);
    bool may_spend(std::optional<std::size_t> entry);
    void settle_before_end(Lane* lane);
    const LocalError* denied() const { return quota_ ? quota_->denied() : nullptr; }

    SentModel model_at(const RuntimeEntry& entry) const;
    void wake_by(net::TimePoint due);
    bool something_happened() const;
    bool keepalive_due() const;
    net::Task<void> keep_waiting();
    Move look();
    void leave();

    // exchange_lanes.cpp: what is started, and what has come of it
    bool open(const Move& move);
    Move pass_time();
    Move judge(std::size_t lane);
    Move fail(std::size_t lane);
    void note_failover(std::size_t from, const Move& move, wire::FailureClass why);
    bool reroute(wire::FailureClass failure);
    void drop_all_but(std::size_t lane);

    // exchange_times.cpp: how long answers take
    net::TimePoint hedge_time(const RuntimeEntry& entry) const;
    AnswerTimes* times_of(Lane& lane);
    void learn(Lane& lane);
    void learn_failure(Lane& lane);

    // exchange_quality.cpp: what entries can do, and what their answers are worth
    std::uint64_t small_window(const RuntimeEntry& entry);
    bool can_serve(std::size_t position);
    std::optional<std::size_t> entry_for_hedge(std::optional<std::size_t> next);
    bool ask_in_other_words(Lane& lane);
    bool unseal(Lane& lane);
    bool mend(Lane& lane);
    Mended* mended_at(std::size_t position);
    void learn_repairs(Lane& lane);
    const OwnedRequest* without_others_seals(const RuntimeEntry& entry);
    Move set_aside(std::size_t lane);

    // exchange_rescue.cpp: who goes on with a stream that broke
    void spend(std::size_t position);
    bool spent(std::size_t position) const;
    Surroundings around_break(std::size_t from);
    void look_for_refused_prefill(std::size_t lane, Surroundings& around);
    void note_refused_prefill(const Lane& lane);
    net::Task<void> keep_company();
    void end_rescue(Lane& lane);
    Move after_break(std::size_t lane);

    // exchange_answer.cpp: what the client is told
    net::Task<void> answer(Lane& lane);
    std::string& answer_head(Lane& lane, bool whole);
    void begin_stream(Lane& lane, std::string& head);
    net::Task<void> pass_on(Lane& lane);
    void note_break(Lane& lane, const char* why = nullptr,
                    wire::FailureClass failure = wire::FailureClass::malformed);
    std::string break_event();
    std::string failed_behind(std::string_view said);
    net::Task<void> break_off();
    net::Task<void> answer_failure();
    net::Task<void> answer_kept();
    net::Task<void> fail_in_band();

    // What every request touches comes first and side by side, what few have in pointers behind
    // it: between two visits to one of many connections a core forgets it, line by line.
    Session& session_;
    Inbound& request_;
    Runtime& runtime_;
    std::array<std::unique_ptr<Lane>, kMaxLanes> lanes_;
    std::array<net::Task<void>*, kMaxLanes> tasks_{};
    std::unique_ptr<Quota> quota_;                         // null: no limit is about this request
    net::TimePoint keepalive_at_ = net::TimePoint::max();  // the client hears of us
    RetryBudget::Place room_;                              // for the extra attempt that comes next
    std::size_t passed_ = 0;  // entries that were started or passed over
    wire::FailureClass waited_for_ = wire::FailureClass::none;  // of the last attempt that failed
    wire::FailureSet rerouted_;  // classes whose chains of the route's `on` have been led to: once
    unsigned repairs_ = 0;       // of all entries
    Plan plan_;
    ClientAnswer client_;
    net::Timer timer_;  // for the course's waits
    std::optional<Course> course_;
    std::optional<RequestRecord> record_;

    std::unique_ptr<Rescuer> rescuer_;  // of a committed stream that may be gone on with
    std::unique_ptr<FirstFailure> first_failure_;
    std::unique_ptr<KeptAnswer> kept_;  // an answer, unless a better one comes
    std::unique_ptr<AnswerBreak> broken_;
    std::unique_ptr<AnswerBreak> given_up_;  // the break that others are going on with
    std::unique_ptr<Unsealed> unsealed_;
    // Without other providers' seals; at 1 for those that demand seals. Null: not looked for yet.
    std::array<std::unique_ptr<Unsealed>, 2> own_seals_;
    std::vector<Mended> mended_;                     // one for each entry: two may be asked at once
    std::vector<Claim> claims_;                      // on entries that the next move may start
    std::vector<upstreams::KeyPool::Tried> tried_;   // by place in the chain
    boost::container::small_vector<char, 8> spent_;  // the same: has it failed in this request
    std::optional<std::size_t> doubted_prefill_;    // the entry that has refused something with one
    std::optional<std::size_t> without_usage_;      // which has refused stream_options of ours
    std::optional<std::size_t> without_responses_;  // which has no /responses
    std::optional<std::uint64_t> prompt_tokens_;    // an estimate; of large bodies only
    std::optional<net::TimePoint> recovery_;        // nobody can be asked before
    std::string_view broken_class_;                 // of the last break; static text
};

}  // namespace understudy::proxy
