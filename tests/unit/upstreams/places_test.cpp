#include "upstreams/places.hpp"

#include "tests/unit/upstreams/support.hpp"
#include "upstreams/peer.hpp"

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>

#include <catch2/catch.hpp>

#include <atomic>
#include <future>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

using namespace understudy;
using namespace understudy::upstreams;
using namespace understudy::upstreams::test;
using namespace std::chrono_literals;

namespace {

/// One worker with its pool; the places are those of all.
struct Worker {
    Worker(Server& s, const std::shared_ptr<Places>& places)
        : server(s), peer(bench.context, s.upstream(), nullptr, places) {}
    net::Stream::Ptr dialled() {
        net::Socket socket(bench.io);
        socket.connect({boost::asio::ip::address_v4::loopback(), server.port()});
        net::tune(socket);
        net::Stream::Ptr stream = new net::Stream(std::move(socket), bench.budget);
        others.push_back(server.accept());
        return stream;
    }
    Server& server;
    Bench bench;
    Peer peer;
    std::vector<Server::Accepted> others;
};

/// What a request does: a place or a connection, and `got` says whose turn it was.
net::Task<void> ask(Worker& worker, net::Signal& signal, std::vector<int>& got, int number,
                    net::Stream::Ptr& stream) {
    if (!worker.peer.reserve()) {
        Peer::Turn turn(worker.peer, signal);
        while (!turn.ready()) co_await signal.wait();
        stream = turn.take();
    }
    got.push_back(number);
}

struct Two {
    explicit Two(std::uint32_t limit)
        : places(std::make_shared<Places>(limit)), a(server, places), b(server, places) {}
    bool until(const std::vector<int>& expected) {
        for (int i = 0; i < 500 && got != expected; ++i) {
            a.bench.run_for(1ms);
            b.bench.run_for(1ms);
        }
        return got == expected;
    }
    Server server;
    std::shared_ptr<Places> places;
    Worker a, b;
    std::vector<int> got;
    net::Stream::Ptr first, second;
    net::Signal one, two;
};

}  // namespace

TEST_CASE("One bound is for all workers, however requests fall on them") {
    Two t(3);
    CHECK(t.a.peer.reserve());
    CHECK(t.a.peer.reserve());
    CHECK(t.a.peer.reserve());
    CHECK_FALSE(t.b.peer.reserve());
    t.a.peer.unreserve();
    CHECK(t.b.peer.reserve());
    CHECK_FALSE(t.a.peer.reserve());
}

TEST_CASE("A place that becomes free at one worker is for who waits at another") {
    Two t(1);
    REQUIRE(t.a.peer.reserve());
    net::spawn(ask(t.b, t.one, t.got, 1, t.first));
    net::spawn(ask(t.a, t.two, t.got, 2, t.second));
    t.a.peer.unreserve();
    CHECK_FALSE(t.a.peer.reserve());
    CHECK(t.until({1}));
    CHECK(t.places->taken() == 1);
    t.b.peer.unreserve();
    CHECK(t.until({1, 2}));
}

TEST_CASE("An idle connection of another worker gives way") {
    Two t(1);
    REQUIRE(t.a.peer.reserve());
    t.a.peer.release(t.a.dialled());
    CHECK(t.a.bench.idle() == 1);
    CHECK_FALSE(t.b.peer.reserve());
    net::spawn(ask(t.b, t.one, t.got, 1, t.first));
    CHECK(t.until({1}));
    CHECK(t.a.bench.idle() == 0);
    CHECK(t.places->taken() == 1);
}

TEST_CASE("A connection that is given back goes to who is first, and closes only for another's") {
    Two t(1);
    REQUIRE(t.a.peer.reserve());
    auto stream = t.a.dialled();
    const auto* const same = stream.get();
    SECTION("here") {
        net::spawn(ask(t.a, t.one, t.got, 1, t.first));
        net::spawn(ask(t.b, t.two, t.got, 2, t.second));
        t.a.peer.release(std::move(stream));
        CHECK(t.until({1}));
        CHECK(t.first.get() == same);
        t.a.peer.release(std::move(t.first));
        CHECK(t.until({1, 2}));
    }
    SECTION("there") {
        net::spawn(ask(t.b, t.one, t.got, 1, t.first));
        net::spawn(ask(t.a, t.two, t.got, 2, t.second));
        t.a.peer.release(std::move(stream));
        CHECK(t.until({1}));
        CHECK(t.first == nullptr);
        CHECK(t.a.bench.idle() == 0);
        t.b.peer.unreserve();
        CHECK(t.until({1, 2}));
    }
}

