// Binds listening sockets and accepts from them. Each worker gets one of its own on the same port
// (SO_REUSEPORT): the kernel spreads connections, and accepting needs no lock.
#pragma once

#include "config/config.hpp"
#include "proxy/worker.hpp"

namespace understudy::proxy {

/// A bound, listening, non-blocking socket. Port 0 in `endpoint` is replaced by the real one.
/// Throws BindError.
Acceptor listen_on(boost::asio::io_context& io, config::Endpoint& endpoint);

/// A listening socket that another process opened (proxy/inherited.hpp), which is closed with the
/// acceptor. Throws BindError.
Acceptor adopt_listener(boost::asio::io_context& io, int descriptor, config::Endpoint& endpoint);

/// Accepts one connection, if one waits, into `socket`: non-blocking and without Nagle, which it
/// has from the listener. would_block when none waits. `client`: where it comes from; an IPv4
/// address is one, however the listener sees it.
net::error_code accept_one(Acceptor& acceptor, net::Socket& socket,
                           boost::asio::ip::address& client);
/// How many connections wait to be accepted.
std::size_t waiting(Acceptor& acceptor);

}  // namespace understudy::proxy
