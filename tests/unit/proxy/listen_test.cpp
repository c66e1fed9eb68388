// Accepting: what a connection has from its listener, and how many wait.
#include "proxy/listen.hpp"

#include "proxy/server.hpp"

#include <catch2/catch.hpp>

#include <fcntl.h>
#include <sys/socket.h>
#include <list>
#include <optional>
#include <string>

using namespace understudy;
using namespace understudy::proxy;
using net::error_code;
using net::Socket;

namespace {

struct Door {
    Door() {
        endpoint.address = "127.0.0.1";
        endpoint.port = 0;  // the kernel's choice: a daemon may be running at the default one
        acceptor.emplace(listen_on(io, endpoint));
    }
    /// `n` clients that have connected; none of them is accepted yet.
    void connect(int n) {
        for (int i = 0; i < n; ++i) {
            auto& client = clients.emplace_back(clients_io);
            client.connect({boost::asio::ip::address_v4::loopback(), endpoint.port});
        }
    }
    error_code accept(Socket& socket) { return accept_one(*acceptor, socket, from); }
    boost::asio::ip::address from;

    boost::asio::io_context io;
    boost::asio::io_context clients_io;
    config::Endpoint endpoint;
    std::optional<Acceptor> acceptor;
    std::list<boost::asio::ip::tcp::socket> clients;
};

}  // namespace

TEST_CASE("A connection comes non-blocking, without Nagle, and not to children") {
    Door door;
    door.connect(1);
    Socket socket(door.io);
    REQUIRE_FALSE(door.accept(socket));
    const int descriptor = socket.native_handle();
    CHECK((::fcntl(descriptor, F_GETFL) & O_NONBLOCK) != 0);
    CHECK(door.from.to_string() == "127.0.0.1");
    CHECK((::fcntl(descriptor, F_GETFD) & FD_CLOEXEC) != 0);
    boost::asio::ip::tcp::no_delay nagle_is_off;
    socket.get_option(nagle_is_off);
    CHECK(nagle_is_off.value());
    CHECK(socket.non_blocking());
}

TEST_CASE("Nobody there is not an error of the listener") {
    Door door;
    Socket socket(door.io);
    CHECK(door.accept(socket) == boost::asio::error::would_block);
    CHECK_FALSE(socket.is_open());
    CHECK(waiting(*door.acceptor) == 0);
}

TEST_CASE("Those who wait are counted, and accepted one by one") {
    Door door;
    door.connect(5);
    for (std::size_t left = 5; left > 0; --left) {
        REQUIRE(waiting(*door.acceptor) == left);
        Socket socket(door.io);
        REQUIRE_FALSE(door.accept(socket));
    }
    CHECK(waiting(*door.acceptor) == 0);
}

TEST_CASE("A wait for an accepted connection ends when it is closed, and leaves nothing behind") {
    Door door;
    door.connect(1);
    std::optional<error_code> told;
    {
        Socket socket(door.io);
        REQUIRE_FALSE(door.accept(socket));
        socket.async_wait(Socket::wait_read, [&](const error_code& ec) { told = ec; });
        socket.close();
    }
    door.io.run();  // returns: nothing is waited for any more
    REQUIRE(told);
    CHECK(*told == boost::asio::error::operation_aborted);
}

TEST_CASE("A port that is taken says which and why") {
    Door door;
    auto other = door.endpoint;
    boost::asio::ip::tcp::acceptor alone(door.io);
    alone.open(boost::asio::ip::tcp::v4());
    alone.bind({boost::asio::ip::address_v4::loopback(), 0});
    alone.listen();
    other.port = alone.local_endpoint().port();
    try {
        listen_on(door.io, other);
        FAIL("bound twice");
    } catch (const BindError& e) {
        CHECK(e.endpoint == other.text());
        CHECK(e.message.find("in use") != std::string::npos);
    }
}
