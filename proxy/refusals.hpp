// Which models of which upstreams do not take something that we ask for on our own account, learned
// from their refusals: a client must never see those.
#pragma once

#include "config/config.hpp"
#include "dialects/repairs.hpp"

#include <atomic>
#include <functional>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <utility>

namespace understudy::proxy {

/// A model of an upstream; looked for by a view of its name, for that is done under a lock.
using KnownModel = std::pair<const config::Upstream*, std::string>;
struct ByModel {
    using is_transparent = void;
    template <class A, class B>
    bool operator()(const A& a, const B& b) const {
        if (a.first != b.first) return std::less<>()(a.first, b.first);
        return std::string_view(a.second) < std::string_view(b.second);
    }
};

/// Shared by all workers; thread-safe. One per configuration: a reload asks once more.
class Refusals {
  public:
    /// Clients name models freely: beyond this many everything is learned anew.
    static constexpr std::size_t kMost = 10'000;

    /// Whether this model of this upstream has refused. Costs one load where nothing ever has.
    bool contains(const config::Upstream& upstream, std::string_view model) const;
    void add(const config::Upstream& upstream, std::string_view model);

  private:
    std::atomic<bool> any_{false};
    mutable std::mutex mutex_;
    std::set<KnownModel, ByModel> known_;
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
    std::atomic<bool> any_{false};
    mutable std::mutex mutex_;
    std::map<KnownModel, dialects::Repairs, ByModel> known_;
};

}  // namespace understudy::proxy
