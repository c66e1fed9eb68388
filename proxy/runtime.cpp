#include "proxy/runtime.hpp"

#include "config/context_window.hpp"
#include "proxy/key_limits.hpp"
#include "wire/append.hpp"

#include <algorithm>

namespace understudy::proxy {

namespace {

constexpr std::size_t kPriceMemo = 1024;   // answered model names remembered per worker ...
constexpr std::size_t kLongestMemo = 512;  // ... if they are of a sane length

std::string tls_key(const config::TlsOptions& tls) {
    return tls.ca + (tls.verify ? "|1" : "|0");
}

// Whether anybody wants to know how many requests an entry has.
bool by_load(const config::Config& config) {
    return std::any_of(config.routes.begin(), config.routes.end(), [](const auto& route) {
        return std::any_of(route.chain.begin(), route.chain.end(), [](const auto& entry) {
            return entry.order == config::GroupOrder::least_inflight;
        });
    });
}

bool is_glob(std::string_view pattern) {
    return pattern.find_first_of("*?") != std::string_view::npos;
}

/// Whether the chain can go on from this entry because of this failure (decide() in policy.cpp).
bool may_leave(const config::Route& route, std::size_t entry, wire::FailureClass failure) {
    using enum wire::FailureClass;
    if (failure == none || failure == client_closed || failure == budget || failure == dropped) {
        return false;
    }
    // Who behind the first entry answers badly is left for it only where the route says so.
    const bool always = !wire::kQualityClasses.contains(failure);
    return (entry > 0 && always) || failure == unsupported || route.fallback_on.contains(failure);
}

/// What is known of the one holds for the other.
bool same_service(const config::Upstream& one, const config::Upstream& other) {
    return one.name == other.name && one.base_url == other.base_url &&
           one.api_key == other.api_key && one.more_keys == other.more_keys && one.aws == other.aws;
}

std::optional<std::string> model_of(const config::ChainEntry& entry,
                                    const config::Upstream& upstream) {
    return entry.model ? entry.model : upstream.model;
}

}  // namespace

LoadedConfig::LoadedConfig(std::shared_ptr<const config::Config> config,
                           const LoadedConfig* previous)
    : config_(std::move(config)), hedge_budgets_(config_->routes.size()) {
    for (const auto& upstream : config_->upstreams) {
        if (!upstream.base_url.tls) continue;  // trusted roots cost memory: only where needed
        auto& context = tls_[tls_key(upstream.tls)];
        if (!context)
            context = std::make_shared<net::TlsContext>(upstreams::trust_of(upstream.tls));
    }
    // Behind all that can fail.
    health_.reserve(config_->upstreams.size());
    for (const auto& upstream : config_->upstreams) {
        health_.push_back(health_of(upstream, previous));
    }
    take_allowances(previous);
    take_places(previous);
}

// Upstreams with the same address share a pool, and the largest bound of theirs. Connections live
// on through a reload, and so does their count.
void LoadedConfig::take_places(const LoadedConfig* previous) {
    std::map<std::string, std::uint32_t> limits;
    for (const auto& upstream : config_->upstreams) {
        auto& limit = limits[upstreams::Peer::key_of(upstream)];
        limit = std::max(limit, upstream.max_connections);
    }
    for (const auto& [key, limit] : limits) {
        auto& places = places_[key];
        if (previous != nullptr) {
            const auto known = previous->places_.find(key);
            if (known != previous->places_.end()) places = known->second;
        }
        if (!places) {
            places = std::make_shared<upstreams::Places>(limit);
        } else {
            places->set_limit(limit);
        }
    }
}

static bool uses(const LoadedConfig* config, const limits::Allowance& allowance) {
    bool found = false;
    if (config != nullptr) {
        config->each_allowance(
            [&](const std::string&, const auto& one) { found = found || &one == &allowance; });
    }
    return found;
}

// What a key has used stays with its name, whatever else changes, and though a configuration
// between had no such key: as long as any request has it.
void LoadedConfig::take_allowances(const LoadedConfig* previous) {
    session_purses_ =
        previous != nullptr ? previous->session_purses_ : std::make_shared<limits::SessionPurses>();
    if (previous != nullptr) {
        for (const auto& one : previous->living_allowances_) {
            if (!one.second.expired()) living_allowances_.insert(one);
        }
    }
    const auto& keys = config_->keys;
    allowances_.resize(keys.size());
    for (std::size_t i = 0; i < keys.size(); ++i) {
        rules_.emplace_back(keys[i].limits);
        if (!keys[i].limits.any()) continue;
        auto& living = living_allowances_[keys[i].name];
        allowances_[i] = living.lock();
        // One that requests have kept was told nothing while the key had no limits.
        if (allowances_[i] && uses(previous, *allowances_[i])) continue;
        if (!allowances_[i]) allowances_[i] = std::make_shared<limits::Allowance>();
        living = allowances_[i];
        new_allowances_.push_back(i);
    }
}

LoadedConfig::Health LoadedConfig::health_of(const config::Upstream& upstream,
                                             const LoadedConfig* previous) {
    Health health;
    if (previous != nullptr) {
        const auto& others = previous->config_->upstreams;
        for (std::size_t i = 0; i < others.size(); ++i) {
            if (same_service(upstream, others[i])) health = previous->health_[i];
        }
    }
    if (!upstream.breaker && !upstream.health) {
        health.breakers.reset();
    } else if (health.breakers) {
        health.breakers->use(upstream.breaker);
    } else {
        health.breakers = std::make_shared<Breakers>(upstream.name, upstream.breaker);
    }
    if (health.keys) {
        health.keys->forget_refusals();
    } else if (upstream.key_count() > 1) {
        health.keys = std::make_shared<upstreams::KeyPool>(upstream.key_count());
    }
    return health;
}

void LoadedConfig::collect(metrics::States& out) const {
    const auto now = net::Clock::now();
    for (std::size_t i = 0; i < health_.size(); ++i) {
        if (health_[i].breakers) health_[i].breakers->collect(now, out);
        if (!health_[i].keys) continue;
        for (std::size_t k = 0; k < health_[i].keys->size(); ++k) {
            out.keys.push_back({config_->upstreams[i].name, k + 1,
                                static_cast<std::uint8_t>(health_[i].keys->state(k, now))});
        }
    }
    for (std::size_t i = 0; i < allowances_.size(); ++i) {
        if (allowances_[i]) out.allowances.push_back(state_of(config_->keys[i], *allowances_[i]));
    }
    out.sessions_denied = session_purses_->denied();
}

std::shared_ptr<const net::TlsContext> LoadedConfig::tls_for(
    const config::Upstream& upstream) const {
    return upstream.base_url.tls ? tls_.at(tls_key(upstream.tls)) : nullptr;
}

Runtime::Runtime(std::shared_ptr<const LoadedConfig> loaded, upstreams::WorkerContext& context,
                 metrics::Shard& shard, Peers& peers)
    : loaded_(std::move(loaded)),
      web_guard_(loaded_->config()),
      shard_(shard),
      unrouted_(&shard.route("none")) {
    const auto& config = loaded_->config();
    std::vector<std::shared_ptr<upstreams::Peer>> by_index;
    std::vector<std::shared_ptr<const upstreams::HeadTemplate>> heads;
    last_series_.resize(config.upstreams.size());
    last_prices_.resize(config.upstreams.size());
    last_windows_.resize(config.upstreams.size());
    last_outputs_.resize(config.upstreams.size());
    last_paid_outputs_.resize(config.upstreams.size());
    for (const auto& upstream : config.upstreams) {
        inflight_.push_back(&shard_.inflight(upstream.name));
        const auto& places = loaded_->places_for(upstream);
        auto& slot = peers[upstreams::Peer::key_of(upstream)];
        auto peer = slot.lock();
        // One that a configuration between had no use for counts with its own until it has ended.
        if (!peer || peer->places() != places) {
            peer = std::make_shared<upstreams::Peer>(context, upstream, loaded_->tls_for(upstream),
                                                     places);
            slot = peer;
        } else {
            peer->update(loaded_->tls_for(upstream));
        }
        by_index.push_back(std::move(peer));
        heads.push_back(std::make_shared<const upstreams::HeadTemplate>(upstream));
        if (upstream.model) known_models_.insert(*upstream.model);
        shard.stale_replays(upstream.name);
        if (!upstream.health) continue;
        auto root = upstream;
        root.base_url.path.clear();
        checked_.push_back({&upstream, by_index.back(), upstreams::HeadTemplate(root),
                            loaded_->breakers_of(by_index.size() - 1),
                            loaded_->keys_of(by_index.size() - 1)});
    }
    std::erase_if(peers, [](const auto& p) { return p.second.expired(); });
    const bool counts_load = by_load(config);
    for (const auto& route : config.routes) {
        RuntimeRoute runtime;
        runtime.route = &route;
        runtime.label = route.label();
        runtime.series = &shard.route(runtime.label);
        runtime.grouped = route.grouped();
        conditional_ = conditional_ || !route.when.empty();
        if (!is_glob(route.model)) known_models_.insert(route.model);
        const auto add = [&](const config::ChainEntry& entry, std::vector<RuntimeEntry>& to) {
            const auto& upstream = config.upstreams[entry.upstream];
            RuntimeEntry e;
            e.upstream = &upstream;
            e.entry = &entry;
            e.peer = by_index[entry.upstream];
            e.head = heads[entry.upstream];
            e.breakers = loaded_->breakers_of(entry.upstream);
            e.keys = loaded_->keys_of(entry.upstream);
            e.model = model_of(entry, upstream);
            if (counts_load)
                e.inflight = e.peer->load_of(upstream.name, e.model.value_or(std::string()));
            if (e.model) known_models_.insert(*e.model);
            to.push_back(std::move(e));
        };
        for (const auto& entry : route.chain) add(entry, runtime.entries);
        for (const auto& other : route.on) {
            auto& on = runtime.on.emplace_back();
            on.failure = other.failure;
            for (const auto& entry : other.chain) add(entry, on.entries);
        }
        if (route.hedge) {
            runtime.hedge_budget =
                &loaded_->hedge_budget(static_cast<std::size_t>(&route - config.routes.data()));
            runtime.learns_times = route.hedge->percentile.has_value();
            runtime.series->hedged = true;
        }
        for (const auto& entry : route.chain) {
            const bool timed = entry.order == config::GroupOrder::latency;
            runtime.learns_times = runtime.learns_times || timed;
        }
        declare(runtime);
        routes_.push_back(std::move(runtime));
    }
    for (const auto& route : routes_) adopt_known(route);
}

/// What was known of models that had no label so far.
void Runtime::adopt_known(const RuntimeRoute& route) const {
    const auto adopt_at = [&](const std::vector<RuntimeEntry>& entries) {
        for (const auto& entry : entries) {
            if (entry.model || entry.breakers == nullptr || entry.breakers->quiet()) continue;
            for (const auto& model : known_models_) {
                if (config::glob_match(route.route->model, model)) adopt(*entry.upstream, model);
            }
        }
    };
    adopt_at(route.entries);
    for (const auto& on : route.on) adopt_at(on.entries);
}

/// Makes the series of a route's chain, so that they are on the page with zeros from the start.
void Runtime::declare(RuntimeRoute& route) {
    for (std::size_t i = 0; i < route.entries.size(); ++i) {
        declare_attempts(route.entries[i]);
        for (const auto& on : route.on) {
            for (const auto& entry : on.entries) {
                if (i == 0) declare_attempts(entry);
            }
            shard_.failover(route.entries[i].upstream->name, on.entries.front().upstream->name,
                            static_cast<std::size_t>(on.failure));
        }
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
    if (entry.breakers == nullptr) return;
    entry.breakers->declare(model);
    shard_.breaker(entry.upstream->name, model);
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
    const bool news = answered && !is_label(upstream, model, false);
    const bool own = is_label(upstream, model, answered);
    if (own && news) adopt(upstream, model);
    last.series = &find_series(upstream, own ? model : "other", operation);
    last.operation = operation;
    last.model.assign(model);
    last.settled = own || answered;  // answered and still no label: there is no room any more
    last.generation = generation;
    return *last.series;
}

metrics::Counter& Runtime::failovers(std::string_view from, std::string_view to,
                                     wire::FailureClass why) {
    auto& last = last_failover_;
    const bool same = last.from == from.data() && last.to == to.data() && last.why == why;
    if (same && last.moves != nullptr) return *last.moves;
    auto& moves = shard_.failover(from, to, static_cast<std::size_t>(why));
    last = {from.data(), to.data(), why, &moves};
    return moves;
}

/// What its breaker knows of a model without a label stays known when it becomes one.
void Runtime::adopt(const config::Upstream& upstream, std::string_view model) const {
    const auto place = static_cast<std::size_t>(&upstream - config().upstreams.data());
    auto* const breakers = loaded_->breakers_of(place);
    if (breakers != nullptr && !breakers->quiet()) breakers->adopt(model, net::Clock::now());
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

template <class Find>
std::uint64_t Runtime::number_of(std::vector<LastNumber>& numbers, const config::Upstream& upstream,
                                 std::string_view model, Find find) {
    auto& last = numbers[static_cast<std::size_t>(&upstream - config().upstreams.data())];
    if (last.known && last.model == model) return last.number;
    last.number = find(config(), upstream, model);
    last.model.assign(model);
    last.known = true;
    return last.number;
}

std::uint64_t Runtime::context_window(const config::Upstream& upstream, std::string_view model) {
    if (upstream.context_window) return *upstream.context_window;
    return number_of(last_windows_, upstream, model, config::context_window);
}

std::uint64_t Runtime::max_output(const config::Upstream& upstream, std::string_view model) {
    return number_of(last_outputs_, upstream, model, config::max_output);
}

std::uint64_t Runtime::longest_answer(const config::Upstream& upstream, std::string_view model,
                                      const metrics::ModelPrice* price) {
    if (price != nullptr && price->max_output != 0) return price->max_output;
    const auto by_name = [](const auto& config, const auto& there, std::string_view name) {
        return config::longest_answer(config, there, name, nullptr);
    };
    return number_of(last_paid_outputs_, upstream, model, by_name);
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
