// One of the attempts that a request has under way: what is sent where, the attempt itself running
// beside its owner, and its record. Dropping it in any state ends the attempt and settles its bill.
#pragma once

#include "net/task.hpp"
#include "proxy/admission.hpp"
#include "proxy/course.hpp"
#include "proxy/inbound.hpp"
#include "proxy/owned_request.hpp"
#include "proxy/record.hpp"
#include "proxy/retry_budget.hpp"
#include "proxy/runtime.hpp"
#include "proxy/sent_model.hpp"
#include "proxy/translated.hpp"
#include "upstreams/attempt.hpp"
#include "wire/answer_limit.hpp"

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace understudy::proxy {

/// What a lane is opened with; everything referred to outlives it.
struct LaneSpec {
    LaneSpec() = default;
    const RuntimeEntry* entry = nullptr;
    std::size_t position = 0;  // of the entry in the request's chain
    Cause cause = Cause::first;
    Rung rung = Rung::none;
    bool without_usage = false;                  // this entry has refused stream_options of ours
    bool without_responses = false;              // and this one has no /responses
    bool decode = false;                         // a compressed answer is to be had decoded
    const OwnedRequest* asked = nullptr;         // sent instead of the client's body
    const dialects::Repairs* repairs = nullptr;  // of what this entry has refused of a translation
    upstreams::KeyPool::Tried tried = 0;         // of the entry's keys
    Claim* claim = nullptr;                      // on the entry; is taken over
    wire::FailureSet quality;                    // what a whole answer is judged by
    std::uint64_t small_window = 0;  // of this entry, where the prompt is surely too long for it
    net::TimePoint deadline{};
};

class Lane {
  public:
    Lane(const LaneSpec& spec, Runtime& runtime, RequestRecord& request_record, Inbound& request,
         const bool& client_gone);
    ~Lane();
    Lane(const Lane&) = delete;
    Lane& operator=(const Lane&) = delete;
    /// From where the frames of coroutines come, as requests follow each other in the same way.
    static void* operator new(std::size_t size) { return net::detail::take_frame(size); }
    static void operator delete(void* lane, std::size_t size) noexcept {
        net::detail::give_frame(lane, size);
    }

    /// Whether this entry can be asked at all, in its own API's words.
    static bool can_ask(const LaneSpec& spec, Runtime& runtime, const Inbound& request);

    /// Runs the attempt to its first wait.
    void start() { task_.start(); }
    /// The attempt has come to where something can be decided.
    bool over() const { return task_.done(); }
    /// What it sleeps on until then, with its owner.
    net::Task<void>* task() { return &task_; }

    upstreams::Attempt& attempt() { return attempt_; }
    /// Where it asks in another API than the client's; null: it does not.
    Translated* translated() { return translated_.get(); }
    AttemptRecord& record() { return record_; }
    const RuntimeEntry& entry() const { return *entry_; }
    /// Its leave to ask the entry. What it learns of that it is told when the lane goes, at the
    /// latest.
    Admission& admission() { return admission_; }
    /// It will not be sent, as far as is known now.
    /// Whether seals may be in what was sent: always, where that is what the client sent.
    bool sends_seals() const;
    bool refused() const { return spec_.refused != wire::FailureClass::none; }
    /// Before start(): it is not to be sent. `because` is static text.
    void refuse(wire::FailureClass why, std::string_view because) {
        spec_.refused = why;
        spec_.refused_because = because;
    }
    /// How long an answer is asked for where it is not the client's body that is sent: another API
    /// may demand a limit, or count thoughts into it. None: the client's body is.
    std::optional<wire::AnswerLimit> own_limit() const;
    /// Tells what came of the attempt, as far as it says anything of who was asked. `waited_for`:
    /// it failed, and its request waits and asks the same entry again.
    void settle(bool waited_for, double random);
    /// What it holds of the budget for extra attempts.
    RetryBudget::Place& room() { return room_; }
    std::size_t position() const { return position_; }
    /// The first of the chain: the primary, where no header says otherwise.
    bool primary() const { return position_ == 0; }
    Cause cause() const { return cause_; }
    /// How it goes on with a stream that broke; none: it does not.
    Rung rung() const { return rung_; }
    bool without_usage() const { return without_usage_; }
    bool without_responses() const { return without_responses_; }
    /// It failed because its server has no /responses, but may have chat completions.
    bool lacks_responses() const;
    /// The model as it was asked for at this upstream.
    std::string_view sent_model() const { return sent_.name(); }

  private:
    upstreams::Account account() const;

    const RuntimeEntry* entry_;
    std::size_t position_;
    Cause cause_;
    Rung rung_;
    bool without_usage_;
    bool without_responses_;
    RetryBudget::Place room_;
    const Inbound& request_;
    SentModel sent_;
    Admission admission_;
    std::unique_ptr<Translated> translated_;
    upstreams::AttemptSpec spec_;
    net::Signal signal_;  // what the attempt alone sleeps on
    upstreams::Attempt attempt_;
    AttemptRecord record_;
    net::Task<void> task_;  // goes first: it refers to all of the above
};

}  // namespace understudy::proxy
