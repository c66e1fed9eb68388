#include "proxy/listen.hpp"

#include "net/socket.hpp"
#include "proxy/server.hpp"

#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/v6_only.hpp>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <cerrno>
#include <cstddef>

namespace understudy::proxy {

namespace asio = boost::asio;
using net::error_code;

namespace {
constexpr int kBacklog = 4096;

void check(const error_code& ec, const config::Endpoint& endpoint, const char* step) {
    if (!ec) return;
    throw BindError{endpoint.text(), std::string(step) + ": " + net::describe(ec), ec.value()};
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
    // Connections inherit it (tcp(7)): one call here, none for each of them.
    acceptor.set_option(asio::ip::tcp::no_delay(true), ec);
    if (address.is_v6()) acceptor.set_option(asio::ip::v6_only(true), ec);
    acceptor.bind(where, ec);
    check(ec, endpoint, "bind");
    acceptor.non_blocking(true, ec);
    check(ec, endpoint, "non-blocking");
    acceptor.listen(kBacklog, ec);
    check(ec, endpoint, "listen");
    endpoint.port = acceptor.local_endpoint(ec).port();
    return acceptor;
}

Acceptor adopt_listener(asio::io_context& io, int descriptor, config::Endpoint& endpoint) {
    error_code ec;
    const auto address = asio::ip::make_address(endpoint.address, ec);
    check(ec, endpoint, "address");
    Acceptor acceptor(io);
    acceptor.assign(address.is_v6() ? asio::ip::tcp::v6() : asio::ip::tcp::v4(), descriptor, ec);
    check(ec, endpoint, "inherited socket");
    acceptor.set_option(asio::ip::tcp::no_delay(true), ec);
    acceptor.non_blocking(true, ec);
    check(ec, endpoint, "non-blocking");
    endpoint.port = acceptor.local_endpoint(ec).port();
    return acceptor;
}

error_code accept_one(Acceptor& acceptor, net::Socket& socket, boost::asio::ip::address& client) {
    boost::asio::ip::tcp::endpoint from;
    auto size = static_cast<socklen_t>(from.capacity());
    const int descriptor =
        ::accept4(acceptor.native_handle(), from.data(), &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (descriptor < 0) return {errno, boost::system::system_category()};
    client = from.address();
    if (client.is_v6() && client.to_v6().is_v4_mapped()) {
        client = boost::asio::ip::make_address_v4(boost::asio::ip::v4_mapped, client.to_v6());
    }
    return net::adopt(socket, descriptor);
}

std::size_t waiting(Acceptor& acceptor) {
    tcp_info info{};
    socklen_t size = offsetof(tcp_info, tcpi_unacked) + sizeof info.tcpi_unacked;
    // Of a listening socket this is the length of its queue (tcp_get_info in the kernel).
    const int failed = ::getsockopt(acceptor.native_handle(), IPPROTO_TCP, TCP_INFO, &info, &size);
    return failed == 0 ? info.tcpi_unacked : 0;
}

}  // namespace understudy::proxy
