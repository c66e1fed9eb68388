// The keys of one upstream that has several: which one the next request is sent with. They are used
// in turn; one that met its limit rests, one that is refused is retired until a reload. Shared by
// all workers: every key's state is one atomic word, and nobody waits for anybody.
#pragma once

#include "net/timers.hpp"
#include "wire/failure.hpp"

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace understudy::upstreams {

/// What an answer says of the key that the request was sent with.
enum class KeyVerdict : std::uint8_t {
    good,
    nothing,  // another failure, which another key would meet as well
    limited,  // 429: too much was asked with it
    spent,    // no credit left, or (403) not allowed what was asked
    refused,  // 401: it is none
};
/// `one_request`: what it asked for was refused, not who asked.
KeyVerdict judge_key(wire::FailureClass failure, unsigned status, bool one_request);

/// How long a key rests that has met its limit, `strikes` times in a row before: a second, doubled
/// each time up to a minute; one that is spent a minute, doubled up to an hour; and never less than
/// its provider asked for.
std::chrono::milliseconds key_rest(KeyVerdict verdict, std::uint32_t strikes,
                                   std::optional<std::chrono::milliseconds> retry_after);

class KeyPool {
  public:
    /// Keys that one request has been sent with already, a bit each.
    using Tried = std::uint64_t;
    static constexpr std::size_t kMost = 64;
    enum class State : std::uint8_t { in_use, resting, retired };

    /// A key to use, or when there will be one.
    struct Pick {
        std::optional<std::size_t> position;  // from 0
        net::TimePoint until{};               // none: the first rest ends; max(): all are retired
        bool named = false;                   // the provider named that time
    };

    /// 2 to kMost keys.
    explicit KeyPool(std::size_t keys) : slots_(keys) {}

    /// The next one in turn that neither rests nor is retired nor has been tried.
    Pick take(net::TimePoint now, Tried tried = 0);
    /// The same without taking it.
    Pick look(net::TimePoint now) const;
    /// Whether there is one to take that has not been tried.
    bool untried(net::TimePoint now, Tried tried) const {
        return first_usable(0, now, tried).position.has_value();
    }
    /// Whether there is one that is not retired.
    bool some_left() const;
    /// Whether one that rests will be of use again.
    bool some_rest(net::TimePoint now) const;
    /// The one whose rest ends first, or has ended: for a request that has nobody else to ask.
    /// Never one that is retired, unless all are: then 0.
    std::size_t soonest() const;
    /// What came of a request that was sent with it. True: its state has changed.
    bool settle(std::size_t position, KeyVerdict verdict,
                std::optional<std::chrono::milliseconds> retry_after, net::TimePoint now);
    State state(std::size_t position, net::TimePoint now) const;
    std::size_t size() const { return slots_.size(); }
    /// A reload may have come because a key was mended at the provider.
    void forget_refusals();

  private:
    // Nanoseconds of the clock, the lowest bit set where the provider named that time.
    static constexpr std::int64_t kRetired = INT64_MAX;
    struct Slot {
        std::atomic<std::int64_t> rests_until{0};
        std::atomic<std::uint32_t> strikes{0};
    };
    Pick first_usable(std::size_t from, net::TimePoint now, Tried tried) const;

    std::vector<Slot> slots_;
    std::atomic<std::size_t> next_{0};
};

}  // namespace understudy::upstreams