TEST_CASE("What was given to a waiter that leaves goes on to the next, wherever that is") {
    Two t(1);
    REQUIRE(t.a.peer.reserve());
    net::Signal leaver;
    std::optional<Peer::Turn> turn(std::in_place, t.b.peer, leaver);
    net::spawn(ask(t.a, t.one, t.got, 1, t.first));
    t.a.peer.unreserve();
    SECTION("before it was told") {}
    SECTION("after it was told") {
        t.b.bench.run_for(5ms);
    }
    turn.reset();
    CHECK(t.until({1}));
    CHECK(t.places->taken() == 1);
}

TEST_CASE("A lower bound closes what is idle beyond it, a higher one wakes who waits") {
    Two t(2);
    REQUIRE(t.a.peer.reserve());
    REQUIRE(t.b.peer.reserve());
    t.a.peer.release(t.a.dialled());
    t.places->set_limit(1);
    t.a.bench.run_for(5ms);
    CHECK(t.a.bench.idle() == 0);
    CHECK(t.places->taken() == 1);
    net::spawn(ask(t.a, t.one, t.got, 1, t.first));
    t.places->set_limit(2);
    CHECK(t.until({1}));
}

TEST_CASE("A pool that goes gives back what it had idle") {
    Server server;
    const auto places = std::make_shared<Places>(1);
    std::optional<Worker> a(std::in_place, server, places);
    REQUIRE(a->peer.reserve());
    a->peer.release(a->dialled());
    Worker b(server, places);
    std::vector<int> got;
    net::Signal signal;
    net::Stream::Ptr stream;
    net::spawn(ask(b, signal, got, 1, stream));
    a.reset();
    CHECK(b.bench.until([&] { return got == std::vector{1}; }));
}

namespace {

/// Takes a place, keeps it for a turn of the loop, gives it back; many times.
net::Task<void> many(Bench& bench, Peer& peer, net::Signal& signal, std::atomic<int>& inside,
                     std::atomic<int>& most, std::atomic<int>& left) {
    for (int i = 0; i < 500; ++i) {
        if (!peer.reserve()) {
            Peer::Turn turn(peer, signal);
            while (!turn.ready()) co_await signal.wait();
            const auto none = turn.take();
        }
        const int now = ++inside;
        int seen = most.load();
        while (now > seen && !most.compare_exchange_weak(seen, now)) {
        }
        bool passed = false;
        boost::asio::post(bench.io, [&] {
            passed = true;
            signal.notify();
        });
        while (!passed) co_await signal.wait();
        --inside;
        peer.unreserve();
    }
    --left;
}

}  // namespace

TEST_CASE("Workers that wait for each other all come to their turns, never too many at once") {
    Server server;
    const auto places = std::make_shared<Places>(3);
    constexpr int kWorkers = 3;
    constexpr int kEach = 4;
    std::atomic<int> inside = 0;
    std::atomic<int> most = 0;
    std::atomic<int> left = kWorkers * kEach;
    std::vector<std::thread> threads;
    for (int w = 0; w < kWorkers; ++w) {
        threads.emplace_back([&] {
            Bench bench;
            Peer peer(bench.context, server.upstream(), nullptr, places);
            std::vector<net::Signal> signals(kEach);
            for (auto& signal : signals) {
                net::spawn(many(bench, peer, signal, inside, most, left));
            }
            const auto due = net::Clock::now() + 60s;
            while (left > 0 && net::Clock::now() < due) bench.run_for(1ms);
        });
    }
    for (auto& thread : threads) thread.join();
    CHECK(left == 0);
    CHECK(most <= 3);
    CHECK(places->taken() == 0);
}
