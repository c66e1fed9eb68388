#include "proxy/runtime.hpp"

#include "wire/append.hpp"

#include <algorithm>

namespace understudy::proxy {

namespace {

constexpr std::size_t kPriceMemo = 1024;   // answered model names remembered per worker ...
constexpr std::size_t kLongestMemo = 512;  // ... if they are of a sane length

std::string tls_key(const config::TlsOptions& tls) {
    return tls.ca + (tls.verify ? "|1" : "|0");
}

bool is_glob(std::string_view pattern) {
    return pattern.find_first_of("*?") != std::string_view::npos;
}

/// Whether the chain can go on from this entry because of this failure (decide() in policy.cpp).
bool may_leave(const config::Route& route, std::size_t entry, wire::FailureClass failure) {
    using enum wire::FailureClass;
    if (failure == none || failure == client_closed || failure == budget) return false;
    return entry > 0 || route.fallback_on.contains(failure);
}

std::optional<std::string> model_of(const config::ChainEntry& entry,
                                    const config::Upstream& upstream) {
    return entry.model ? entry.model : upstream.model;
}

}  // namespace

LoadedConfig::LoadedConfig(std::shared_ptr<const config::Config> config)
    : config_(std::move(config)) {
    for (const auto& upstream : config_->upstreams) {
        if (!upstream.base_url.tls) continue;  // trusted roots cost memory: only where needed
        auto& context = tls_[tls_key(upstream.tls)];
        if (!context) context = std::make_shared<upstreams::TlsContext>(upstream.tls);
    }
}

std::shared_ptr<const upstreams::TlsContext> LoadedConfig::tls_for(
    const config::Upstream& upstream) const {
    return upstream.base_url.tls ? tls_.at(tls_key(upstream.tls)) : nullptr;
}

Runtime::Runtime(std::shared_ptr<const LoadedConfig> loaded, upstreams::WorkerContext& context,
                 metrics::Shard& shard, Peers& peers, std::size_t worker_count)
    : loaded_(std::move(loaded)),
      web_guard_(loaded_->config()),
      shard_(shard),
      unrouted_(&shard.route("none")) {
    const auto& config = loaded_->config();
    std::vector<std::shared_ptr<upstreams::Peer>> by_index;
    std::vector<std::shared_ptr<const upstreams::HeadTemplate>> heads;
    last_series_.resize(config.upstreams.size());
    last_prices_.resize(config.upstreams.size());
    std::map<std::string, std::uint32_t> shares;  // upstreams with the same address share a pool
    for (const auto& upstream : config.upstreams) {
        const auto share = static_cast<std::uint32_t>(
            (upstream.max_connections + worker_count - 1) / worker_count);
        const auto key = upstreams::Peer::key_of(upstream);
        auto& limit = shares[key];
        limit = std::max(limit, share);
        auto& slot = peers[key];
        auto peer = slot.lock();
        if (!peer) {
            peer = std::make_shared<upstreams::Peer>(context, upstream, loaded_->tls_for(upstream),
                                                     share);
            slot = peer;
        } else {
            peer->update(limit, loaded_->tls_for(upstream));
        }
        by_index.push_back(std::move(peer));
        heads.push_back(std::make_shared<const upstreams::HeadTemplate>(upstream));
        if (upstream.model) known_models_.insert(*upstream.model);
        shard.stale_replays(upstream.name);
    }
    std::erase_if(peers, [](const auto& p) { return p.second.expired(); });
    for (const auto& route : config.routes) {
        RuntimeRoute runtime;
        runtime.route = &route;
        runtime.series = &shard.route(route.label());
        runtime.grouped = route.grouped();
        conditional_ = conditional_ || !route.when.empty();
        if (!is_glob(route.model)) known_models_.insert(route.model);
        for (const auto& entry : route.chain) {
            const auto& upstream = config.upstreams[entry.upstream];
            RuntimeEntry e;
            e.upstream = &upstream;
            e.entry = &entry;
            e.peer = by_index[entry.upstream];
            e.head = heads[entry.upstream];
            e.model = model_of(entry, upstream);
            if (e.model) known_models_.insert(*e.model);
            runtime.entries.push_back(std::move(e));
        }
        declare(runtime);
        routes_.push_back(std::move(runtime));
    }
}

/// Makes the series of a route's chain, so that they are on the page with zeros from the start.
void Runtime::declare(RuntimeRoute& route) {
    for (std::size_t i = 0; i < route.entries.size(); ++i) {
        declare_attempts(route.entries[i]);
        if (i + 1 == route.entries.size()) break;
        for (std::size_t reason = 0; reason < wire::kFailureClassCount; ++reason) {
            const auto failure = static_cast<wire::FailureClass>(reason);
            if (!may_leave(*route.route, i, failure)) continue;
            shard_.failover(route.entries[i].upstream->name, route.entries[i + 1].upstream->name,
                            reason);
        }
    }
}

void Runtime::declare_attempts(const RuntimeEntry& entry) {
    const std::string model = entry.model.value_or("other");
    auto& series = shard_.attempt(entry.upstream->name, model);
    series.declared = true;
    if (price(*entry.upstream, model, model) != nullptr) series.priced = true;
}

const RuntimeRoute* Runtime::route_for(std::string_view model) const {
    for (const auto& route : routes_) {
        if (route.route->when.empty() && config::glob_match(route.route->model, model)) {
            return &route;
        }
    }
    return nullptr;
}

const RuntimeRoute* Runtime::route_for(std::string_view model, const wire::RequestContent& content,
                                       const wire::Fields& fields) const {
    for (const auto& route : routes_) {
        if (!config::glob_match(route.route->model, model)) continue;
        if (config::holds(route.route->when, content, fields)) return &route;
    }
    return nullptr;
}

bool Runtime::is_label(const config::Upstream& upstream, std::string_view model,
                       bool answered) const {
    return known_models_.contains(model) ||
           shard_.learned_models().is_label(upstream.name, model, answered);
}

metrics::AttemptSeries& Runtime::series(const config::Upstream& upstream, std::string_view model,
                                        metrics::Operation operation, bool answered) {
    auto& last = last_series_[static_cast<std::size_t>(&upstream - config().upstreams.data())];
    const auto generation = shard_.learned_models().generation();
    const bool fresh = last.settled || (!answered && last.generation == generation);
    if (last.series != nullptr && fresh && last.operation == operation && last.model == model) {
        return *last.series;
    }
    const bool own = is_label(upstream, model, answered);
    last.series = &find_series(upstream, own ? model : "other", operation);
    last.operation = operation;
    last.model.assign(model);
    last.settled = own || answered;  // answered and still no label: there is no room any more
    last.generation = generation;
    return *last.series;
}

metrics::AttemptSeries& Runtime::find_series(const config::Upstream& upstream,
                                             std::string_view label, metrics::Operation operation) {
    auto& slot = series_[{&upstream, std::string(label), operation}];
    if (slot == nullptr) slot = &shard_.attempt(upstream.name, label, operation);
    return *slot;
}

const metrics::ModelPrice* Runtime::price(const config::Upstream& upstream,
                                          std::string_view answered, std::string_view asked) {
    if (upstream.price) return &*upstream.price;
    auto& last = last_prices_[static_cast<std::size_t>(&upstream - config().upstreams.data())];
    if (last.known && last.answered == answered && last.asked == asked) return last.price;
    last.price = find_price(upstream, answered, asked);
    last.answered.assign(answered);
    last.asked.assign(asked);
    last.known = true;
    return last.price;
}

const metrics::ModelPrice* Runtime::find_price(const config::Upstream& upstream,
                                               std::string_view answered, std::string_view asked) {
    // Prices by model are the upstream's own, those of the table its provider's.
    auto& key = price_key_.assign(upstream.prices.empty() ? upstream.price_provider : "@");
    if (!upstream.prices.empty()) key.append(upstream.name);
    key.append(1, '\n').append(answered).append(1, '\n').append(asked).append(1, '\n');
    wire::append_number(key, answered.size());  // names may hold anything
    const auto it = prices_.find(key);
    if (it != prices_.end()) return it->second;
    const auto* found = upstream.configured_price(answered, asked);
    if (found == nullptr) {
        found = config().prices->resolve(upstream.price_provider, answered, asked);
    }
    if (prices_.size() < kPriceMemo && key.size() < kLongestMemo) prices_.emplace(key, found);
    return found;
}

}  // namespace understudy::proxy
