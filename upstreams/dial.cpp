#include "upstreams/dial.hpp"

#include "net/shortage.hpp"
#include "upstreams/tunnel.hpp"

#include <boost/asio/connect.hpp>

#include <cerrno>
#include <memory>
#include <vector>

namespace understudy::upstreams {

namespace {

// One address being tried. Shared with its completion, which may come after nobody cares.
struct Try {
    Try(boost::asio::io_context& io, const net::IpEndpoint& to, net::Signal& waiter)
        : socket(io), endpoint(to), signal(&waiter) {}
    net::Socket socket;
    net::IpEndpoint endpoint;
    net::Signal* signal;  // null: abandoned
    bool done = false;
    net::error_code ec;
};

class Race {
  public:
    Race(Peer& peer, net::Watch& watch, const net::Addresses& addresses)
        : peer_(peer),
          watch_(watch),
          addresses_(addresses),
          stagger_(
              peer.context().timers, [](void* s) { static_cast<net::Signal*>(s)->notify(); },
              &watch.signal()) {}
    ~Race() { abandon(); }
    Race(const Race&) = delete;
    Race& operator=(const Race&) = delete;

    // The first connected socket's try, or null when all failed.
    std::shared_ptr<Try> winner() const {
        for (const auto& t : tries_) {
            if (t->done && !t->ec) return t;
        }
        return nullptr;
    }
    bool lost() const { return next_ == addresses_.list.size() && pending() == 0; }
    // Starts further addresses that are due.
    void advance() {
        while (next_ < addresses_.list.size() && (pending() == 0 || stagger_.expired())) {
            start(addresses_.list[next_++]);
        }
    }
    // Some address was not even tried: that it would not have answered is not known.
    bool shortage() const { return short_of_something() != nullptr; }
    std::string error() const {
        if (tries_.empty()) return "no address";
        const auto* const ours = short_of_something();
        const auto& last = ours != nullptr ? *ours : *tries_.back();
        const std::string where =
            last.endpoint.address().to_string() + ':' + std::to_string(last.endpoint.port());
        return "connect " + where + ": " + (last.done ? net::describe(last.ec) : "no answer");
    }

  private:
    const Try* short_of_something() const {
        for (const auto& t : tries_) {
            // Without IPv6 on this machine its addresses are "not available" too.
            const bool no_ipv6 = t->endpoint.address().is_v6() && t->ec.value() == EADDRNOTAVAIL;
            if (t->done && net::is_shortage(t->ec) && !no_ipv6) return t.get();
        }
        return nullptr;
    }
    std::size_t pending() const {
        std::size_t n = 0;
        for (const auto& t : tries_) n += t->done ? 0 : 1;
        return n;
    }
    void start(const boost::asio::ip::address& address) {
        auto t = std::make_shared<Try>(
            peer_.context().io, net::IpEndpoint(address, peer_.next_hop_port()), watch_.signal());
        tries_.push_back(t);
        stagger_.set(net::Clock::now() + kNextAddressAfter);
        t->socket.open(t->endpoint.protocol(), t->ec);
        if (!t->ec && net::is_last_reserve(t->socket.native_handle())) {
            t->ec = boost::asio::error::no_descriptors;
        }
        t->done = static_cast<bool>(t->ec);
        if (t->done) return;
        t->socket.async_connect(t->endpoint, [t](const net::error_code& ec) {
            t->done = true;
            t->ec = ec;
            if (t->signal != nullptr) t->signal->notify();
        });
    }
    void abandon() {
        for (const auto& t : tries_) {
            t->signal = nullptr;
            net::error_code ignored;
            if (t->socket.is_open()) t->socket.close(ignored);
        }
    }

    Peer& peer_;
    net::Watch& watch_;
    const net::Addresses& addresses_;
    net::Timer stagger_;
    std::vector<std::shared_ptr<Try>> tries_;
    std::size_t next_ = 0;
};

net::Task<std::shared_ptr<const net::Addresses>> resolve(Peer& peer, net::Watch& watch) {
    auto& dns = peer.context().dns;
    for (;;) {
        auto answer = dns.find(peer.next_hop(), watch.signal());
        if (answer) co_return answer;
        const net::DnsCache::Forget forget(dns, peer.next_hop(), watch.signal());
        co_await watch.signal().wait();
        if (watch.stopped()) co_return nullptr;
    }
}

net::Task<Dialled> connect(Peer& peer, net::Watch& watch) {
    Dialled result;
    const auto addresses = co_await resolve(peer, watch);
    if (!addresses) {
        result.error = "resolve " + peer.next_hop() + ": no answer";
        co_return result;
    }
    if (addresses->list.empty()) {
        result.error = "resolve " + peer.next_hop() + ": " + addresses->error;
        co_return result;
    }
    Race race(peer, watch, *addresses);
    for (;;) {
        race.advance();
        if (const auto won = race.winner()) {
            net::tune(won->socket);
            net::keep_alive(won->socket);
            result.stream = new net::Stream(std::move(won->socket), peer.context().budget);
            break;
        }
        if (race.lost() || watch.stopped()) {
            result.error = race.error();
            result.shortage = race.shortage();
            break;
        }
        co_await watch.signal().wait();
    }
    co_return result;
}

// Error text, empty when the handshake succeeded.
net::Task<std::string> handshake(Peer& peer, net::Watch& watch, net::Stream& stream) {
    stream.start_tls(std::make_unique<net::TlsEngine>(*peer.tls(), peer.tls_name(),
                                                      peer.tls_sessions(), peer.context().budget));
    for (;;) {
        const auto status = stream.handshake_step();
        if (status == net::TlsEngine::Status::ok) co_return std::string();
        if (status != net::TlsEngine::Status::want_read) {
            const auto& reason = stream.tls()->error();
            co_return "TLS with " + peer.tls_name() + ": " +
                (reason.empty() ? net::describe(stream.read_error()) : reason);
        }
        while (stream.read_armed() && !watch.stopped()) co_await watch.signal().wait();
        if (watch.stopped()) co_return "TLS with " + peer.tls_name() + ": no answer";
    }
}

// False: there is no way through it, and `result` says why.
net::Task<bool> pass_proxy(Peer& peer, net::Watch& watch, Dialled& result) {
    const auto tunnel = co_await open_tunnel(peer, watch, *result.stream);
    if (tunnel.error.empty()) co_return true;
    result.error = via_text(peer) + tunnel.error;
    result.shortage = tunnel.shortage;
    result.stream->close();
    result.stream = nullptr;
    co_return false;
}

}  // namespace

net::Task<Dialled> dial(Peer& peer, net::Watch& watch) {
    auto result = co_await connect(peer, watch);
    if (!result.stream) {
        result.error.insert(0, via_text(peer));
        co_return result;
    }
    result.stream->set_listener(&watch);
    if (peer.proxy()) {
        const bool opened = co_await pass_proxy(peer, watch, result);
        if (!opened) co_return result;
    }
    if (peer.tls()) {
        result.error = co_await handshake(peer, watch, *result.stream);
        if (!result.error.empty()) {
            const auto& stream = *result.stream;
            result.shortage =
                net::is_shortage(stream.read_error()) || stream.tls()->out_of_memory();
            result.stream->close();
            result.stream = nullptr;
        }
    }
    co_return result;
}

}  // namespace understudy::upstreams
