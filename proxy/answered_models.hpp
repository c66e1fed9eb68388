// Names of models that some upstream has answered: known to exist, although no configuration and no
// list names them.
#pragma once

#include <cstddef>
#include <mutex>
#include <set>
#include <string>
#include <string_view>

namespace understudy::proxy {

/// Shared by all workers; any thread. Bounded: the first ones stay.
class AnsweredModels {
  public:
    static constexpr std::size_t kMost = 1000;
    void note(const std::string& model) {
        const std::lock_guard lock(mutex_);
        if (names_.size() < kMost) names_.insert(model);
    }
    bool contains(std::string_view model) const {
        const std::lock_guard lock(mutex_);
        return names_.contains(model);
    }

  private:
    mutable std::mutex mutex_;
    std::set<std::string, std::less<>> names_;
};

}  // namespace understudy::proxy
