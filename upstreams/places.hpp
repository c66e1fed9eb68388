// How many connections may be open to one address: one bound for all workers. A place belongs to a
// connection from before it is dialled until it is closed, so an idle one has a place too; when
// none is free, idle connections of whichever worker give way to those who wait. Those wait in one
// line, in the order of asking, and a place that becomes free is theirs before anybody else's.
// Taking and giving back are one atomic each; the lock is for those who wait.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/intrusive/list.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

namespace understudy::upstreams {

class Peer;

/// Shared by the workers' pools of one address; any thread, unless it is said otherwise.
class Places : public std::enable_shared_from_this<Places> {
  public:
    /// One worker's pool, where its turns come to be known. Outlives the pool in messages that are
    /// under way.
    struct Desk;

    /// A place in the line. Made, woken and ended on its worker's thread.
    class Waiter : public boost::intrusive::list_base_hook<> {
      public:
        explicit Waiter(Desk& desk) : desk_(desk) {}
        Waiter(const Waiter&) = delete;
        Waiter& operator=(const Waiter&) = delete;
        virtual ~Waiter() = default;
        /// From the worker's loop alone: the place is the waiter's. May end waiter and pool.
        virtual void served() = 0;

      private:
        friend class Places;
        enum class At : std::uint8_t { nowhere, line, desk };
        Desk& desk_;
        At at_ = At::nowhere;  // guarded by the lock
    };
    using Line = boost::intrusive::list<Waiter>;

    explicit Places(std::uint32_t limit) : limit_(limit) {}
    std::uint32_t limit() const { return limit_.load(std::memory_order_relaxed); }
    /// A reload may change it. Connections beyond a lower one stay until they are idle.
    void set_limit(std::uint32_t limit);

    /// Takes a place; false: none is free, or somebody waits for it.
    bool claim() { return !awaited() && take(); }
    /// Gives places back: to the line, if there is one.
    void give_back(std::size_t count = 1);
    /// Somebody waits. Others' waiters may be seen late: they ask every pool for what it has idle.
    bool awaited() const { return waiting_.load(std::memory_order_relaxed) != 0; }
    /// More are taken than there are, after a reload.
    bool overfull() const { return taken_.load(std::memory_order_relaxed) > limit(); }
    std::size_t taken() const { return taken_.load(std::memory_order_relaxed); }

    /// Of the worker whose thread this is.
    std::shared_ptr<Desk> open_desk(boost::asio::io_context& io, Peer& peer);
    void close_desk(Desk& desk);

    /// To the end of the line; other pools are asked to give way.
    void join(Waiter& waiter);
    /// Whatever has come of it. True: a place had been given to it that it has not been told of,
    /// which is now the caller's to give back.
    bool leave(Waiter& waiter);
    /// The first in line if it waits at this desk: the caller hands it a place that it holds itself
    /// and the waiter is told in the loop's next turn. Null: it is another worker's, or nobody.
    Waiter* serve_own(Desk& desk);

  private:
    bool take();
    void serve();
    void call(Desk& desk);
    void attend(const std::shared_ptr<Desk>& desk);

    // Waiters write the one, connections the other; those who look at one do not wait for both.
    alignas(64) std::atomic<std::size_t> taken_{0};
    alignas(64) std::atomic<std::size_t> waiting_{0};
    std::atomic<std::uint32_t> limit_;
    std::mutex mutex_;
    Line line_;
    std::vector<std::shared_ptr<Desk>> desks_;
};

struct Places::Desk {
    Desk(boost::asio::io_context& i, Peer& p) : io(i), peer(&p) {}
    boost::asio::io_context& io;  // used while the desk is open
    Peer* peer;                   // the worker's thread; null: the pool is gone
    Line served;                  // guarded by the lock: to be told
    bool called = false;          // the same: a message is under way
};

}  // namespace understudy::upstreams
