// How far prompts have lately gone beyond what was thought that they would have at most: some
// models count more for a page than others, and some servers add thousands of tokens to each
// prompt. Learned of each model at each upstream, for money that is held; shared by all workers,
// without a lock. What is forgotten or mistaken for another model's costs a hold that is too small
// or too large, and nothing else.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace understudy::proxy {

class PromptExcess {
  public:
    static constexpr std::uint32_t kNone = 100, kMost = 6400;  // percent
    static constexpr std::int64_t kHalfLife = 600;             // seconds

    /// What a bound has to be multiplied by: kNone to kMost percent. What is beyond kNone halves
    /// every kHalfLife. `second`: of a clock that does not go back.
    std::uint32_t percent(std::string_view upstream, std::string_view model,
                          std::int64_t second) const;
    /// A prompt whose bound was `bound` tokens had `reported`.
    void note(std::string_view upstream, std::string_view model, std::int64_t second,
              std::uint64_t bound, std::uint64_t reported);

    /// Of this process: what is known of a model there stays true through reloads.
    static PromptExcess& known();

  private:
    static constexpr std::size_t kSlots = 256;
    // What model it is about, when that was learned, and the percentage: one word, so that it is
    // read and written whole.
    std::array<std::atomic<std::uint64_t>, kSlots> slots_{};
    std::atomic<bool> any_{false};  // most processes never learn of one
};

}  // namespace understudy::proxy
