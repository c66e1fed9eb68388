// What is ready at the same time is served in the order of TurnOrder, and all of it is served.
#include "net/turn_order.hpp"
#include "net/descriptor_states.hpp"

#include "net/stream.hpp"
#include "tests/unit/net/support.hpp"

#include <catch2/catch.hpp>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

#include <algorithm>
#include <functional>
#include <optional>
#include <string>
#include <thread>
#include <vector>

using namespace understudy::net;
using namespace understudy::net::test;
using namespace std::chrono_literals;

namespace {

/// Connections with a name each, which is noted when their stream is told.
struct Links {
    struct Link final : StreamListener {
        void on_stream(Stream&) override {
            links->told += name;
            if (then) then();
        }
        std::function<void()> then;  // what happens while this one is served
        Links* links = nullptr;
        char name = 0;
        Stream::Ptr ours;
        std::optional<Server::Accepted> theirs;
    };
    explicit Links(std::string_view names) : all(names.size()) {
        order.emplace(bench.io);
        for (std::size_t i = 0; i < names.size(); ++i) {
            auto& link = all[i];
            Socket socket(bench.io);
            socket.connect({asio::ip::address_v4::loopback(), server.port()});
            tune(socket);
            link.links = this;
            link.name = names[i];
            link.ours = new Stream(std::move(socket), bench.budget);
            link.ours->set_listener(&link);
            link.theirs = server.accept();
            REQUIRE(link.ours->in.ensure_free(4096));
            link.ours->arm_read();
            // Upper case: its answer has begun.
            link.ours->set_flowing(names[i] < 'a');
        }
        bench.run_for(5ms);
    }
    ~Links() {
        for (auto& link : all) link.ours->close();
    }
    void say(char name) {
        for (auto& link : all)
            if (link.name == name) asio::write(*link.theirs, asio::buffer("x", 1));
    }
    /// Those named get bytes, in this order, before the loop looks again; who is told until `count`
    /// were.
    std::string turn(std::string_view names, std::size_t count) {
        told.clear();
        for (const char name : names) say(name);
        CHECK(bench.until([&] { return told.size() >= count; }));
        bench.run_for(2ms);
        return told;
    }
    std::string turn(std::string_view names) { return turn(names, names.size()); }
    Link& operator[](char name) {
        return *std::find_if(all.begin(), all.end(), [&](auto& link) { return link.name == name; });
    }
    void arm() {
        for (auto& link : all) link.ours->arm_read();
        bench.run_for(5ms);
    }

    Bench bench;
    std::optional<TurnOrder> order;
    Server server;
    std::vector<Link> all;
    std::string told;
};

}  // namespace

TEST_CASE(
    "A turn serves as many flowing streams as beginnings, two at least, all that is too much") {
    const auto share = TurnOrder::share;
    constexpr auto most = TurnOrder::kHeldMost;
    CHECK(share(0, 0) == 0);
    CHECK(share(5, 0) == 0);
    CHECK(share(0, 1) == 1);
    CHECK(share(0, 5) == TurnOrder::kFlowing);
    CHECK(share(1, 5) == TurnOrder::kFlowing);
    CHECK(share(4, 5) == 4);
    CHECK(share(9, 5) == 5);
    CHECK(share(0, most) == TurnOrder::kFlowing);
    CHECK(share(0, most + 10) == 10);
    CHECK(share(64, 2 * most) == 64);  // all of it fits into what Asio takes at once
}

TEST_CASE("Whoever waits for a beginning is served before the streams that flow") {
    Links links("ABcDefG");
    CHECK(links.turn("ABcDefG") == "cefABDG");
}

TEST_CASE("Streams of one kind are served in the order in which their bytes came") {
    Links links("ABCDEabcde");
    CHECK(links.turn("DACBE") == "DACBE");
    CHECK(links.turn("dacbe") == "dacbe");
}

TEST_CASE("A beginning that comes while streams are served does not wait for all of them") {
    Links links("ABCDEz");
    links['A'].then = [&] { links.say('z'); };
    CHECK(links.turn("ABCDE", 6) == "ABzCDE");
}

TEST_CASE("Beginnings that keep coming leave streams their places") {
    Links links("ABCDEz");
    links['z'].then = [&] {
        if (links.told.size() > 20) return;
        links['z'].ours->arm_read();
        links.say('z');
    };
    CHECK(links.turn("zABCDE", 20).substr(0, 8) == "zABzCDzE");
}

TEST_CASE("The order follows what a stream says of itself, from one turn to the next") {
    Links links("Abc");
    CHECK(links.turn("Abc") == "bcA");
    links.arm();
    links['A'].ours->set_flowing(false);
    links['b'].ours->set_flowing(true);
    CHECK(links.turn("Abc") == "Acb");
}

