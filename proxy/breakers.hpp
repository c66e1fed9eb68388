// What is known of one upstream's health: a breaker for each model it is asked for, and what the
// active check says. Shared by all workers and carried from one configuration to the next. While
// nothing is wrong with the upstream a worker reads one atomic and takes no lock.
#pragma once

#include "config/config.hpp"
#include "metrics/states.hpp"
#include "upstreams/breaker.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>

namespace understudy::proxy {

/// A change of a breaker that is worth telling.
struct BreakerChange {
    bool changed = false;
    bool one_model = false;  // of one without a label, which alone it is about
    upstreams::BreakerState state = upstreams::BreakerState::closed;
    std::chrono::milliseconds rest{0};  // open: how long from now
};

class Breakers {
  public:
    /// Models that are told apart; all others are one. Only labels of metrics come in here, so this
    /// is a bound on what many reloads can leave behind.
    static constexpr std::size_t kMostModels = 256;
    /// Models without a label that are refused one by one; names that clients make up push each
    /// other out.
    static constexpr std::size_t kMostRefused = 100;

    /// `settings` absent: only the active check makes it rest.
    Breakers(std::string upstream, const std::optional<config::Breaker>& settings);
    Breakers(const Breakers&) = delete;
    Breakers& operator=(const Breakers&) = delete;

    /// A new configuration goes on with what is known, but for refusals of keys.
    void use(const std::optional<config::Breaker>& settings);
    /// A model that the configuration names: its state is shown from the start.
    void declare(std::string_view model);

    /// Nothing is wrong, and nothing has failed lately. The fast path of every request.
    bool quiet() const { return trouble_.load(std::memory_order_relaxed) == 0; }

    // When it is not quiet, by any thread; `model` is a label, `name` what it stands for:
    // ----------
    upstreams::Availability look(std::string_view model, std::string_view name, net::TimePoint now);
    /// An attempt begins; not 0: it is the probe, and the number goes into its result.
    std::uint32_t start(std::string_view model, net::TimePoint now);
    /// The first of a probe's good answer has come.
    BreakerChange begun(std::string_view model, std::uint32_t probe, net::TimePoint now);
    void give_back(std::string_view model, std::uint32_t probe);

    // Any thread, any time: ----------------------------------------------------------------------
    /// A 403 puts down the model that was asked for, until a reload; of several that share a label
    /// that one alone, as it may be the only one that the account may not use.
    BreakerChange settle(std::string_view model, std::string_view name,
                         const upstreams::AttemptResult& result, net::TimePoint now, double random);
    /// What the active check says; a failed one holds until the next is good, or `until` at most.
    /// True: that is news.
    bool checked(bool well, net::TimePoint until);
    /// Whether a request for some model would be let through. A model that has not been answered
    /// lately is no evidence that it would.
    bool usable(net::TimePoint now) const;
    void collect(net::TimePoint now, metrics::States& out) const;
    const std::string& upstream() const { return upstream_; }

  private:
    struct Row {
        explicit Row(const config::Breaker& settings) : breaker(settings) {}
        upstreams::Breaker breaker;
        bool troubled = false;                  // counted in trouble_
        std::optional<net::TimePoint> good_at;  // the last good answer that was seen
    };
    using Rows = std::map<std::string, Row, std::less<>>;

    bool refuse(std::string_view name);
    Row* find(std::string_view model);
    Row& find_or_make(std::string_view model);
    void look_after(Row& row, net::TimePoint now);
    void sweep(net::TimePoint now);
    BreakerChange change(bool changed, Row& row, net::TimePoint now);
    bool unwell(net::TimePoint now) const { return now < unwell_until_; }

    const std::string upstream_;
    alignas(64) std::atomic<std::uint32_t> trouble_{
        0};                     // rows that are not clean, and unwell_until_
    mutable std::mutex mutex_;  // guards all below
    std::optional<config::Breaker> settings_;
    Rows rows_;
    std::set<std::string, std::less<>> refused_;  // models without a label
    net::TimePoint swept_at_{};
    net::TimePoint unwell_until_{};
    bool unwell_counted_ = false;
};

}  // namespace understudy::proxy
