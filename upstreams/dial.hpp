// Opens one connection to a peer: name, addresses in turn, TLS.
#pragma once

#include "net/watch.hpp"
#include "upstreams/peer.hpp"

#include <string>

namespace understudy::upstreams {

/// Start of the next address while the last one is still trying (RFC 8305 section 5 suggests 250
/// ms).
inline constexpr std::chrono::milliseconds kNextAddressAfter{250};

struct Dialled {
    Dialled() = default;
    Dialled(Dialled&&) = default;
    Dialled(const Dialled&) = delete;
    Dialled& operator=(const Dialled&) = delete;
    /// Whoever is dropped on the way, the connection goes with it.
    ~Dialled() {
        if (stream) stream->close();
    }
    net::Stream::Ptr stream;  // null: failed, or the watch stopped
    bool shortage = false;    // this process has run out of something: not the upstream's fault
    std::string error;        // why, e.g. "connect 127.0.0.1:9: connection refused"
};

/// Connects within the watch's deadline. Does not count places in the pool; the caller has reserved
/// one. The stream's listener is the watch.
net::Task<Dialled> dial(Peer& peer, net::Watch& watch);

}  // namespace understudy::upstreams
