// What breaker tests of several files share: a worker that loads configurations, and what befalls
// it.
#pragma once

#include "proxy/admission.hpp"
#include "tests/unit/proxy/support.hpp"

#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace understudy::proxy::test {

using namespace std::chrono_literals;
using Class = wire::FailureClass;
using Kind = upstreams::Availability::Kind;
using net::TimePoint;
using upstreams::AttemptResult;

inline constexpr auto kTwo = R"(
upstreams:
  - { name: one, base_url: 'http://127.0.0.1:1/v1', api_key: key-of-one }
  - { name: two, base_url: 'http://127.0.0.1:2/v1', api_key: key-of-two }
routes:
  - { model: "gpt-*", chain: [one, two/named] }
)";

using Change = std::function<void(config::Config&)>;

inline void with_breakers(config::Config& config) {
    for (auto& upstream : config.upstreams) upstream.breaker = config::Breaker{2, 60s, 3s};
}

/// A worker that loads one configuration after the other, as reloads do.
struct Stage {
    std::shared_ptr<Runtime> load(const Change& change = with_breakers) {
        auto config = std::make_shared<config::Config>(*config_of(kTwo));
        change(*config);
        loaded = std::make_shared<LoadedConfig>(std::move(config), loaded.get());
        bench.registry.set_states(loaded);
        return std::make_shared<Runtime>(loaded, bench.context, bench.registry.shard(0),
                                         bench.peers);
    }

    Bench bench;
    std::shared_ptr<LoadedConfig> loaded;
};

inline const RuntimeEntry& entry(const Runtime& runtime, std::size_t position) {
    return runtime.routes()[0].entries[position];
}

inline AttemptResult ended(Class failure, TimePoint started) {
    AttemptResult result;
    result.failure = failure;
    result.started = started;
    return result;
}

inline void fail(Runtime& runtime, std::size_t position, TimePoint now, Class failure,
                 int times = 2, std::string_view model = "gpt-x") {
    for (int i = 0; i < times; ++i) {
        Admission admission(runtime, entry(runtime, position), model, now);
        admission.settle(ended(failure, now), model, now, 0);
    }
}

inline Kind kind(Runtime& runtime, std::size_t position, TimePoint now,
                 std::string_view model = "gpt-x") {
    return availability(runtime, entry(runtime, position), model, now).kind;
}

inline bool has_line(const std::string& page, std::string_view line) {
    return page.find("\n" + std::string(line) + "\n") != std::string::npos;
}

}  // namespace understudy::proxy::test
