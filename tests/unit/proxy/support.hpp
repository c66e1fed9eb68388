// One worker's surroundings without a worker: enough to build a Runtime from YAML.
#pragma once

#include "config/load.hpp"
#include "proxy/runtime.hpp"

#include <catch2/catch.hpp>

#include <boost/asio/io_context.hpp>

#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace understudy::proxy::test {

inline std::shared_ptr<const config::Config> config_of(std::string_view yaml) {
    const auto nothing = [](std::string_view) { return std::optional<std::string>(); };
    auto loaded = config::load_text(yaml, "test.yaml", nothing, {});
    for (const auto& problem : loaded.problems) UNSCOPED_INFO(problem.text());
    REQUIRE(loaded.config);
    return loaded.config;
}

/// Builds one Runtime after the other on the same worker, as reloads do.
class Bench {
  public:
    std::shared_ptr<Runtime> load(std::string_view yaml) {
        loaded = std::make_shared<LoadedConfig>(config_of(yaml), loaded.get());
        return std::make_shared<Runtime>(loaded, context, registry.shard(0), peers);
    }
    std::string metrics() const { return registry.render(metrics::Format::prometheus); }

    std::shared_ptr<LoadedConfig> loaded;
    boost::asio::io_context io;
    net::TimerQueue timers{io};
    net::Resolver resolver;
    net::DnsCache dns{resolver, io};
    net::MemoryBudget budget{std::size_t{1} << 30};
    upstreams::ScratchPool scratch;
    metrics::Registry registry{1, wire::kFailureClassNames, {"test", "test"}};
    upstreams::WorkerContext context{io, timers, dns, budget, scratch, registry.shard(0).worker()};
    Runtime::Peers peers;
};

}  // namespace understudy::proxy::test
