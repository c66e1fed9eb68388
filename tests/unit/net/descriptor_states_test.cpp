#include "net/descriptor_states.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/local/connect_pair.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/write.hpp>

#include <catch2/catch.hpp>

#include <vector>

namespace asio = boost::asio;
using Socket = asio::local::stream_protocol::socket;
using understudy::net::release_descriptor_states;

namespace {

struct Pair {
    explicit Pair(asio::io_context& io) : near(io), far(io) {
        asio::local::connect_pair(near, far);
    }
    Socket near, far;
};

}  // namespace

TEST_CASE("States are given back while events of their descriptors still stand in the queue") {
    asio::io_context io(1);
    constexpr int kPairs = 50;
    int ready = 0, cancelled = 0;
    std::vector<Pair> pairs;
    for (int i = 0; i < kPairs; ++i) pairs.emplace_back(io);
    for (auto& pair : pairs) {
        pair.far.async_wait(Socket::wait_read, [&](const boost::system::error_code& ec) {
            ++(ec ? cancelled : ready);
            if (ready != 1 || ec) return;
            // All others have an event in the queue by now.
            for (auto& other : pairs) other.far.close();
            release_descriptor_states(io);
            release_descriptor_states(io);
        });
        asio::write(pair.near, asio::buffer("x", 1));
    }
    io.run();
    CHECK(ready >= 1);
    CHECK(ready + cancelled == kPairs);

    Pair after(io);
    bool read = false;
    after.far.async_wait(Socket::wait_read,
                         [&](const boost::system::error_code& ec) { read = !ec; });
    asio::write(after.near, asio::buffer("x", 1));
    io.restart();
    io.run();
    CHECK(read);
}

TEST_CASE("States that nobody came to free go with their context") {
    asio::io_context io(1);
    { const Pair pair(io); }
    release_descriptor_states(io);  // posts, and the context never runs
    SUCCEED();
}
