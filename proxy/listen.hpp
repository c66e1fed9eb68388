// Binds listening sockets. Each worker gets one of its own on the same port (SO_REUSEPORT): the
// kernel spreads connections, and accepting needs no lock.
#pragma once

#include "config/config.hpp"
#include "proxy/worker.hpp"

namespace understudy::proxy {

/// A bound, listening, non-blocking socket. Port 0 in `endpoint` is replaced by the real one.
/// Throws BindError.
Acceptor listen_on(boost::asio::io_context& io, config::Endpoint& endpoint);

}  // namespace understudy::proxy
