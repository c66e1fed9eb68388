// The way through a proxy: CONNECT on a connection to it, after which the connection is one to the
// upstream. For https and http upstreams alike: so a request, an answer and a failure are always
// the upstream's own, no proxy holds back or rewrites what streams, the proxy's credentials travel
// once per connection and never in a request, and connections are kept and replayed as without it.
#pragma once

#include "config/config.hpp"
#include "net/watch.hpp"
#include "upstreams/peer.hpp"

#include <string>

namespace understudy::upstreams {

/// The request that opens the tunnel. `host` has no brackets.
std::string connect_request(const config::Proxy& proxy, const std::string& host,
                            std::uint16_t port);

/// "proxy proxy.example:3128: ", for what went wrong on the way to it or with it; "" without one.
std::string via_text(const Peer& peer);

struct Tunnel {
    Tunnel() = default;
    bool shortage = false;  // this process has run out of something
    std::string error;      // why it is not open, without via_text(); empty: it is
};

/// Opens it within the watch's deadline. The stream is connected to the proxy, and its listener is
/// the watch.
net::Task<Tunnel> open_tunnel(Peer& peer, net::Watch& watch, net::Stream& stream);

}  // namespace understudy::upstreams
