// The way past an upstream's breaker and to one of its keys: for one attempt, from its start to
// what came of it. Nothing of this costs anything where neither is configured; with breakers, one
// relaxed load for each call as long as the upstream is well.
#pragma once

#include "proxy/choose_entry.hpp"
#include "proxy/runtime.hpp"
#include "proxy/sent_model.hpp"
#include "upstreams/breaker.hpp"
#include "upstreams/key_pool.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace understudy::proxy {

/// Nothing keeps this entry from being asked for `model` (the client's). No lock, no look at the
/// clock.
inline bool is_quiet(const RuntimeEntry& entry, std::string_view model) {
    if (entry.keys != nullptr) return false;
    if (entry.breakers == nullptr || entry.breakers->quiet()) return true;
    return entry.breakers->quiet(SentModel(entry, model).name());
}
/// Whether this entry may be asked for `model` (the client's, or as it is sent there) now.
upstreams::Availability availability(Runtime& runtime, const RuntimeEntry& entry,
                                     std::string_view model, net::TimePoint now);
/// Whose probe it is. The label is kept: it may be another one by the end of the probe.
struct ProbedModel {
    std::string label, name;
    ModelAt at() const { return {label, name}; }
};

/// The right to be the one request that a half-open breaker lets through, held from the moment of
/// the choice: two requests that choose at once would else both be sent. Dropped, it goes back.
class Claim {
  public:
    Claim() = default;
    ~Claim() { give_back(); }
    Claim(Claim&& other) noexcept
        : entry_(other.entry_),
          model_(std::move(other.model_)),
          probe_(std::exchange(other.probe_, {})) {}
    Claim& operator=(Claim&& other) noexcept;
    Claim(const Claim&) = delete;
    Claim& operator=(const Claim&) = delete;

    explicit operator bool() const { return static_cast<bool>(probe_); }
    bool is_of(const RuntimeEntry& entry) const { return probe_ && entry_ == &entry; }

  private:
    friend class Admission;
    friend upstreams::Availability claim(Runtime&, const RuntimeEntry&, std::string_view,
                                         net::TimePoint, Claim&);
    void give_back();

    const RuntimeEntry* entry_ = nullptr;
    std::unique_ptr<const ProbedModel> model_;
    Probe probe_;
};

/// As availability(), for a request that asks at once if it may: where one request may only, `held`
/// says that it is this one. Others meanwhile find an entry that rests.
upstreams::Availability claim(Runtime& runtime, const RuntimeEntry& entry, std::string_view model,
                              net::TimePoint now, Claim& held);
/// A request passes over this entry because it rests.
void count_skipped(Runtime& runtime, const RuntimeEntry& entry, std::string_view model);
/// Which entry of `chain` from `from` on is asked next, claimed where that takes a claim;
/// `untried`: none has been yet.
Choice next_entry(Runtime& runtime, std::span<const RuntimeEntry* const> chain,
                  std::string_view model, std::size_t from, bool untried, net::TimePoint now,
                  Claim& held);
/// Some route has an entry that may be asked.
bool any_route_usable(Runtime& runtime, net::TimePoint now);

/// One attempt's leave to ask. Dropped without settle(), it gives back what it holds, and nothing
/// is learned from it.
class Admission {
  public:
    Admission() = default;
    /// `runtime` and `entry` outlive this. `tried`: keys that this request has been sent with at
    /// this entry; a new visit begins with none. `held`: of this entry, or empty.
    Admission(Runtime& runtime, const RuntimeEntry& entry, std::string_view model,
              net::TimePoint now, upstreams::KeyPool::Tried tried = 0, Claim held = {});
    ~Admission();
    Admission(Admission&& other) noexcept;
    Admission& operator=(Admission&& other) noexcept;
    Admission(const Admission&) = delete;
    Admission& operator=(const Admission&) = delete;

    /// The key to send, by its place in the pool; 0 where there is none to choose from.
    std::size_t key() const { return key_; }
    bool is_probe() const { return static_cast<bool>(probe_); }
    /// The first of a good answer has come: who waits for a probe need not wait any longer.
    void begun(net::TimePoint now) {
        if (probe_) probe_begun(now);
    }
    /// It has failed, which says so much of its key: whether the same entry is to be asked again at
    /// once with another. `tried` then has this key too. Before settle().
    bool settle_key(upstreams::KeyVerdict verdict, wire::FailureClass failure,
                    std::optional<std::chrono::milliseconds> retry_after, net::TimePoint now,
                    upstreams::KeyPool::Tried& tried);
    /// What came of it, once; the second time nothing happens.
    void settle(upstreams::AttemptResult result, std::string_view model, net::TimePoint now,
                double random);
    bool settled() const { return entry_ == nullptr; }

  private:
    void probe_begun(net::TimePoint now);
    void give_back();

    Runtime* runtime_ = nullptr;
    const RuntimeEntry* entry_ = nullptr;
    std::size_t key_ = 0;
    Probe probe_;
    std::unique_ptr<const ProbedModel> model_;  // of a probe; null: there was none
};

}  // namespace understudy::proxy
