// Whether a peer sends, or takes, fast enough to keep its place: a byte now and then is no
// progress. Pure: the caller brings the time.
#pragma once

#include "net/timers.hpp"

#include <algorithm>
#include <chrono>
#include <cstdint>

namespace understudy::proxy {

class Pace {
  public:
    /// Slower than the slowest modem that still reaches anybody.
    static constexpr std::uint64_t kLeastBytesPerSecond = 500;

    /// Every window of this length has to bring its share of bytes.
    Pace(std::chrono::milliseconds window, net::TimePoint now)
        : window_(window),
          share_(std::max<std::uint64_t>(
              1, kLeastBytesPerSecond * static_cast<std::uint64_t>(window.count()) / 1000)),
          until_(now + window) {}

    /// `bytes`: moved so far, in all.
    void note(std::uint64_t bytes, net::TimePoint now) {
        if (bytes - counted_ < share_) return;
        counted_ = bytes;
        until_ = now + window_;
    }
    /// Until the window ends; nothing or less: too slow.
    std::chrono::milliseconds left(net::TimePoint now) const {
        return std::chrono::ceil<std::chrono::milliseconds>(until_ - now);
    }

  private:
    std::chrono::milliseconds window_;
    std::uint64_t share_;
    std::uint64_t counted_ = 0;
    net::TimePoint until_;
};

}  // namespace understudy::proxy
