// The configuration as one worker runs it: every route entry with its peer, its metric handles and
// its price already looked up. Built when a configuration is loaded; requests hold the one they
// started with, so a reload changes nothing under them.
#pragma once

#include "config/config.hpp"
#include "limits/allowance.hpp"
#include "limits/session_purses.hpp"
#include "metrics/series.hpp"
#include "metrics/states.hpp"
#include "proxy/breakers.hpp"
#include "proxy/hedge.hpp"
#include "proxy/key_limits.hpp"
#include "proxy/key_refusals.hpp"
#include "proxy/refusals.hpp"
#include "proxy/unpriced_models.hpp"
#include "proxy/web_guard.hpp"
#include "upstreams/key_pool.hpp"
#include "upstreams/peer.hpp"
#include "upstreams/request_head.hpp"

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

namespace understudy::proxy {

class Books;

/// A configuration with the trust settings its upstreams need, and with what is known of their
/// health. Made once per load, by any thread.
class LoadedConfig : public metrics::StateSource {
  public:
    /// `previous`: the configuration that this one replaces. Of upstreams that stay the same (name,
    /// address and keys) it goes on with what is known, but for refusals of keys. Throws
    /// std::runtime_error when a CA file cannot be used; then nothing has changed.
    explicit LoadedConfig(std::shared_ptr<const config::Config> config,
                          const LoadedConfig* previous = nullptr);
    const config::Config& config() const { return *config_; }
    KeyRefusals& key_refusals() const { return key_refusals_; }
    UsageRefusals& usage_refusals() const { return usage_refusals_; }
    PrefillRefusals& prefill_refusals() const { return prefill_refusals_; }
    ResponsesRefusals& responses_refusals() const { return responses_refusals_; }
    LearntRepairs& learnt_repairs() const { return learnt_repairs_; }
    UnpricedModels& unpriced_models() const { return unpriced_models_; }
    HedgeBudget& hedge_budget(std::size_t route) const { return hedge_budgets_[route]; }
    std::shared_ptr<const net::TlsContext> tls_for(const config::Upstream& upstream) const;
    /// Null where the upstream, by its place in the configuration, can never rest.
    Breakers* breakers_of(std::size_t upstream) const { return health_[upstream].breakers.get(); }
    /// Null where it has one key or none.
    upstreams::KeyPool* keys_of(std::size_t upstream) const { return health_[upstream].keys.get(); }
    /// Null where the key, by its place in the configuration, has no limit.
    limits::Allowance* allowance_of(std::size_t key) const { return allowances_[key].get(); }
    const KeyRules& rules_of(std::size_t key) const { return rules_[key]; }
    /// The places for connections to this upstream's address, of all workers.
    const std::shared_ptr<upstreams::Places>& places_for(const config::Upstream& upstream) const {
        return places_.at(upstreams::Peer::key_of(upstream));
    }
    limits::SessionPurses& session_purses() const { return *session_purses_; }
    bool begins_allowances() const { return !new_allowances_.empty(); }
    /// Calls `use(key's name, its allowance)` for all keys with limits.
    template <class Use>
    void each_allowance(Use&& use) const {
        for (std::size_t i = 0; i < allowances_.size(); ++i) {
            if (allowances_[i]) use(config_->keys[i].name, *allowances_[i]);
        }
    }
    /// The same for those that this configuration began.
    template <class Use>
    void each_new_allowance(Use&& use) const {
        for (const auto place : new_allowances_)
            use(config_->keys[place].name, *allowances_[place]);
    }
    void collect(metrics::States& out) const override;

  private:
    void take_allowances(const LoadedConfig* previous);
    void take_places(const LoadedConfig* previous);
    struct Health {
        std::shared_ptr<Breakers> breakers;
        std::shared_ptr<upstreams::KeyPool> keys;
    };
    static Health health_of(const config::Upstream& upstream, const LoadedConfig* previous);

