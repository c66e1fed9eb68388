// Models that were paid for without a price being known: each is named once in the log, so that
// somebody adds it.
#pragma once

#include <cstddef>
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <utility>

namespace understudy::proxy {

/// Shared by all workers; thread-safe. One per configuration: a reload that brings no price is told
/// again.
class UnpricedModels {
  public:
    static constexpr std::size_t kMost = 200;  // names are told; clients may make up any number

    /// Whether to tell of this one: it is the first time.
    bool due(std::string_view upstream, std::string_view model) {
        const std::lock_guard lock(mutex_);
        if (told_.size() >= kMost) return false;
        return told_.emplace(upstream, model).second;
    }

  private:
    std::mutex mutex_;
    std::set<std::pair<std::string, std::string>> told_;
};

}  // namespace understudy::proxy
