// Requests and tokens of the last minute, and requests under way, of one key over all workers. A
// request is counted when it is let in; its tokens are held at first, by an estimate, and counted
// when its attempts are over. One lock, for a few additions.
#pragma once

#include "limits/minute_window.hpp"
#include "limits/moment.hpp"
#include "limits/refusal.hpp"

#include <cstdint>
#include <mutex>
#include <optional>
#include <utility>

namespace understudy::limits {

struct RateRules {
    std::optional<std::uint64_t> requests_per_minute, tokens_per_minute, requests_in_flight;
    bool any() const { return requests_per_minute || tokens_per_minute || requests_in_flight; }
};

/// How one limit stands.
struct Standing {
    Standing() = default;
    Standing(std::uint64_t l, std::uint64_t r, std::int64_t s) : limit(l), remaining(r), reset(s) {}
    std::uint64_t limit = 0, remaining = 0;
    std::int64_t reset = 0;  // seconds until all of it is there again, if nothing comes
};
struct Standings {
    std::optional<Standing> requests, tokens;
};

class Rates {
  public:
    /// A request that was let in: its place, and the tokens held for it, which go with it.
    class Pass {
      public:
        Pass() = default;
        Pass(Pass&& other) noexcept
            : rates_(std::exchange(other.rates_, nullptr)), held_(other.held_) {}
        Pass& operator=(Pass&& other) noexcept {
            std::swap(rates_, other.rates_);
            std::swap(held_, other.held_);
            return *this;
        }
        Pass(const Pass&) = delete;
        Pass& operator=(const Pass&) = delete;
        ~Pass();
        /// So many tokens were used; they take the place of what was held.
        void use(const Moment& now, std::uint64_t tokens);
        explicit operator bool() const { return rates_ != nullptr; }

      private:
        friend class Rates;
        Rates* rates_ = nullptr;
        std::uint64_t held_ = 0;
    };

    /// Counts a request that may use so many tokens, and fills `pass` in; or says why not. While
    /// nothing is held and the limit is not reached, one request is let in whatever it may use:
    /// what is used can go beyond the limit by one answer and no more.
    Refusal admit(const RateRules& rules, const Moment& now, std::uint64_t tokens, Pass& pass);
    Standings standings(const RateRules& rules, const Moment& now);
    /// What the last minute has seen, here and before this began: what was counted here is in it.
    void start_with(const Moment& now, std::uint64_t requests, std::uint64_t tokens);
    std::uint64_t in_flight();

  private:
    Refusal refuse(const RateRules& rules, MinuteWindow::Ticks tick, std::uint64_t tokens);

    std::mutex mutex_;
    MinuteWindow requests_, tokens_;
    std::uint64_t held_ = 0;  // tokens of requests under way
    std::uint64_t in_flight_ = 0;
};

}  // namespace understudy::limits
