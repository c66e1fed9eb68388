// What a Peer or an Attempt needs around it, and a server on loopback as an upstream.
#pragma once

#include "net/resolver.hpp"
#include "tests/unit/net/support.hpp"
#include "upstreams/peer.hpp"

#include <cstdint>

namespace understudy::upstreams::test {

/// One worker's surroundings.
class Bench : public net::test::Bench {
  public:
    std::int64_t idle() const { return series.upstream_idle.value(); }
    std::int64_t active() const { return series.upstream_active.value(); }

    net::Resolver resolver;
    net::DnsCache dns{resolver, io};
    ScratchPool scratch;
    metrics::WorkerSeries series;
    WorkerContext context{io, timers, dns, budget, scratch, series};
};

class Server : public net::test::Server {
  public:
    config::Upstream upstream() const {
        config::Upstream u;
        u.name = "origin";
        u.base_url = {false, "127.0.0.1", port(), "/v1"};
        return u;
    }
};

}  // namespace understudy::upstreams::test
