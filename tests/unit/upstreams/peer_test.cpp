#include "upstreams/peer.hpp"

#include "tests/unit/upstreams/support.hpp"

#include <catch2/catch.hpp>

#include <optional>
#include <vector>

using namespace understudy;
using namespace understudy::upstreams;
using namespace understudy::upstreams::test;
using namespace std::chrono_literals;

namespace {

/// Both ends of one connection.
struct Pair {
    net::Stream::Ptr ours;
    std::optional<Server::Accepted> theirs;
};

struct Pool {
    explicit Pool(std::uint32_t max = 3)
        : places(std::make_shared<Places>(max)),
          peer(bench.context, server.upstream(), nullptr, places) {}

    /// A connection leased from the pool, as an attempt would dial it.
    Pair lease() {
        REQUIRE(peer.reserve());
        net::Socket socket(bench.io);
        socket.connect({boost::asio::ip::address_v4::loopback(), server.port()});
        net::tune(socket);
        Pair pair;
        pair.ours = new net::Stream(std::move(socket), bench.budget);
        pair.theirs = server.accept();
        return pair;
    }
    bool check(std::size_t active, std::int64_t idle) const {
        return peer.active() == active && bench.active() == static_cast<std::int64_t>(active) &&
               bench.idle() == idle;
    }
    Bench bench;
    Server server;
    std::shared_ptr<Places> places;
    Peer peer;
};

/// True when the other end has closed the connection.
bool ended(Server::Accepted& socket) {
    net::error_code ec;
    char byte = 0;
    socket.read_some(boost::asio::buffer(&byte, 1), ec);
    return ec == boost::asio::error::eof || ec == boost::asio::error::connection_reset;
}

net::Task<void> queue_up(Peer& peer, net::Signal& signal, std::vector<int>& order, int number) {
    if (!peer.reserve()) {
        Peer::Turn turn(peer, signal);
        while (!turn.ready()) co_await signal.wait();
        const auto stream = turn.take();
    }
    order.push_back(number);
}

}  // namespace

TEST_CASE("The connection used last is taken first") {
    Pool pool;
    auto a = pool.lease();
    auto b = pool.lease();
    const auto* first = a.ours.get();
    const auto* second = b.ours.get();
    CHECK(pool.check(2, 0));
    pool.peer.release(std::move(a.ours));
    pool.peer.release(std::move(b.ours));
    CHECK(pool.check(0, 2));
    auto one = pool.peer.take_idle();
    auto two = pool.peer.take_idle();
    CHECK(one.get() == second);
    CHECK(two.get() == first);
    CHECK(pool.peer.take_idle() == nullptr);
    CHECK(pool.check(2, 0));
    pool.peer.discard(std::move(one));
    pool.peer.discard(std::move(two));
    CHECK(pool.check(0, 0));
}

TEST_CASE("An idle connection that the server closes is gone at once") {
    Pool pool;
    auto a = pool.lease();
    auto b = pool.lease();
    const auto* kept = b.ours.get();
    pool.peer.release(std::move(a.ours));
    pool.peer.release(std::move(b.ours));
    a.theirs->close();
    CHECK(pool.bench.until([&] { return pool.bench.idle() == 1; }));
    CHECK(pool.peer.take_idle().get() == kept);
    CHECK(pool.check(1, 0));
}

TEST_CASE("An idle connection that says something nobody asked for is never used again") {
    Pool pool;
    auto a = pool.lease();
    pool.peer.release(std::move(a.ours));
    boost::asio::write(*a.theirs, boost::asio::buffer("HTTP/1.1 408 Request Timeout\r\n\r\n", 32));
    CHECK(pool.bench.until([&] { return pool.bench.idle() == 0; }));
    CHECK(pool.peer.take_idle() == nullptr);
    CHECK(ended(*a.theirs));
}

TEST_CASE("Only a clean connection goes back to the pool") {
    Pool pool;
    auto rest = pool.lease();
    REQUIRE(rest.ours->in.append("left over"));
    pool.peer.release(std::move(rest.ours));
    CHECK(pool.check(0, 0));
    CHECK(ended(*rest.theirs));

    auto closed = pool.lease();
    closed.ours->close();
    pool.peer.release(std::move(closed.ours));
    CHECK(pool.check(0, 0));

    auto hungry = pool.lease();
    pool.bench.budget.set_limit(0);  // no memory to keep an idle connection with
    pool.peer.release(std::move(hungry.ours));
    CHECK(pool.check(0, 0));
    CHECK(ended(*hungry.theirs));
}

