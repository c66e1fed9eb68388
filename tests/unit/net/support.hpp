// A worker's loop, driven by hand, and a server on loopback that says what the test tells it to.
#pragma once

#include "net/bytes.hpp"
#include "net/socket.hpp"
#include "net/timers.hpp"

#include <catch2/catch.hpp>

#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace understudy::net::test {

inline constexpr std::chrono::seconds kMaxWait{5};

/// What a Stream needs around it.
class Bench {
  public:
    /// Runs the worker until `condition` holds; false when that takes too long.
    template <class Condition>
    bool until(Condition condition) {
        const auto give_up = Clock::now() + kMaxWait;
        while (!condition() && Clock::now() < give_up) {
            io.restart();
            if (io.run_one_for(std::chrono::milliseconds(20)) == 0) continue;
        }
        return condition();
    }
    void run_for(std::chrono::milliseconds time) {
        io.restart();
        io.run_for(time);
    }

    asio::io_context io;
    TimerQueue timers{io};
    MemoryBudget budget{std::size_t{1} << 26};
};

/// A listening socket; connections to it are made and served blockingly, one after the other.
class Server {
  public:
    using Accepted = asio::ip::tcp::socket;

    std::uint16_t port() const { return acceptor_.local_endpoint().port(); }
    Accepted accept() { return acceptor_.accept(); }

  private:
    asio::io_context io_;
    asio::ip::tcp::acceptor acceptor_{io_, {asio::ip::address_v4::loopback(), 0}};
};

}  // namespace understudy::net::test