    std::shared_ptr<const config::Config> config_;
    std::vector<Health> health_;  // by the upstream's place
    std::map<std::string, std::shared_ptr<const net::TlsContext>> tls_;
    std::map<std::string, std::shared_ptr<upstreams::Places>> places_;  // by Peer::key_of
    std::vector<std::shared_ptr<limits::Allowance>> allowances_;        // by the key's place
    std::vector<KeyRules> rules_;                                       // the same
    std::vector<std::size_t> new_allowances_;
    // Of all keys, also of those that earlier configurations had and requests still have.
    std::map<std::string, std::weak_ptr<limits::Allowance>, std::less<>> living_allowances_;
    std::shared_ptr<limits::SessionPurses> session_purses_;
    mutable KeyRefusals key_refusals_;                // has a lock of its own
    mutable UsageRefusals usage_refusals_;            // the same
    mutable PrefillRefusals prefill_refusals_;        // the same
    mutable ResponsesRefusals responses_refusals_;    // the same
    mutable LearntRepairs learnt_repairs_;            // the same
    mutable UnpricedModels unpriced_models_;          // the same
    mutable std::vector<HedgeBudget> hedge_budgets_;  // by the route's place; atomic
};

/// One step of a chain, on one worker.
struct RuntimeEntry {
    const config::Upstream* upstream = nullptr;
    const config::ChainEntry* entry = nullptr;
    std::shared_ptr<upstreams::Peer> peer;
    std::shared_ptr<const upstreams::HeadTemplate> head;
    Breakers* breakers = nullptr;        // null: it never rests
    upstreams::KeyPool* keys = nullptr;  // null: one key or none
    std::optional<std::string> model;    // sent instead of the client's
    // Requests under way for this model there, on this worker; null where nobody wants to know.
    std::shared_ptr<std::size_t> inflight;
};

struct RuntimeRoute {
    const config::Route* route = nullptr;
    std::string label;  // in metrics, logs and the like
    std::vector<RuntimeEntry> entries;
    bool grouped = false;  // the order of some entries is drawn for each request
    struct OnFailure {
        wire::FailureClass failure = wire::FailureClass::none;
        std::vector<RuntimeEntry> entries;
    };
    std::vector<OnFailure> on;            // chains of their own for some classes
    HedgeBudget* hedge_budget = nullptr;  // null: no hedges
    bool learns_times = false;            // how long answers take is of use here
    metrics::RouteSeries* series = nullptr;
};

class Runtime {
  public:
    using Peers = std::map<std::string, std::weak_ptr<upstreams::Peer>>;
    /// `peers` carries pools over from one configuration to the next.
    Runtime(std::shared_ptr<const LoadedConfig> loaded, upstreams::WorkerContext& context,
            metrics::Shard& shard, Peers& peers);

    const config::Config& config() const { return loaded_->config(); }
    /// Some route looks at what a request holds.
    bool conditional() const { return conditional_; }
    /// The first route that takes the model of any request, whatever it holds; null: none.
    const RuntimeRoute* route_for(std::string_view model) const;
    /// The first route that takes this request; null: none.
    const RuntimeRoute* route_for(std::string_view model, const wire::RequestContent& content,
                                  const wire::Fields& fields) const;
    const std::vector<RuntimeRoute>& routes() const { return routes_; }
    /// Counters of one model (by its label) at one upstream; created at first use. Its label is
    /// its name when the configuration names it or the upstream has answered it (metrics::
    /// LearnedModels), else "other". `answered`: it just has, with a 2xx.
    metrics::AttemptSeries& series(const config::Upstream& upstream, std::string_view model,
                                   metrics::Operation operation, bool answered = false);
    /// The chain's moves from one upstream to another for this reason. Names: the configuration's
    /// own, as its upstreams hold them.
    metrics::Counter& failovers(std::string_view from, std::string_view to, wire::FailureClass why);
    /// What metrics call this model there.
    std::string_view label(const config::Upstream& upstream, std::string_view model) const {
        return is_label(upstream, model, false) ? model : "other";
    }
    /// What an answer by `answered` costs at this upstream when `asked` was asked for; null:
    /// unknown.
    const metrics::ModelPrice* price(const config::Upstream& upstream, std::string_view answered,
                                     std::string_view asked);
    /// Attempts under way there, of this worker.
    metrics::Gauge& inflight(const config::Upstream& upstream) const {
        return *inflight_[static_cast<std::size_t>(&upstream - config().upstreams.data())];
    }
    /// Tokens that a prompt for `model` may have there; 0: not known.
    std::uint64_t context_window(const config::Upstream& upstream, std::string_view model);
    /// The longest answer of `model` there, in tokens, as config::max_output() has it; 0: not
    /// known.
    std::uint64_t max_output(const config::Upstream& upstream, std::string_view model);
    /// The longest answer of `model` that may have to be paid for there, as
    /// config::longest_answer() has it. `price`: the one that it is billed with, or null.
    std::uint64_t longest_answer(const config::Upstream& upstream, std::string_view model,
                                 const metrics::ModelPrice* price);
    /// An upstream that is asked now and then whether it is well.
    struct CheckedUpstream {
        const config::Upstream* upstream = nullptr;
        std::shared_ptr<upstreams::Peer> peer;
        upstreams::HeadTemplate head;  // for paths of the server, not below base_url
        Breakers* breakers = nullptr;
        upstreams::KeyPool* keys = nullptr;  // null: one key or none
    };
    const std::vector<CheckedUpstream>& checked() const { return checked_; }
    metrics::Shard& shard() { return shard_; }
    metrics::RouteSeries& unrouted() { return *unrouted_; }
    /// Of the configuration in use: a new one starts anew.
    KeyRefusals& key_refusals() const { return loaded_->key_refusals(); }
    UsageRefusals& usage_refusals() const { return loaded_->usage_refusals(); }
    PrefillRefusals& prefill_refusals() const { return loaded_->prefill_refusals(); }
    ResponsesRefusals& responses_refusals() const { return loaded_->responses_refusals(); }
    LearntRepairs& learnt_repairs() const { return loaded_->learnt_repairs(); }
    /// Whether it is to be told that no price is known for this model there: it is the first time.
    bool unpriced_is_news(const config::Upstream& upstream, std::string_view model) {
        // Mostly it is the one that was asked for last, and nobody waits for a lock.
        if (&upstream == unpriced_at_ && model == unpriced_) return false;
        unpriced_at_ = &upstream;
        unpriced_ = model;
        return loaded_->unpriced_models().due(upstream.name, model);
    }
    /// Null: no limit of its own is about the key, which is one of the configuration's.
    limits::Allowance* allowance_of(const config::Key& key) const {
        return loaded_->allowance_of(place_of(key));
    }
    /// What it may do.
    const KeyRules& rules_of(const config::Key& key) const {
        return loaded_->rules_of(place_of(key));
    }
    limits::SessionPurses& session_purses() const { return loaded_->session_purses(); }
    const WebGuard& web_guard() const { return web_guard_; }
    /// The worker's, for as long as it runs; null: no ledger is kept.
    Books* books() const { return books_; }
    void keep_books(Books* books) { books_ = books; }

