// What is known of one upstream's health: a breaker for each model it is asked for, and what the
// active check says. Shared by all workers and carried from one configuration to the next. While
// nothing is wrong with the upstream a worker reads one atomic and takes no lock; so it is for all
// other models while some are refused that have no label.
//
// Models with a label in metrics have each a row. Those without one, whose names clients may make
// up, have each a row as well, once something was said of them: the ones that were of use last, up
// to a bound. And there is one row for all of them, of what is no matter of a model: that nobody
// can connect, or that the account is refused. A model that becomes a label takes what is known of
// it along, and what is known of all.
#pragma once

#include "config/config.hpp"
#include "metrics/states.hpp"
#include "upstreams/breaker.hpp"

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

namespace understudy::proxy {

/// A change of a breaker that is worth telling.
struct BreakerChange {
    bool changed = false;
    bool one_model = false;  // of one without a label, which alone it is about
    std::string_view label;  // else the row's; lives as long as the breakers do
    upstreams::BreakerState state = upstreams::BreakerState::closed;
    std::chrono::milliseconds rest{0};  // open: how long from now
};

/// A model at an upstream: what metrics call it, and the name that is sent.
struct ModelAt {
    std::string_view label, name;
};

/// The right to be the one request that a half-open breaker lets through.
struct Probe {
    std::uint32_t number = 0;  // 0: it is none
    bool of_all = false;       // for all models without a label
    explicit operator bool() const { return number != 0; }
};

class Breakers {
  public:
    /// Rows of labels; all others are one. A bound on what many reloads can leave behind.
    static constexpr std::size_t kMostModels = 256;
    /// Rows of models without a label; names that clients make up push each other out.
    static constexpr std::size_t kMostUnlabelled = 100;

    /// `settings` absent: only the active check makes it rest.
    Breakers(std::string upstream, const std::optional<config::Breaker>& settings);
    Breakers(const Breakers&) = delete;
    Breakers& operator=(const Breakers&) = delete;

    /// A new configuration goes on with what is known, but for refusals of keys.
    void use(const std::optional<config::Breaker>& settings);
    /// A model that the configuration names: its state is shown from the start.
    void declare(std::string_view model);
    /// A model that has become a label: what is known of it, and of all that have none, is known of
    /// its row from now on.
    void adopt(std::string_view model, net::TimePoint now);

    /// Nothing is wrong, and nothing has failed lately.
    bool quiet() const { return trouble_.load(std::memory_order_relaxed) == 0; }
    /// The same for who asks for this model alone. The fast path of every request.
    bool quiet(std::string_view name) const {
        const auto trouble = trouble_.load(std::memory_order_relaxed);
        return trouble == 0 || (trouble % kRefusedBit == 0 && (trouble & refused_bit(name)) == 0);
    }

    // When it is not quiet, by any thread: -------------------------------------------------------
    upstreams::Availability look(ModelAt model, net::TimePoint now);
    /// An attempt begins. Where it is the probe, begun() and settle() want to know it, or
    /// give_back().
    Probe start(ModelAt model, net::TimePoint now);
    /// The first of a probe's good answer has come.
    std::array<BreakerChange, 2> begun(ModelAt model, Probe probe, net::TimePoint now);
    void give_back(ModelAt model, Probe probe);

    // Any thread, any time: ----------------------------------------------------------------------
    /// What came of an attempt: what has become of the row of its model, and of the one for all.
    std::array<BreakerChange, 2> settle(ModelAt model, Probe probe, upstreams::AttemptResult result,
                                        net::TimePoint now, double random);
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
        explicit Row(const config::Breaker& settings, bool one = false)
            : breaker(settings), one_model(one) {}
        upstreams::Breaker breaker;
        bool one_model;                         // that has no label
        std::string_view label;                 // else its own: the key under which it stands
        bool troubled = false;                  // counted in trouble_
        std::optional<net::TimePoint> good_at;  // the last good answer that was seen
        net::TimePoint used_at{};               // one model's: looked at, or settled
    };
    using Rows = std::map<std::string, Row, std::less<>>;

    static std::uint64_t refused_bit(std::string_view name) {
        return kRefusedBit << (std::hash<std::string_view>()(name) % 32);
    }
    Row* find(Rows& rows, std::string_view name);
    Row& find_or_make(std::string_view label);
    Row& find_or_make_unlabelled(std::string_view name, net::TimePoint now);
    /// Of the model alone; null: nothing is known of it.
    Row* row_of(ModelAt model);
    bool is_unlabelled(ModelAt model) const;
    void adopt_locked(std::string_view model, net::TimePoint now);
    void adopt_late(ModelAt model, net::TimePoint now);
    void tell_adopted(net::TimePoint now);
    std::array<Row*, 2> probed(ModelAt model, Probe probe);
    void make_room(net::TimePoint now);
    void forget_unused(net::TimePoint now);
    void look_after(Row& row, net::TimePoint now);
    void look_after_all(net::TimePoint now);
    void note_refused(net::TimePoint now);
    void sweep(net::TimePoint now);
    BreakerChange change(bool changed, Row& row, net::TimePoint now);
    BreakerChange settle_label(std::string_view label, const upstreams::AttemptResult& result,
                               net::TimePoint now, double random);
    BreakerChange settle_all(Probe probe, upstreams::AttemptResult result, net::TimePoint now,
                             double random);
    BreakerChange settle_one(ModelAt model, Probe probe, upstreams::AttemptResult result,
                             net::TimePoint now, double random);
    bool unwell(net::TimePoint now) const { return now < unwell_until_; }

    const std::string upstream_;
    // Rows that are not clean, and unwell_until_; above kRefusedBit a bit for each name without a
    // label that is refused, by its hash: it is refused for long, and concerns nobody else.
    static constexpr std::uint64_t kRefusedBit = std::uint64_t{1} << 32;
    alignas(64) std::atomic<std::uint64_t> trouble_{0};
    mutable std::mutex mutex_;  // guards all below
    std::optional<config::Breaker> settings_;
    Rows rows_;                  // by label
    Rows unlabelled_;            // by name
    std::uint64_t refused_ = 0;  // as in trouble_
    bool probe_shared_ = false;  // one of all is out that labels have taken along
    net::TimePoint swept_at_{};
    net::TimePoint unwell_until_{};
    bool unwell_counted_ = false;
};

}  // namespace understudy::proxy