TEST_CASE("More streams than a turn holds back are all served, once each") {
    std::string names;
    for (int i = 0; i < 300; ++i) names += static_cast<char>('A' + i % 26);
    Links links(names);
    links.told.clear();
    for (auto& link : links.all) asio::write(*link.theirs, asio::buffer("x", 1));
    CHECK(links.bench.until([&] { return links.told.size() >= names.size(); }));
    links.bench.run_for(5ms);
    CHECK(links.told == names);
}

TEST_CASE("A stream that ends while its event is held back is told of bytes and end") {
    Links links("ABCD");
    links['A'].then = [&] { links['D'].theirs->close(); };
    CHECK(links.turn("ABCD") == "ABCD");
    auto& stream = *links['D'].ours;
    CHECK(stream.in.size() == 1);
    CHECK(links.bench.until([&] {
        stream.arm_read();
        return static_cast<bool>(stream.read_error());
    }));
    CHECK(stream.read_error() == asio::error::eof);
}

TEST_CASE("Streams may be closed, and their room given back, while their events are held back") {
    Links links("ABCDE");
    links['A'].then = [&] {
        for (const char name : {'C', 'D'}) links[name].ours->close();
    };
    links['B'].then = [&] { release_descriptor_states(links.bench.io); };
    CHECK(links.turn("ABCDE", 3) == "ABE");
}

TEST_CASE("No deadline overtakes bytes that are there, however many streams have them") {
    Links links(std::string(100, 'A'));
    bool early = false;
    Timer deadline(
        links.bench.timers, [](void* flag) { *static_cast<bool*>(flag) = true; }, &early);
    links.bench.run_for(1ms);
    deadline.set(Clock::now() + 20ms);  // no turn from here on until both are due
    links.say('A');                     // all of them are called so
    std::this_thread::sleep_for(40ms);  // a stall: the deadline is due, too
    links.all.back().then = [&] { CHECK_FALSE(early); };
    CHECK(links.bench.until([&] { return links.told.size() == links.all.size(); }));
    CHECK(links.bench.until([&] { return early; }));
}

TEST_CASE("An event held back never comes after a newer one of a socket that took over its place") {
    Links links("ABCDE");
    Stream::Ptr fresh;
    std::optional<Server::Accepted> far;
    struct Count final : StreamListener {
        void on_stream(Stream&) override { ++told; }
        int told = 0;
    } count;
    // E's event is held while its place in Asio goes to another stream, whose read of all that fits
    // leaves bytes and an end behind.
    links['A'].then = [&] {
        links['E'].ours->close();
        Socket socket(links.bench.io);
        socket.connect({asio::ip::address_v4::loopback(), links.server.port()});
        tune(socket);
        fresh = new Stream(std::move(socket), links.bench.budget);
        fresh->set_listener(&count);
        far = links.server.accept();
        REQUIRE(fresh->in.ensure_free(4096));
        fresh->arm_read();
        const std::string text(fresh->in.free_space().size() + 10, 'y');
        asio::write(*far, asio::buffer(text));
        far->close();
    };
    for (const char name : std::string("ABCDE")) links.say(name);
    CHECK(links.bench.until([&] { return links.told == "ABCD" && count.told == 1; }));
    const auto busy = asio::make_work_guard(links.bench.io);
    links.bench.run_for(5ms);  // nobody reads on meanwhile, as when a client is slow
    fresh->in.clear();
    CHECK(links.bench.until([&] {
        if (fresh->in.ensure_free(4096)) fresh->arm_read();
        return static_cast<bool>(fresh->read_error());
    }));
    CHECK(fresh->read_error() == asio::error::eof);
    fresh->close();
}

TEST_CASE("Timers, wake-ups and the waits of others share a turn with streams") {
    Links links("Ab");
    asio::ip::tcp::acceptor listener(links.bench.io, {asio::ip::address_v4::loopback(), 0});
    asio::steady_timer timer(links.bench.io, 1ms);
    int others = 0;
    listener.async_wait(asio::ip::tcp::acceptor::wait_read, [&](const error_code&) { ++others; });
    timer.async_wait([&](const error_code&) { ++others; });
    links.bench.run_for(0ms);
    asio::io_context elsewhere;
    asio::ip::tcp::socket client(elsewhere);
    client.connect(listener.local_endpoint());
    std::thread([&] { asio::post(links.bench.io, [&] { ++others; }); }).join();
    std::this_thread::sleep_for(5ms);  // the timer is due, too
    CHECK(links.turn("Ab") == "bA");
    CHECK(links.bench.until([&] { return others == 3; }));
}

TEST_CASE("Without it the kernel's order stands") {
    Links links("Ab");
    links.order.reset();
    CHECK(links.turn("Ab") == "Ab");
}
