// One upstream as one worker sees it: where it is, how to speak TLS with it, and the connections to
// it that are kept alive. Belongs to its worker's thread.
#pragma once

#include "config/config.hpp"
#include "metrics/series.hpp"
#include "net/resolver.hpp"
#include "net/stream.hpp"
#include "net/timers.hpp"
#include "net/tls.hpp"
#include "upstreams/places.hpp"
#include "upstreams/scratch.hpp"

#include <cstddef>
#include <cstdint>
#include <deque>
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
    /// `tls` is null for plain HTTP. `places` are those of all workers for this address.
    Peer(WorkerContext& context, const config::Upstream& upstream,
         std::shared_ptr<const net::TlsContext> tls, std::shared_ptr<Places> places);
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
    /// One turn in the queue for a place, of all workers: `waiter` is notified when a connection or
    /// a place is its own, in the order of asking and from the worker's loop, never from within
    /// another attempt's doing. Ends when it goes out of scope, whichever way its owner comes to
    /// that; what it was given and did not take then goes to the next in line.
    class Turn final : Places::Waiter {
      public:
        Turn(Peer& peer, net::Signal& waiter);
        ~Turn() override;
        /// It has come: take() is due.
        bool ready() const { return ready_; }
        /// A connection that was given back meanwhile, active from now on; or null, and a place is
        /// reserved.
        net::Stream::Ptr take();

      private:
        friend class Peer;
        void served() override;
        Peer& peer_;
        net::Signal& signal_;
        net::Stream::Ptr stream_;  // active already
        bool ready_ = false;
    };
    /// Closes all idle connections (drain, reload).
    void close_idle();
    /// Closes idle connections whose places others wait for, or that a reload has taken away.
    void give_way();
    /// After a reload: the trust settings for connections opened from now on.
    /// Idle connections and session tickets made under the old trust are not used any more.
    void update(std::shared_ptr<const net::TlsContext> tls);

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
    const std::shared_ptr<Places>& places() const { return places_; }

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
    void close_longest_idle();
    void hand_over(net::Stream::Ptr stream);
    void now_active(std::ptrdiff_t more);

    WorkerContext& context_;
    std::string host_;
    std::uint16_t port_;
    std::optional<config::Proxy> proxy_;
    std::string tls_name_;
    std::shared_ptr<const net::TlsContext> tls_;
    std::shared_ptr<net::TlsSessionCache> tls_sessions_;
    std::shared_ptr<Places> places_;
    std::shared_ptr<Places::Desk> desk_;
    std::size_t active_ = 0;
    std::deque<Idle> idle_;  // back = most recently used
    std::map<std::string, std::weak_ptr<std::size_t>> loads_;
    net::Timer eviction_;
};

}  // namespace understudy::upstreams
