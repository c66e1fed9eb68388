// How much of something there was within the last minute: one sum for each quarter of a second.
// What is in it leaves it sixty seconds after its quarter began: whoever waits a minute always
// finds it gone, and within any 59.75 seconds there is never more than what sum() was kept to. Not
// thread-safe; its owner has a lock.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <ratio>

namespace understudy::limits {

class MinuteWindow {
  public:
    /// What it counts time in. Ticks count up; an earlier one than before is taken for that.
    using Ticks = std::chrono::duration<std::int64_t, std::ratio<1, 4>>;

    void add(Ticks tick, std::uint64_t n);
    std::uint64_t sum(Ticks tick);
    /// Seconds until the sum is `most` or less, if nothing comes meanwhile: 0 to 60, rounded up.
    std::chrono::seconds wait(Ticks tick, std::uint64_t most);

  private:
    static constexpr std::int64_t kSlots = Ticks(std::chrono::minutes(1)).count();
    void advance(std::int64_t tick);
    std::uint64_t& slot(std::int64_t tick) {
        return slots_[static_cast<std::size_t>((tick % kSlots + kSlots) % kSlots)];
    }

    std::array<std::uint64_t, kSlots> slots_{};
    std::uint64_t sum_ = 0;
    std::int64_t tick_ = 0;  // that `slots_` is up to date for
};

}  // namespace understudy::limits
