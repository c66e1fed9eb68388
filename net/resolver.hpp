// Names to addresses, off the data path. getaddrinfo blocks (for many seconds when a name server is
// away), so it runs on threads of its own; workers ask, go on, and are told.
//
// getaddrinfo hides the records' lifetimes, so an answer is fresh for kFresh and then refreshed in
// the background while the old one still serves; a failure is remembered for kNegative only.
#pragma once

#include "net/socket.hpp"
#include "net/task.hpp"
#include "net/timers.hpp"

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace understudy::net {

inline constexpr std::chrono::seconds kFresh{30};
inline constexpr std::chrono::seconds kNegative{1};

struct Addresses {
    std::vector<boost::asio::ip::address> list;  // families alternate, the system's preferred first
    std::string error;                           // set when list is empty
    TimePoint resolved_at{};
};

/// The lookup threads, shared by all workers. Thread-safe. Lookups still under way when the program
/// ends are abandoned, not waited for: a dead name server must not hold up a shutdown.
class Resolver {
  public:
    using Done = std::function<void(std::shared_ptr<const Addresses>)>;
    Resolver();
    ~Resolver();
    /// Looks `host` up and calls `done` on a lookup thread. A name that is being looked up already
    /// is not looked up twice.
    void lookup(const std::string& host, Done done);
    /// After this returns nobody is called any more.
    void stop();

  private:
    struct Shared;
    std::shared_ptr<Shared> shared_;
};

/// One worker's view: cached answers and who waits for which name.
class DnsCache {
  public:
    /// `io` is the worker's; answers are posted to it.
    DnsCache(Resolver& resolver, boost::asio::io_context& io);

    /// The answer if one is known (maybe an error, maybe stale while a refresh runs); null: a
    /// lookup is under way, `waiter` is notified when it ends. Numeric addresses are answered at
    /// once.
    std::shared_ptr<const Addresses> find(const std::string& host, Signal& waiter);

    /// `waiter` is not told of `host` any more when this goes out of scope.
    class Forget {
      public:
        Forget(DnsCache& cache, const std::string& host, Signal& waiter)
            : cache_(cache), host_(host), waiter_(waiter) {}
        ~Forget();
        Forget(const Forget&) = delete;
        Forget& operator=(const Forget&) = delete;

      private:
        DnsCache& cache_;
        const std::string& host_;
        Signal& waiter_;
    };

  private:
    struct Entry {
        std::shared_ptr<const Addresses> answer;
        bool in_flight = false;
        std::vector<Signal*> waiters;
    };
    void start(const std::string& host, Entry& entry);
    void finish(const std::string& host, std::shared_ptr<const Addresses> answer);

    Resolver& resolver_;
    boost::asio::io_context& io_;
    std::shared_ptr<DnsCache*> self_;  // answers that come after the end find null
    std::map<std::string, Entry> entries_;

  public:
    ~DnsCache() { *self_ = nullptr; }
};

}  // namespace understudy::net
