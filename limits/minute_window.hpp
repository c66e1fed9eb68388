// How much of something there was within the last minute: one sum for each second. What is in it
// leaves it a minute after the second it came in has ended, so within any sixty seconds there is
// never more than what sum() was kept to. Not thread-safe; its owner has a lock.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace understudy::limits {

class MinuteWindow {
  public:
    /// Seconds count up; an earlier one than before is taken for that.
    void add(std::int64_t second, std::uint64_t n);
    std::uint64_t sum(std::int64_t second);
    /// Seconds until the sum is `most` or less, if nothing comes meanwhile.
    std::int64_t wait(std::int64_t second, std::uint64_t most);

  private:
    static constexpr std::int64_t kSlots = 61;  // sixty that have ended, and the one that runs
    void advance(std::int64_t second);
    std::uint64_t& slot(std::int64_t second) {
        return slots_[static_cast<std::size_t>((second % kSlots + kSlots) % kSlots)];
    }

    std::array<std::uint64_t, kSlots> slots_{};
    std::uint64_t sum_ = 0;
    std::int64_t second_ = 0;  // that `slots_` is up to date for
};

}  // namespace understudy::limits
