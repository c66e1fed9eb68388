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
    : loaded_(std::move(loaded)), shard_(shard), unrouted_(&shard.route("none")) {
    const auto& config = loaded_->config();
    std::vector<std::shared_ptr<upstreams::Peer>> by_index;
    std::vector<std::shared_ptr<const upstreams::HeadTemplate>> heads;
    last_series_.resize(config.upstreams.size());
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
    }
    std::erase_if(peers, [](const auto& p) { return p.second.expired(); });
    for (const auto& route : config.routes) {
        RuntimeRoute runtime;
        runtime.route = &route;
        runtime.series = &shard.route(route.model);
        if (!is_glob(route.model)) known_models_.insert(route.model);
        for (const auto& entry : route.chain) {
            const auto& upstream = config.upstreams[entry.upstream];
            RuntimeEntry e;
            e.upstream = &upstream;
            e.entry = &entry;
            e.peer = by_index[entry.upstream];
            e.head = heads[entry.upstream];
            e.model = model_of(entry, upstream);
            if (e.model) {
                known_models_.insert(*e.model);
                shard.attempt(upstream.name, *e.model);  // visible with zeros from the start
            }
            runtime.entries.push_back(std::move(e));
        }
        routes_.push_back(std::move(runtime));
    }
}

const RuntimeRoute* Runtime::route_for(std::string_view model) const {
    for (const auto& route : routes_) {
        if (config::glob_match(route.route->model, model)) return &route;
    }
    return nullptr;
}

std::string_view Runtime::label(std::string_view model) const {
    const auto it = known_models_.find(model);
    return it != known_models_.end() ? std::string_view(*it) : std::string_view("other");
}

metrics::AttemptSeries& Runtime::series(const config::Upstream& upstream, std::string_view model,
                                        metrics::Operation operation) {
    auto& last = last_series_[static_cast<std::size_t>(&upstream - config().upstreams.data())];
    if (last.series == nullptr || last.operation != operation || last.model != model) {
        last.series = &find_series(upstream, label(model), operation);
        last.operation = operation;
        last.model.assign(model);
    }
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
    auto& key = price_key_.assign(upstream.price_provider);
    key.append(1, '\n').append(answered).append(1, '\n').append(asked).append(1, '\n');
    wire::append_number(key, answered.size());  // names may hold anything
    const auto it = prices_.find(key);
    if (it != prices_.end()) return it->second;
    const auto* found = config().prices->resolve(upstream.price_provider, answered, asked);
    if (prices_.size() < kPriceMemo && key.size() < kLongestMemo) prices_.emplace(key, found);
    return found;
}

}  // namespace understudy::proxy
