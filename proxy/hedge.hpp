// When a slow attempt gets another one beside it: what is usual for an upstream, learned by its
// worker, and how many hedges a route may have.
#pragma once

#include "config/config.hpp"

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

namespace understudy::proxy {

/// Hedges as a share of requests: each request earns its part of one, each hedge takes a whole one.
/// What is not earned yet is not given, so that at no time there are more than that share. Shared
/// by all workers; no request waits for another.
class HedgeBudget {
  public:
    /// A request came in on a route that hedges `percent` of its requests.
    void earn(double percent) noexcept;
    /// Room for one more? Then it is taken.
    bool take() noexcept;
    /// What was taken was not used.
    void give_back() noexcept { earned_.fetch_add(kOne, std::memory_order_relaxed); }

  private:
    static constexpr std::int64_t kOne = 1'000'000;
    static constexpr std::int64_t kMost = 3 * kOne;  // saved up while nothing was slow
    std::atomic<std::int64_t> earned_{0};            // millionths of a hedge
};

/// Times of the last answers from one upstream and model: the first token of a stream, a plain
/// answer whole. And how it is to be ranked among others by them: who fails is passed over for a
/// while, and who has not been asked for long is found out about anew.
class AnswerTimes {
  public:
    using TimePoint = std::chrono::steady_clock::time_point;
    static constexpr std::size_t kKept = 128;
    static constexpr std::size_t kEnough = 20;       // fewer say nothing of what is usual
    static constexpr std::size_t kMostUnknown = 20;  // are asked before the first has answered
    static constexpr std::chrono::milliseconds kShunned{
        1000};  // doubled with each failure in a row
    static constexpr std::chrono::milliseconds kLongestShunned{60'000};
    static constexpr std::chrono::milliseconds kStale{60'000};  // what is older may not be so now

    /// An answer has come after this time, at `now`.
    void note(std::chrono::milliseconds time, TimePoint now) noexcept;
    /// A request goes there.
    void asked(TimePoint now) noexcept;
    /// It has failed in a way that says something of who was asked, and wants to be left alone so
    /// long, if it says so.
    void failed(TimePoint now, std::optional<std::chrono::milliseconds> retry_after) noexcept;
    /// What was asked has come to an end that says nothing of who was asked: nothing is learned
    /// yet.
    void unasked() noexcept {
        if (asked_ > 0) --asked_;
    }
    /// The median, of one answer already; nullopt: it is to be asked, to find out; max(): it is to
    /// be passed over. To be found out about takes few requests: as long as none has come to an end
    /// no more of them go.
    std::optional<std::chrono::milliseconds> rank(TimePoint now) const;
    /// `percent` of the answers kept came within this time; above 0, below 100. nullopt: too few.
    std::optional<std::chrono::milliseconds> percentile(double percent) const;
    std::size_t size() const noexcept { return count_; }

  private:
    std::chrono::milliseconds within(double percent) const;

    std::array<std::uint32_t, kKept> times_{};  // ms, the oldest is overwritten
    std::size_t next_ = 0;
    std::size_t count_ = 0;
    std::uint32_t failures_ = 0;  // in a row
    std::uint32_t asked_ = 0;     // since the last end of one
    TimePoint asked_at_{}, told_at_{}, shunned_until_{};
};

/// The answer times that one worker has seen, by upstream, model and kind of answer. Bounded: of
/// names that clients make up only the first are kept.
class AnswerTimesByModel {
  public:
    AnswerTimes* find(std::string_view upstream, std::string_view model, bool stream);
    /// The same, made if there is room for it.
    AnswerTimes* make(std::string_view upstream, std::string_view model, bool stream);

  private:
    static constexpr std::size_t kMost = 512;
    const std::string& key(std::string_view upstream, std::string_view model, bool stream);
    std::unordered_map<std::string, AnswerTimes> times_;
    std::string key_;
};

/// How long an attempt may be silent before it gets another beside it; nullopt: not known yet.
std::optional<std::chrono::milliseconds> hedge_delay(const config::Hedge& hedge,
                                                     const AnswerTimes* times);

}  // namespace understudy::proxy
