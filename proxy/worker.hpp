// One thread, one io_context, and everything a request on it needs. A request lives and dies on its
// worker; what workers share is named in Shared and is atomic or immutable.
#pragma once

#include "config/config.hpp"
#include "ledger/ledger.hpp"
#include "metrics/series.hpp"
#include "net/bytes.hpp"
#include "net/resolver.hpp"
#include "net/timers.hpp"
#include "proxy/answered_models.hpp"
#include "proxy/books.hpp"
#include "proxy/health_checks.hpp"
#include "proxy/model_lists.hpp"
#include "proxy/reading_room.hpp"
#include "proxy/retry_budget.hpp"
#include "proxy/runtime.hpp"
#include "upstreams/peer.hpp"

#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/intrusive/list.hpp>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <unordered_set>
#include <vector>

namespace understudy::proxy {

class Session;
class Worker;

/// State of the whole process that workers look at.
struct Shared {
    Shared(std::size_t memory, metrics::Registry& r)
        : budget(memory, std::min(kMemoryReserve, memory / 16)), registry(r) {}
    /// Of `limits.memory`, for the heads of requests that could not be read otherwise: health and
    /// metrics answer when everything else is refused.
    static constexpr std::size_t kMemoryReserve = 1 << 20;
    /// Connections beyond the limit, for the same.
    static constexpr std::size_t kReservePlaces = 16;
    net::MemoryBudget budget;
    metrics::Registry& registry;
    net::Resolver resolver;
    AnsweredModels answered;
    RetryBudget retry_budget;
    std::size_t descriptor_share =
        SIZE_MAX;  // clients that descriptors allow, each with an upstream
    std::atomic<std::size_t> connections{0};  // of clients, against limits.connections
    std::atomic<std::size_t> inflight{0};     // requests under way
    std::atomic<std::size_t> started{0};      // connections ever accepted
    std::atomic<std::size_t> sessions{0};     // of clients, of any kind
    std::atomic<bool> draining{false};
    std::atomic<bool> leaving{false};  // another process has taken over: connections end when their
                                       // next request has been answered
    bool ending() const { return draining || leaving; }
    std::unique_ptr<ledger::Ledger> ledger;  // null: none is kept
    ReadingRoom reading_room;
    // What sessions have spent: requests wait for it, those of a burst of new ones one behind the
    // other.
    ReadingRoom session_room{1024};
    std::vector<Worker*> workers;  // all of them, before the first one runs
};

/// What a listener serves.
enum class Role : std::uint8_t {
    everything,  // proxied requests and the administrative pages
    proxy,       // /metrics moved to the admin listener
    admin,       // only the administrative pages
};

using Acceptor = boost::asio::basic_socket_acceptor<boost::asio::ip::tcp, net::Executor>;

/// A place in the list of idle sessions; leaves it by itself.
using IdleHook =
    boost::intrusive::list_base_hook<boost::intrusive::link_mode<boost::intrusive::auto_unlink>>;
using IdleSessions = boost::intrusive::list<IdleHook, boost::intrusive::constant_time_size<false>>;

class Worker {
  public:
    Worker(std::size_t index, Shared& shared, metrics::Shard& shard);
    ~Worker();
    Worker(const Worker&) = delete;
    Worker& operator=(const Worker&) = delete;

    // Before run(): ------------------------------------------------------------------------------
    /// Takes over a bound, listening socket.
    void add_listener(Acceptor acceptor, Role role);
    /// Takes the same chances as every worker of this seed, instead of chances of its own.
    void seed(std::uint64_t seed) { random_.seed(seed); }
    /// The worker's thread: returns after stop().
    void run();

    // Any thread (posted to the worker's): -------------------------------------------------------
    void use(std::shared_ptr<const LoadedConfig> loaded);
    void close_listeners(Role except);
    void close_all_listeners();
    void close_idle_sessions();
    /// Gives back the room that a larger number of connections needed.
    void shrink();
    void stop();

    // The worker's thread: -----------------------------------------------------------------------
    boost::asio::io_context& io() { return io_; }
    upstreams::WorkerContext& context() { return context_; }
    Shared& shared() { return shared_; }
    const std::shared_ptr<Runtime>& runtime() const { return runtime_; }
    ModelLists& model_lists() { return model_lists_; }
    AnswerTimesByModel& answer_times() { return answer_times_; }
    /// An upstream has answered a request for this model.
    void note_answered(std::string_view model) {
        if (model != last_answered_) shared_.answered.note(last_answered_.assign(model));
    }
    metrics::WorkerSeries& series() { return shard_.worker(); }
    void add(Session* session) { sessions_.insert(session); }
    void remove(Session* session) { sessions_.erase(session); }
    /// The session waits for the first byte of a request, from now on.
    void now_idle(Session& session);
    void no_longer_idle(Session& session);
    /// Closes the connection that has been idle for longest; false: none is.
    bool shed_idle();
    /// Counts a client that was turned away, or lost its idle connection, for want of places; logs
    /// that at most every 10 s.
    void count_refused(std::size_t limit);
    /// How many client connections there may be now.
    std::size_t places() const;
    /// Uniform in [0, 1).
    double jitter() { return std::uniform_real_distribution<double>(0, 1)(random_); }
    /// null: no ledger is kept.
    const Books* books() const { return books_ ? &*books_ : nullptr; }
    /// Writes a fresh request id: "req_" and 32 hex digits, the time first (ledger/request_id.hpp).
    void make_request_id(std::string& id);

  private:
    struct Listener {
        Listener(Acceptor a, Role r) : acceptor(std::move(a)), role(r) {}
        Acceptor acceptor;
        Role role;
    };
    void accept(const std::shared_ptr<Listener>& listener);
    void accepted(const std::shared_ptr<Listener>& listener, net::Socket socket,
                  const boost::asio::ip::address& client);
    void accept_later(const std::shared_ptr<Listener>& listener);
    void refuse(net::Socket socket, std::size_t limit);
    bool make_place();
    bool shed_longest(IdleSessions& idle);

    Shared& shared_;
    metrics::Shard& shard_;
    // One thread does all I/O of this context; others only post to it (which stays locked).
    boost::asio::io_context io_{BOOST_ASIO_CONCURRENCY_HINT_UNSAFE_IO};
    boost::asio::executor_work_guard<net::Executor> work_;
    net::TimerQueue timers_;
    net::DnsCache dns_;
    upstreams::ScratchPool scratch_;
    upstreams::WorkerContext context_;
    Runtime::Peers peers_;
    std::optional<Books> books_;
    std::shared_ptr<Runtime> runtime_;
    ModelLists model_lists_;
    HealthChecks health_checks_;
    const bool checks_health_;  // one worker does, for all of them
    AnswerTimesByModel answer_times_;
    std::string last_answered_;  // requests in a row mostly name the same model
    std::vector<std::shared_ptr<Listener>> listeners_;
    std::unordered_set<Session*> sessions_;
    IdleSessions idle_in_reserve_;            // those that have a place beyond the limit
    IdleSessions idle_;                       // the one that waits longest first
    std::atomic<std::size_t> idle_count_{0};  // for other workers to look at
    std::uint64_t refused_ = 0;               // connections, since the last line about them
    net::TimePoint refusals_logged_at_;
    std::mt19937_64 random_;
};

}  // namespace understudy::proxy
