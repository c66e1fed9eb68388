// The configuration as one worker runs it: every route entry with its peer, its metric handles and
// its price already looked up. Built when a configuration is loaded; requests hold the one they
// started with, so a reload changes nothing under them.
#pragma once

#include "config/config.hpp"
#include "metrics/series.hpp"
#include "proxy/key_refusals.hpp"
#include "proxy/usage_refusals.hpp"
#include "proxy/web_guard.hpp"
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

/// A configuration with the trust settings its upstreams need. Made once per load, by any thread.
class LoadedConfig {
  public:
    /// Throws std::runtime_error when a CA file cannot be used.
    explicit LoadedConfig(std::shared_ptr<const config::Config> config);
    const config::Config& config() const { return *config_; }
    KeyRefusals& key_refusals() const { return key_refusals_; }
    UsageRefusals& usage_refusals() const { return usage_refusals_; }
    std::shared_ptr<const upstreams::TlsContext> tls_for(const config::Upstream& upstream) const;

  private:
    std::shared_ptr<const config::Config> config_;
    std::map<std::string, std::shared_ptr<const upstreams::TlsContext>> tls_;
    mutable KeyRefusals key_refusals_;      // has a lock of its own
    mutable UsageRefusals usage_refusals_;  // the same
};

/// One step of a chain, on one worker.
struct RuntimeEntry {
    const config::Upstream* upstream = nullptr;
    const config::ChainEntry* entry = nullptr;
    std::shared_ptr<upstreams::Peer> peer;
    std::shared_ptr<const upstreams::HeadTemplate> head;
    std::optional<std::string> model;  // sent instead of the client's
};

struct RuntimeRoute {
    const config::Route* route = nullptr;
    std::vector<RuntimeEntry> entries;
    bool grouped = false;  // the order of some entries is drawn for each request
    metrics::RouteSeries* series = nullptr;
};

class Runtime {
  public:
    using Peers = std::map<std::string, std::weak_ptr<upstreams::Peer>>;
    /// `peers` carries pools over from one configuration to the next. `worker_count` divides
    /// max_connections.
    Runtime(std::shared_ptr<const LoadedConfig> loaded, upstreams::WorkerContext& context,
            metrics::Shard& shard, Peers& peers, std::size_t worker_count);

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
    /// What an answer by `answered` costs at this upstream when `asked` was asked for; null:
    /// unknown.
    const metrics::ModelPrice* price(const config::Upstream& upstream, std::string_view answered,
                                     std::string_view asked);
    metrics::Shard& shard() { return shard_; }
    metrics::RouteSeries& unrouted() { return *unrouted_; }
    /// Of the configuration in use: a new one starts anew.
    KeyRefusals& key_refusals() const { return loaded_->key_refusals(); }
    UsageRefusals& usage_refusals() const { return loaded_->usage_refusals(); }
    const WebGuard& web_guard() const { return web_guard_; }

  private:
    const metrics::ModelPrice* find_price(const config::Upstream& upstream,
                                          std::string_view answered, std::string_view asked);

    std::shared_ptr<const LoadedConfig> loaded_;
    WebGuard web_guard_;
    metrics::Shard& shard_;
    std::vector<RuntimeRoute> routes_;
    bool conditional_ = false;
    std::set<std::string, std::less<>> known_models_;
    metrics::RouteSeries* unrouted_;
    /// The series asked for last: requests to one upstream mostly name the same model.
    struct LastSeries {
        std::string model;
        metrics::Operation operation{};
        metrics::AttemptSeries* series = nullptr;
        bool settled = false;          // the label will not change any more
        std::uint64_t generation = 0;  // of the learned models, when it was looked up
    };
    void declare(RuntimeRoute& route);
    void declare_attempts(const RuntimeEntry& entry);
    bool is_label(const config::Upstream& upstream, std::string_view model, bool answered) const;
    metrics::AttemptSeries& find_series(const config::Upstream& upstream, std::string_view label,
                                        metrics::Operation operation);

    std::vector<LastSeries> last_series_;  // by the upstream's place in the configuration
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
    std::string price_key_;  // scratch
};

}  // namespace understudy::proxy
