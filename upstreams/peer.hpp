// One upstream as one worker sees it: where it is, how to speak TLS with it, and the connections to
// it that are kept alive. Belongs to its worker's thread.
#pragma once

#include "config/config.hpp"
#include "metrics/series.hpp"
#include "net/resolver.hpp"
#include "net/stream.hpp"
#include "net/timers.hpp"
#include "net/tls.hpp"
#include "upstreams/scratch.hpp"

#include <cstdint>
#include <deque>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace understudy::upstreams {

/// What a connection believes, as its configuration says.
inline net::TlsTrust trust_of(const config::TlsOptions& options) {
    return {options.verify, options.ca};
}

/// What a worker's upstream code needs from its surroundings. All outlive every Peer.
struct WorkerContext {
    boost::asio::io_context& io;
    net::TimerQueue& timers;
    net::DnsCache& dns;
    net::MemoryBudget& budget;
    ScratchPool& scratch;
    metrics::WorkerSeries& series;
};

/// A pool of keep-alive connections: the most recently used is taken first, so that the rest can
/// age out. An idle connection has a read under way: when the server closes it, or says something
/// nobody asked for, it is gone at once, and a request that takes it needs no system call to check
/// it.
class Peer final : public net::StreamListener {
  public:
    /// `tls` is null for plain HTTP. `max_connections` is this worker's share.
    Peer(WorkerContext& context, const config::Upstream& upstream,
         std::shared_ptr<const net::TlsContext> tls, std::uint32_t max_connections);
    ~Peer();
    Peer(const Peer&) = delete;
    Peer& operator=(const Peer&) = delete;

    /// An idle connection, or null. It counts as active until release() or discard().
    net::Stream::Ptr take_idle();
    /// Room for one more connection? If so it is counted as active from now on.
    bool reserve();
    /// Gives a reserved place back without a connection.
    void unreserve();
    /// Back to the pool, for the next request. Only when its answer was read completely.
    void release(net::Stream::Ptr stream);
    /// Not to be used again; closes it.
    void discard(net::Stream::Ptr stream);
    /// One turn in the queue for a place: `waiter` is notified when a connection or a place becomes
    /// free for it, in the order of asking and from the worker's loop, never from within another
    /// attempt's doing. Ends when it goes out of scope, whichever way its owner comes to that; a
    /// wake-up that was not used then goes to the next in line.
    class Turn {
      public:
        Turn(Peer& peer, net::Signal& waiter) : peer_(peer), waiter_(waiter) {
            peer_.waiters_.push_back(&waiter_);
        }
        ~Turn() {
            if (peer_.waiters_.remove(&waiter_) == 0 && !used_) peer_.wake_one();
        }
        Turn(const Turn&) = delete;
        Turn& operator=(const Turn&) = delete;
        /// The waiter is awake, whatever woke it, and takes what there is.
        void use() { used_ = true; }

      private:
        Peer& peer_;
        net::Signal& waiter_;
        bool used_ = false;
    };
    /// Closes all idle connections (drain, reload).
    void close_idle();
    /// After a reload: the limit and trust settings for connections opened from now on.
    /// Idle connections and session tickets made under the old trust are not used any more.
    void update(std::uint32_t max_connections, std::shared_ptr<const net::TlsContext> tls);

    const std::string& host() const { return host_; }
    std::uint16_t port() const { return port_; }
    /// The proxy on the way, if there is one; then connections are made to it and go on from there.
    const std::optional<config::Proxy>& proxy() const { return proxy_; }
    /// Whose name is looked up and whose port is connected to.
    const std::string& next_hop() const { return proxy_ ? proxy_->host : host_; }
    std::uint16_t next_hop_port() const { return proxy_ ? proxy_->port : port_; }
    const std::string& tls_name() const { return tls_name_; }
    const std::shared_ptr<const net::TlsContext>& tls() const { return tls_; }
    const std::shared_ptr<net::TlsSessionCache>& tls_sessions() const { return tls_sessions_; }
    WorkerContext& context() { return context_; }
    std::size_t active() const { return active_; }
    /// How many requests are under way for this model of this upstream (several may share a peer),
    /// counted by whoever asks; the same for the same names as long as somebody holds it.
    std::shared_ptr<std::size_t> load_of(std::string_view upstream, std::string_view model);
    std::uint32_t max_connections() const { return max_connections_; }

    /// Identity of the connections: two upstreams with the same key share a pool.
    static std::string key_of(const config::Upstream& upstream);

  private:
    struct Idle {
        net::Stream::Ptr stream;
        net::TimePoint since;
    };
    void on_stream(net::Stream& stream) override;
    void evict();
    void schedule_eviction();
    void wake_one();
    void deliver_wake();
    // Places and connections that nobody has been promised yet.
    bool unpromised() const { return active_ + promised_ < max_connections_; }

    WorkerContext& context_;
    std::string host_;
    std::uint16_t port_;
    std::optional<config::Proxy> proxy_;
    std::string tls_name_;
    std::shared_ptr<const net::TlsContext> tls_;
    std::shared_ptr<net::TlsSessionCache> tls_sessions_;
    std::uint32_t max_connections_;
    std::size_t active_ = 0;
    std::deque<Idle> idle_;  // back = most recently used
    std::list<net::Signal*> waiters_;
    std::size_t promised_ = 0;  // wake-ups under way: what is free is theirs
    std::map<std::string, std::weak_ptr<std::size_t>> loads_;
    net::Timer wake_;
    net::Timer eviction_;
};

}  // namespace understudy::upstreams