TEST_CASE("A connection that ended before its release is not kept") {
    Pool pool;
    auto a = pool.lease();
    REQUIRE(a.ours->in.ensure_free(100));
    a.ours->arm_read();
    a.theirs->close();
    REQUIRE(pool.bench.until([&] { return bool(a.ours->read_error()); }));
    pool.peer.release(std::move(a.ours));
    CHECK(pool.check(0, 0));
}

TEST_CASE("A large buffer is given back with its connection") {
    Pool pool;
    auto a = pool.lease();
    REQUIRE(a.ours->in.ensure_free(1 << 20));
    pool.peer.release(std::move(a.ours));
    CHECK(pool.check(0, 1));
    CHECK(pool.bench.budget.used() <= net::kReadBuffer);
    pool.peer.close_idle();
    CHECK(pool.bench.until([&] { return pool.bench.budget.used() == 0; }));
}

TEST_CASE("A leased connection still reads what comes for its user") {
    Pool pool;
    auto a = pool.lease();
    pool.peer.release(std::move(a.ours));
    auto again = pool.peer.take_idle();
    REQUIRE(again != nullptr);
    boost::asio::write(*a.theirs, boost::asio::buffer("answer", 6));
    CHECK(pool.bench.until([&] { return again->received() == 6; }));
    CHECK(again->in.view() == "answer");
    CHECK(pool.check(1, 0));
    again->in.clear();
    pool.peer.release(std::move(again));
    CHECK(pool.check(0, 1));
}

TEST_CASE("max_connections counts idle connections and active ones, and never less than both") {
    Pool pool(2);
    auto a = pool.lease();
    auto b = pool.lease();
    CHECK_FALSE(pool.peer.reserve());
    pool.peer.release(std::move(a.ours));
    CHECK_FALSE(pool.peer.reserve());  // one active, one idle: take that one
    auto again = pool.peer.take_idle();
    CHECK(again != nullptr);
    CHECK_FALSE(pool.peer.reserve());
    pool.peer.discard(std::move(again));
    CHECK(pool.peer.reserve());
    pool.peer.unreserve();
    pool.places->set_limit(3);
    CHECK(pool.peer.reserve());
    CHECK(pool.peer.reserve());
    CHECK_FALSE(pool.peer.reserve());
    CHECK(pool.check(3, 0));
}

TEST_CASE("Waiters get a place in the order of asking, one for each place") {
    Pool pool(1);
    auto a = pool.lease();
    std::vector<int> order;
    net::Signal one;
    net::Signal two;
    net::Signal three;
    net::spawn(queue_up(pool.peer, one, order, 1));
    net::spawn(queue_up(pool.peer, two, order, 2));
    net::spawn(queue_up(pool.peer, three, order, 3));
    CHECK(order.empty());
    const auto served = [&](const std::vector<int>& expected) {
        return pool.bench.until([&] { return order == expected; });
    };
    pool.peer.discard(std::move(a.ours));
    CHECK(order.empty());  // from the loop alone, never from within what frees a place
    CHECK(served({1}));
    pool.peer.unreserve();
    CHECK(served({1, 2}));
    pool.peer.unreserve();
    CHECK(served({1, 2, 3}));
    pool.peer.unreserve();
    CHECK(pool.check(0, 0));
}

TEST_CASE("What is free is for those who wait, not for those who come meanwhile") {
    Pool pool(1);
    auto a = pool.lease();
    std::vector<int> order;
    net::Signal waiting;
    net::spawn(queue_up(pool.peer, waiting, order, 1));
    SECTION("a place") {
        pool.peer.discard(std::move(a.ours));
        CHECK_FALSE(pool.peer.reserve());
    }
    SECTION("a connection") {
        pool.peer.release(std::move(a.ours));
        CHECK_FALSE(pool.peer.reserve());
        CHECK(pool.peer.take_idle() == nullptr);
    }
    CHECK(pool.bench.until([&] { return order == std::vector{1}; }));
    CHECK(pool.check(1, 0));
    pool.peer.unreserve();
}

