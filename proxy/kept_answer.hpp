// An answer that the route would rather not give (fallback by quality), held while other entries
// are asked for a better one. If none comes, the client gets this one: it is an answer after all,
// and paid for.
#pragma once

#include "net/bytes.hpp"
#include "proxy/bill.hpp"
#include "proxy/lane.hpp"
#include "upstreams/attempt.hpp"

#include <string>
#include <string_view>

namespace understudy::proxy {

class KeptAnswer {
  public:
    /// What is held is charged to `budget`, which outlives this.
    explicit KeptAnswer(net::MemoryBudget& budget) : charge_(budget) {}

    /// Copies the whole answer in `lane`, unless a better one is held already: the first that is
    /// not `empty`, else the first. False: there is no room for it.
    bool keep(Lane& lane);

    const upstreams::AnswerHead& head() const { return head_; }
    const std::string& body() const { return body_; }
    /// What of the request was lost by translating it.
    const std::string& dropped() const { return dropped_; }
    std::string_view upstream() const { return upstream_; }
    const std::string& sent_model() const { return sent_model_; }
    /// As the upstream names it.
    const std::string& served_model() const { return served_model_; }
    const Bill& bill() const { return bill_; }
    bool primary() const { return primary_; }
    /// The model was the client's choice.
    bool clients_model() const { return clients_model_; }

  private:
    upstreams::AnswerHead head_;
    std::string body_;
    std::string dropped_;
    std::string_view upstream_;  // the configuration's
    std::string sent_model_;
    std::string served_model_;
    Bill bill_;
    bool primary_ = false;
    bool clients_model_ = false;
    bool held_ = false;
    bool empty_ = false;  // what is held says nothing
    net::MemoryCharge charge_;
};

}  // namespace understudy::proxy
