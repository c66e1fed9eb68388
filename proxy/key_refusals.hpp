// When a provider's refusal of one of our own keys is worth a line in the log: every request may
// meet it, and only the operator can mend it.
#pragma once

#include "net/timers.hpp"

#include <chrono>
#include <map>
#include <mutex>
#include <string>
#include <string_view>

namespace understudy::proxy {

/// Shared by all workers; thread-safe. One per configuration, so that a reload that brings a new
/// key is told at once when that one is refused too.
class KeyRefusals {
  public:
    static constexpr std::chrono::minutes kPause{1};

    /// Whether to tell of this refusal: the first of an upstream, and then one a minute at most.
    bool due(std::string_view upstream, net::TimePoint now);

  private:
    std::mutex mutex_;
    std::map<std::string, net::TimePoint, std::less<>> told_at_;
};

}  // namespace understudy::proxy
