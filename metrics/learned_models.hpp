// The models that no configuration names and that upstreams have answered: they are labels from
// then on. What clients merely ask for never is, so no client can fill the page.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <string_view>

namespace understudy::metrics {

/// One for the process, shared by all workers, and outliving every configuration. Thread-safe.
class LearnedModels {
  public:
    static constexpr std::size_t kPerUpstream = 100;
    static constexpr std::size_t kLongestName = 256;  // bytes; no model has a longer one

    /// Whether `model` is a label of its own at `upstream`. `answered`: the upstream has just
    /// answered it with a 2xx, so that it becomes one if there is room. Takes a lock.
    bool is_label(std::string_view upstream, std::string_view model, bool answered);
    /// Grows whenever a name was learned: what is_label() said before may be out of date. No lock.
    std::uint64_t generation() const noexcept {
        return generation_.load(std::memory_order_acquire);
    }

  private:
    std::mutex mutex_;
    std::map<std::string, std::set<std::string, std::less<>>, std::less<>> models_;  // by upstream
    std::atomic<std::uint64_t> generation_{0};
};

}  // namespace understudy::metrics
