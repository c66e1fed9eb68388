// Which models of which upstreams do not take `stream_options`, learned from their refusals: we ask
// for the usage of a stream on our own account, and a client must never see that refused.
#pragma once

#include "config/config.hpp"

#include <atomic>
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <utility>

namespace understudy::proxy {

/// Shared by all workers; thread-safe. One per configuration: a reload asks once more.
class UsageRefusals {
  public:
    /// Clients name models freely: beyond this many everything is learned anew.
    static constexpr std::size_t kMost = 10'000;

    /// Whether this model of this upstream has refused. Costs one load where nothing ever has.
    bool contains(const config::Upstream& upstream, std::string_view model) const;
    void add(const config::Upstream& upstream, std::string_view model);

  private:
    using Known = std::pair<const config::Upstream*, std::string>;
    std::atomic<bool> any_{false};
    mutable std::mutex mutex_;
    std::set<Known> known_;
};

}  // namespace understudy::proxy