TEST_CASE("A waiter that gives up does not take its wake-up with it") {
    Pool pool(1);
    auto a = pool.lease();
    net::Signal leaver;
    net::Signal stayer;
    std::vector<int> order;
    const auto served = [&](const std::vector<int>& expected) {
        return pool.bench.until([&] { return order == expected; });
    };
    std::optional<Peer::Turn> turn(std::in_place, pool.peer, leaver);
    net::spawn(queue_up(pool.peer, stayer, order, 1));
    pool.peer.discard(std::move(a.ours));  // wakes the leaver, who is not looking
    pool.bench.run_for(20ms);
    CHECK(order.empty());
    turn.reset();
    CHECK(served({1}));

    // One that leaves before it was woken passes nothing on.
    net::Signal early;
    net::Signal last;
    turn.emplace(pool.peer, early);
    net::spawn(queue_up(pool.peer, last, order, 2));
    turn.reset();
    pool.bench.run_for(20ms);
    CHECK(order == std::vector{1});
    pool.peer.unreserve();
    CHECK(served({1, 2}));

    // And one that leaves between the promise and the wake-up does not lose it for the others.
    net::Signal third;
    turn.emplace(pool.peer, early);
    net::spawn(queue_up(pool.peer, third, order, 3));
    pool.peer.unreserve();
    turn.reset();
    CHECK(served({1, 2, 3}));
    pool.peer.unreserve();
    CHECK(pool.check(0, 0));
}

TEST_CASE("Closing idle connections leaves the active ones alone") {
    Pool pool;
    auto a = pool.lease();
    auto b = pool.lease();
    pool.peer.release(std::move(a.ours));
    pool.peer.close_idle();
    CHECK(pool.check(1, 0));
    CHECK(ended(*a.theirs));
    CHECK(b.ours->is_open());
}

TEST_CASE("A pool may go while its connections are idle") {
    Bench bench;
    Server server;
    std::optional<Peer> peer(std::in_place, bench.context, server.upstream(), nullptr,
                             std::make_shared<Places>(4));
    REQUIRE(peer->reserve());
    net::Socket socket(bench.io);
    socket.connect({boost::asio::ip::address_v4::loopback(), server.port()});
    net::tune(socket);
    auto theirs = server.accept();
    peer->release(new net::Stream(std::move(socket), bench.budget));
    CHECK(bench.idle() == 1);
    peer.reset();
    CHECK(bench.idle() == 0);
    CHECK(ended(theirs));
    CHECK(bench.until([&] { return bench.budget.used() == 0; }));
}

TEST_CASE("Connections are shared by what makes them the same, and by nothing less") {
    Server server;
    const auto base = server.upstream();
    const auto key = [&](auto change) {
        auto u = base;
        change(u);
        return Peer::key_of(u);
    };
    const auto same = Peer::key_of(base);
    CHECK(key([](auto& u) { u.name = "other"; }) == same);
    CHECK(key([](auto& u) { u.base_url.path = "/v2"; }) == same);
    CHECK(key([](auto& u) { u.base_url.tls = true; }) != same);
    CHECK(key([](auto& u) { u.base_url.host = "localhost"; }) != same);
    CHECK(key([](auto& u) { u.base_url.port = 1; }) != same);
    CHECK(key([](auto& u) { u.tls.sni = "x"; }) != same);
    CHECK(key([](auto& u) { u.tls.ca = "x"; }) != same);
    CHECK(key([](auto& u) { u.tls.verify = false; }) != same);
    const auto through = [&](const std::string& host, std::uint16_t port, const char* secret) {
        return key([&](auto& u) {
            u.proxy.emplace();
            u.proxy->host = host;
            u.proxy->port = port;
            if (secret != nullptr) u.proxy->authorization.emplace(secret);
        });
    };
    CHECK(through("p", 1, nullptr) != same);
    CHECK(through("p", 1, nullptr) == through("p", 1, nullptr));
    CHECK(through("p", 1, nullptr) != through("q", 1, nullptr));
    CHECK(through("p", 1, nullptr) != through("p", 2, nullptr));
    CHECK(through("p", 1, "Basic a") != through("p", 1, nullptr));
    CHECK(through("p", 1, "Basic a") != through("p", 1, "Basic b"));
}
