// The failover engine: takes one request through its chain until an attempt succeeds or the policy
// says stop, then has the answer relayed.
#pragma once

#include "proxy/inbound.hpp"
#include "proxy/local_error.hpp"
#include "proxy/policy.hpp"
#include "proxy/record.hpp"
#include "proxy/runtime.hpp"
#include "upstreams/attempt.hpp"
#include "upstreams/task.hpp"

#include <boost/container/small_vector.hpp>

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace understudy::proxy {

class Session;

class Failover {
  public:
    /// All arguments outlive this.
    Failover(Session& session, Inbound& request, Runtime& runtime);
    ~Failover();
    Failover(const Failover&) = delete;
    Failover& operator=(const Failover&) = delete;

    upstreams::Task<void> run();

  private:
    /// What the primary said, or why it said nothing; the client gets it when all fail.
    struct PrimaryFailure {
        bool answered = false;
        upstreams::AnswerHead head;
        std::string body;
        std::string upstream;
        std::string model;
        wire::FailureClass failure = wire::FailureClass::none;
        bool deadline_hit = false;
        bool places_taken = false;
        std::optional<std::chrono::milliseconds> retry_after;
    };
    // repair: the same entry again, at once and whatever the route says of retries: what it refused
    // was ours.
    enum class Step { done, retry, repair, next, stop };

    std::optional<LocalError> understand();
    std::optional<LocalError> scan_body();
    std::optional<LocalError> check_members() const;
    std::optional<LocalError> choose_chain();
    upstreams::AttemptSpec spec_for(const RuntimeEntry& entry) const;
    upstreams::Task<Step> attempt(std::size_t position);
    upstreams::Task<void> relay(upstreams::Attempt& attempt, AttemptRecord& record,
                                std::size_t position);
    static void disguise_as_error(const upstreams::Attempt& attempt, PrimaryFailure& p);
    void remember_failure(const upstreams::Attempt& attempt, std::size_t position);
    Decision decide_after(const upstreams::Attempt& attempt, std::size_t position);
    upstreams::Task<void> wait(std::chrono::milliseconds delay);
    upstreams::Task<void> answer_failure();
    LocalError local_failure() const;
    LocalError shortage() const;
    std::string_view sent_model(const RuntimeEntry& entry) const;
    upstreams::Task<void> answer_rejected(LocalError error);

    Session& session_;
    Inbound& request_;
    Runtime& runtime_;
    const RuntimeRoute* route_ = nullptr;
    boost::container::small_vector<const RuntimeEntry*, 4> chain_;
    std::optional<RequestRecord> record_;
    std::optional<PrimaryFailure> primary_;
    upstreams::MemoryCharge kept_;           // what of its answer is kept
    std::optional<std::string> known_name_;  // of the model, at the upstream of this attempt
    bool without_usage_ = false;             // this entry has refused stream_options of ours
    bool short_of_something_ = false;        // the last attempt met a limit of this process
    std::string tried_;                      // for the message when nothing answered
    upstreams::TimePoint deadline_{};
    std::uint32_t retries_used_ = 0;
    std::chrono::milliseconds delay_{0};
};

}  // namespace understudy::proxy