  private:
    std::size_t place_of(const config::Key& key) const {
        return static_cast<std::size_t>(&key - config().keys.data());
    }
    const metrics::ModelPrice* find_price(const config::Upstream& upstream,
                                          std::string_view answered, std::string_view asked);

    std::shared_ptr<const LoadedConfig> loaded_;
    WebGuard web_guard_;
    metrics::Shard& shard_;
    std::vector<RuntimeRoute> routes_;
    std::vector<CheckedUpstream> checked_;
    bool conditional_ = false;
    std::set<std::string, std::less<>> known_models_;
    metrics::RouteSeries* unrouted_;
    const config::Upstream* unpriced_at_ = nullptr;  // what was asked about last
    std::string unpriced_;
    Books* books_ = nullptr;
    /// The series asked for last: requests to one upstream mostly name the same model.
    struct LastSeries {
        std::string model;
        metrics::Operation operation{};
        metrics::AttemptSeries* series = nullptr;
        bool settled = false;          // the label will not change any more
        std::uint64_t generation = 0;  // of the learned models, when it was looked up
    };
    struct LastFailover {
        const void* from = nullptr;  // the names are the configuration's own
        const void* to = nullptr;
        wire::FailureClass why = wire::FailureClass::none;
        metrics::Counter* moves = nullptr;
    };
    void declare(RuntimeRoute& route);
    void declare_attempts(const RuntimeEntry& entry);
    bool is_label(const config::Upstream& upstream, std::string_view model, bool answered) const;
    void adopt_known(const RuntimeRoute& route) const;
    void adopt(const config::Upstream& upstream, std::string_view model) const;
    metrics::AttemptSeries& find_series(const config::Upstream& upstream, std::string_view label,
                                        metrics::Operation operation);

    std::vector<metrics::Gauge*> inflight_;  // by the same
    LastFailover last_failover_;             // in an outage the same all the time
    std::vector<LastSeries> last_series_;    // by the upstream's place in the configuration
    using SeriesKey = std::tuple<const config::Upstream*, std::string, metrics::Operation>;
    std::map<SeriesKey, metrics::AttemptSeries*> series_;
    std::map<std::string, const metrics::ModelPrice*, std::less<>> prices_;  // bounded memo
    /// The price asked for last at each upstream, as with last_series_.
    struct LastPrice {
        std::string answered, asked;
        const metrics::ModelPrice* price = nullptr;
        bool known = false;
    };
    std::vector<LastPrice> last_prices_;
    /// And of what the price table says of its model beside prices.
    struct LastNumber {
        std::string model;
        std::uint64_t number = 0;
        bool known = false;
    };
    template <class Find>
    std::uint64_t number_of(std::vector<LastNumber>& last, const config::Upstream& upstream,
                            std::string_view model, Find find);
    std::vector<LastNumber> last_windows_, last_outputs_, last_paid_outputs_;
    std::string price_key_;  // scratch
};

}  // namespace understudy::proxy
