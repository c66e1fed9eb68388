// Which of the sockets that another process has left goes to which address.
#include "proxy/inherited.hpp"

#include <catch2/catch.hpp>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>

#include <unistd.h>
#include <cstdlib>
#include <list>
#include <string>
#include <vector>

using namespace understudy;
using namespace understudy::proxy;
using Door = ListeningSocket::Door;
using boost::asio::ip::tcp;

namespace {

/// Sockets as an old process leaves them; their descriptors are the test's.
struct Left {
    int open(Door door, const char* address = "127.0.0.1", std::uint16_t port = 0) {
        tcp::acceptor acceptor(io, {boost::asio::ip::make_address(address), port}, port != 0);
        const int descriptor = acceptor.release();
        sockets.push_back({descriptor, door});
        return descriptor;
    }
    std::uint16_t port(int descriptor) {
        tcp::acceptor acceptor(io, tcp::v4(), ::dup(descriptor));
        return acceptor.local_endpoint().port();
    }
    InheritedListeners inherited() const {
        ::setenv(kListenersVariable, handed_over(sockets).c_str(), 1);
        return InheritedListeners::from_environment();
    }
    boost::asio::io_context io;
    std::vector<ListeningSocket> sockets;
};

InheritedListeners::Wanted wanted(std::uint16_t port, Door door = Door::clients) {
    InheritedListeners::Wanted out;
    out.endpoint.address = "127.0.0.1";
    out.endpoint.port = port;
    out.door = door;
    return out;
}

using Taken = std::vector<std::vector<int>>;

Taken take(InheritedListeners& from, const std::vector<InheritedListeners::Wanted>& what) {
    auto taken = from.take(what);
    for (const auto& list : taken) {
        for (const int descriptor : list) ::close(descriptor);
    }
    return taken;
}

}  // namespace

TEST_CASE("What is handed over is named with the side that it is open to") {
    CHECK(handed_over({{7, Door::clients}, {8, Door::any}, {9, Door::admin}}) == "7,8,9=admin");
    CHECK(handed_over({}).empty());
}

TEST_CASE("Port 0 takes a port of its own side, and none that another address names") {
    Left left;
    const int clients = left.open(Door::clients);
    const int admin = left.open(Door::admin);
    auto from = left.inherited();
    CHECK(std::getenv(kListenersVariable) == nullptr);
    SECTION("both any") {
        CHECK(take(from, {wanted(0), wanted(0, Door::admin)}) == Taken{{clients}, {admin}});
    }
    SECTION("the admin's is fixed, and named last") {
        CHECK(take(from, {wanted(0), wanted(left.port(admin), Door::admin)}) ==
              Taken{{clients}, {admin}});
    }
    SECTION("the clients' is fixed") {
        CHECK(take(from, {wanted(left.port(clients)), wanted(0, Door::admin)}) ==
              Taken{{clients}, {admin}});
    }
    SECTION("there is no admin any more") {
        CHECK(take(from, {wanted(0)}) == Taken{{clients}});
        CHECK_FALSE(from.empty());
    }
    SECTION("a fixed port may change sides") {
        CHECK(take(from, {wanted(left.port(admin)), wanted(0, Door::admin)}) == Taken{{admin}, {}});
    }
    SECTION("another address takes none") {
        auto other = wanted(0);
        other.endpoint.address = "127.0.0.2";
        CHECK(take(from, {other}) == Taken{{}});
    }
    CHECK(take(from, {}).empty());
}

TEST_CASE("Each port 0 takes one port, with all of its sockets") {
    Left left;
    const int first = left.open(Door::clients);
    const int again = ::dup(first);
    left.sockets.push_back({again, Door::clients});
    const int second = left.open(Door::clients);
    auto from = left.inherited();
    CHECK(take(from, {wanted(0), wanted(0), wanted(0)}) == Taken{{first, again}, {second}, {}});
    CHECK(from.empty());
}

TEST_CASE("What is no listening socket is left alone") {
    ::setenv(kListenersVariable, "0,nonsense,-1,99999,=admin", 1);
    CHECK(InheritedListeners::from_environment().empty());
}
