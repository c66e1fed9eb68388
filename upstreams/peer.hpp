// One upstream as one worker sees it: where it is, how to speak TLS with it, and the connections to
// it that are kept alive. Belongs to its worker's thread.
#pragma once

#include "config/config.hpp"
#include "metrics/series.hpp"
#include "upstreams/resolver.hpp"
#include "upstreams/scratch.hpp"
#include "upstreams/stream.hpp"
#include "upstreams/timers.hpp"
#include "upstreams/tls.hpp"

#include <cstdint>
#include <deque>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <string>

namespace understudy::upstreams {

/// What a worker's upstream code needs from its surroundings. All outlive every Peer.
struct WorkerContext {
    boost::asio::io_context& io;
    TimerQueue& timers;
    DnsCache& dns;
    MemoryBudget& budget;
    ScratchPool& scratch;
    metrics::WorkerSeries& series;
};

/// A pool of keep-alive connections: the most recently used is taken first, so that the rest can
/// age out. An idle connection has a read under way: when the server closes it, or says something
/// nobody asked for, it is gone at once, and a request that takes it needs no system call to check
/// it.
class Peer final : public StreamListener {
  public:
    /// `tls` is null for plain HTTP. `max_connections` is this worker's share.
    Peer(WorkerContext& context, const config::Upstream& upstream,
         std::shared_ptr<const TlsContext> tls, std::uint32_t max_connections);
    ~Peer();
    Peer(const Peer&) = delete;
    Peer& operator=(const Peer&) = delete;

    /// An idle connection, or null. It counts as active until release() or discard().
    Stream::Ptr take_idle();
    /// Room for one more connection? If so it is counted as active from now on.
    bool reserve();
    /// Gives a reserved place back without a connection.
    void unreserve();
    /// Back to the pool, for the next request. Only when its answer was read completely.
    void release(Stream::Ptr stream);
    /// Not to be used again; closes it.
    void discard(Stream::Ptr stream);
    /// `waiter` is notified when a connection or a place becomes free, in the order of asking.
    void wait_for_place(Signal& waiter) { waiters_.push_back(&waiter); }
    /// The waiter gives up. A wake-up it may already have been given goes to the next in line.
    void stop_waiting(Signal& waiter) {
        if (waiters_.remove(&waiter) == 0) wake_one();
    }
    /// The waiter was woken, maybe by something else, and will look again.
    void stop_waiting_quietly(Signal& waiter) { waiters_.remove(&waiter); }
    /// Closes all idle connections (drain, reload).
    void close_idle();
    /// After a reload: the limit and trust settings for connections opened from now on.
    /// Idle connections and session tickets made under the old trust are not used any more.
    void update(std::uint32_t max_connections, std::shared_ptr<const TlsContext> tls);

    const std::string& host() const { return host_; }
    std::uint16_t port() const { return port_; }
    /// The proxy on the way, if there is one; then connections are made to it and go on from there.
    const std::optional<config::Proxy>& proxy() const { return proxy_; }
    /// Whose name is looked up and whose port is connected to.
    const std::string& next_hop() const { return proxy_ ? proxy_->host : host_; }
    std::uint16_t next_hop_port() const { return proxy_ ? proxy_->port : port_; }
    const std::string& tls_name() const { return tls_name_; }
    const std::shared_ptr<const TlsContext>& tls() const { return tls_; }
    const std::shared_ptr<TlsSessionCache>& tls_sessions() const { return tls_sessions_; }
    WorkerContext& context() { return context_; }
    std::size_t active() const { return active_; }
    std::uint32_t max_connections() const { return max_connections_; }

    /// Identity of the connections: two upstreams with the same key share a pool.
    static std::string key_of(const config::Upstream& upstream);

  private:
    struct Idle {
        Stream::Ptr stream;
        TimePoint since;
    };
    void on_stream(Stream& stream) override;
    void evict();
    void schedule_eviction();
    void wake_one();

    WorkerContext& context_;
    std::string host_;
    std::uint16_t port_;
    std::optional<config::Proxy> proxy_;
    std::string tls_name_;
    std::shared_ptr<const TlsContext> tls_;
    std::shared_ptr<TlsSessionCache> tls_sessions_;
    std::uint32_t max_connections_;
    std::size_t active_ = 0;
    std::deque<Idle> idle_;  // back = most recently used
    std::list<Signal*> waiters_;
    Timer eviction_;
};

}  // namespace understudy::upstreams
