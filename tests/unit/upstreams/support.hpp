// One worker's surroundings, and a server on loopback that says what the test tells it to.
#pragma once

#include "upstreams/peer.hpp"

#include <catch2/catch.hpp>

#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>

#include <algorithm>
#include <chrono>
#include <memory>
#include <string>
#include <string_view>

namespace understudy::upstreams::test {

inline constexpr std::chrono::seconds kMaxWait{5};

/// What a Peer or an Attempt needs around it, driven by hand.
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
    std::int64_t idle() const { return series.upstream_idle.value(); }
    std::int64_t active() const { return series.upstream_active.value(); }

    asio::io_context io;
    TimerQueue timers{io};
    Resolver resolver;
    DnsCache dns{resolver, io};
    MemoryBudget budget{std::size_t{1} << 26};
    ScratchPool scratch;
    metrics::WorkerSeries series;
    WorkerContext context{io, timers, dns, budget, scratch, series};
};

/// A listening socket; connections to it are made and served blockingly, one after the other.
class Server {
  public:
    using Accepted = asio::ip::tcp::socket;

    std::uint16_t port() const { return acceptor_.local_endpoint().port(); }
    Accepted accept() { return acceptor_.accept(); }
    config::Upstream upstream() const {
        config::Upstream u;
        u.name = "origin";
        u.base_url = {false, "127.0.0.1", port(), "/v1"};
        return u;
    }

  private:
    asio::io_context io_;
    asio::ip::tcp::acceptor acceptor_{io_, {asio::ip::address_v4::loopback(), 0}};
};

}  // namespace understudy::upstreams::test
