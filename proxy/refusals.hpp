// Which models of which upstreams do not take something that we ask for on our own account, learned
// from their refusals: a client must never see those.
#pragma once

#include "config/config.hpp"
#include "dialects/repairs.hpp"

#include <atomic>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <utility>

namespace understudy::proxy {

/// Shared by all workers; thread-safe. One per configuration: a reload asks once more.
class Refusals {
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

/// Of `stream_options`, by which we ask for the usage of a stream.
class UsageRefusals : public Refusals {};
/// Of the path /responses, at servers of OpenAI's API that have chat completions alone. No model.
class ResponsesRefusals : public Refusals {};
/// Of a prefill, by which we ask for the rest of an answer that broke.
class PrefillRefusals : public Refusals {};

/// Of what translations say: how it is said instead. Shared and kept as those are.
class LearntRepairs {
  public:
    /// What this model of this upstream has been found to need. Costs one load where none does.
    dialects::Repairs of(const config::Upstream& upstream, std::string_view model) const;
    void learn(const config::Upstream& upstream, std::string_view model,
               const dialects::Repairs& repairs);

  private:
    using Known = std::pair<const config::Upstream*, std::string>;
    std::atomic<bool> any_{false};
    mutable std::mutex mutex_;
    std::map<Known, dialects::Repairs> known_;
};

}  // namespace understudy::proxy
