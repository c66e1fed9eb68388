#include "proxy/listen.hpp"

#include "proxy/server.hpp"
#include "upstreams/net.hpp"

#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/v6_only.hpp>

#include <sys/socket.h>

namespace understudy::proxy {

namespace asio = boost::asio;
using upstreams::error_code;

namespace {
constexpr int kBacklog = 4096;

void check(const error_code& ec, const config::Endpoint& endpoint, const char* step) {
    if (ec) throw BindError{endpoint.text(), std::string(step) + ": " + upstreams::describe(ec)};
}
}  // namespace

Acceptor listen_on(asio::io_context& io, config::Endpoint& endpoint) {
    error_code ec;
    const auto address = asio::ip::make_address(endpoint.address, ec);
    check(ec, endpoint, "address");
    const asio::ip::tcp::endpoint where(address, endpoint.port);
    Acceptor acceptor(io);
    acceptor.open(where.protocol(), ec);
    check(ec, endpoint, "socket");
    acceptor.set_option(asio::socket_base::reuse_address(true), ec);
    const int on = 1;
    ::setsockopt(acceptor.native_handle(), SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
    if (address.is_v6()) acceptor.set_option(asio::ip::v6_only(true), ec);
    acceptor.bind(where, ec);
    check(ec, endpoint, "bind");
    acceptor.listen(kBacklog, ec);
    check(ec, endpoint, "listen");
    endpoint.port = acceptor.local_endpoint(ec).port();
    return acceptor;
}

}  // namespace understudy::proxy
