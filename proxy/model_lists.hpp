// The upstreams' own lists of models, for GET /models where routes are open. One of these on each
// worker and for its thread only: a list is asked for when somebody wants it, kept for some
// minutes, and the old one is good enough until a new one is there.
#pragma once

#include "net/task.hpp"
#include "net/timers.hpp"
#include "proxy/inbound.hpp"
#include "proxy/runtime.hpp"

#include <cstddef>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

namespace understudy::proxy {

class ModelLists {
  public:
    using Names = std::vector<std::string>;
    ModelLists() = default;
    ModelLists(const ModelLists&) = delete;
    ModelLists& operator=(const ModelLists&) = delete;

    /// Asks the entry's upstream unless its list is new, on the way, or was just refused. The
    /// client's own credentials go along where that upstream has none, and the list is then kept
    /// for that client only.
    void want(const std::shared_ptr<Runtime>& runtime, const RuntimeEntry& entry,
              const Inbound& request);
    /// Whether a list that was never had is still on the way.
    bool awaited(const Runtime& runtime, const RuntimeEntry& entry, const Inbound& request) const;
    /// What is known of that upstream now; empty where nothing is.
    const Names& names(const Runtime& runtime, const RuntimeEntry& entry,
                       const Inbound& request) const;

    /// Raised whenever a list has come or failed. The signal outlives its place here.
    void add_waiter(net::Signal& signal) { waiters_.insert(&signal); }
    void remove_waiter(net::Signal& signal) { waiters_.erase(&signal); }

    /// Ends everything under way.
    void abort();

  private:
    struct List {
        Names names;
        net::TimePoint read_at{};   // epoch: never
        net::TimePoint asked_at{};  // the last time, whatever came of it
        bool asking = false;
    };
    struct Fetch;

    List& list(const std::string& key);
    void finish(Fetch& fetch);
    static net::Task<void> run(std::shared_ptr<Fetch> fetch);
    static net::Task<void> ask(Fetch& fetch);

    std::map<std::string, List> lists_;  // bounded
    std::set<Fetch*> fetches_;
    std::set<net::Signal*> waiters_;
};

}  // namespace understudy::proxy
