#include "config/checks.hpp"

#include "config/address.hpp"
#include "config/glob.hpp"
#include "config/own_address.hpp"
#include "config/prices.hpp"
#include "config/text.hpp"

#include <algorithm>
#include <chrono>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace understudy::config {
namespace {

// A listener: the key that names it, and where it is.
using Door = std::pair<std::string, Endpoint>;

std::string at(std::string_view list, std::size_t index, std::string_view key = {}) {
    std::string path = std::string(list) + "[" + std::to_string(index) + "]";
    if (!key.empty()) path += "." + std::string(key);
    return path;
}

// Addresses that would let other machines in, with the setting they come from.
std::vector<Finding> open_doors(const Config& config, const Overrides& overrides) {
    std::vector<Finding> doors;
    if (!config.keys.empty()) return doors;
    const std::string listen = overrides.listen.empty() ? "listen" : "--listen";
    for (const Endpoint& endpoint : config.listen) {
        if (!endpoint.loopback()) doors.push_back({listen, endpoint.text()});
    }
    if (config.admin && !config.admin->loopback()) {
        doors.push_back({"admin", config.admin->text()});
    }
    return doors;
}

std::vector<Door> doors_of(const std::vector<Endpoint>& listen,
                           const std::optional<Endpoint>& admin) {
    std::vector<Door> doors;
    for (const Endpoint& endpoint : listen) doors.emplace_back("listen", endpoint);
    if (admin) doors.emplace_back("admin", *admin);
    return doors;
}

void check_admin(const Config& config, std::vector<Finding>& out) {
    if (!config.admin || config.admin->port == 0) return;
    const auto& listen = config.listen;
    if (std::find(listen.begin(), listen.end(), *config.admin) == listen.end()) return;
    out.push_back({"admin", "is the same address as `listen`; remove `admin` to serve both there"});
}

// A request that comes back to us starts over, until nothing is left to serve it with.
void check_loops(const Config& config, const std::vector<Door>& doors, std::vector<Finding>& out) {
    const std::set<std::string> own = own_addresses();
    for (std::size_t i = 0; i < config.upstreams.size(); ++i) {
        const Upstream& upstream = config.upstreams[i];
        for (const auto& [name, endpoint] : doors) {
            if (!leads_to(upstream.base_url, endpoint, own)) continue;
            out.push_back({at("upstreams", i, "base_url"),
                           "leads back to this daemon (`" + name + "` is " + endpoint.text() +
                               "), so a request would go round in circles; give the provider's "
                               "own address, or move `" +
                               name + "` to another port"});
            break;
        }
    }
}

// How many models an upstream is asked for, as far as the routes tell: 2 stands for "several".
std::size_t models_of(const Config& config, std::size_t index) {
    std::set<std::string> names;
    for (const Route& route : config.routes) {
        route.each_entry([&](const ChainEntry& entry) {
            if (entry.upstream != index) return;
            const std::string& name = entry.model ? *entry.model : route.model;
            names.insert(name);
            // Any number of them.
            if (name.find_first_of("*?") != std::string::npos) names.insert(name + '*');
        });
    }
    return names.size();
}

void doubt_flat_prices(const Config& config, std::vector<Finding>& out) {
    for (std::size_t i = 0; i < config.upstreams.size(); ++i) {
        if (!config.upstreams[i].price || models_of(config, i) < 2) continue;
        out.push_back({at("upstreams", i, "price"),
                       "is taken for every model that this upstream is asked for, and the routes "
                       "ask it for several; price them one by one: "
                       "price: { \"gpt-4o*\": { input: 2.50, output: 10.00 } }"});
    }
}

void doubt_transport(const Config& config, std::vector<Finding>& out) {
    for (std::size_t i = 0; i < config.upstreams.size(); ++i) {
        const Upstream& upstream = config.upstreams[i];
        const bool plain = !upstream.base_url.tls && !upstream.base_url.host.empty();
        if (plain && upstream.api_key && !is_loopback(upstream.base_url.host)) {
            out.push_back({at("upstreams", i, "base_url"),
                           "is http://, so the api_key crosses the network unencrypted; use "
                           "https:// unless that network is private"});
        }
    }
}

void doubt_unused_upstreams(const Config& config, std::vector<Finding>& out) {
    std::set<std::size_t> used;
    for (const Route& route : config.routes) {
        route.each_entry([&](const ChainEntry& entry) { used.insert(entry.upstream); });
    }
    for (std::size_t i = 0; i < config.upstreams.size(); ++i) {
        if (used.contains(i) || config.upstreams[i].name.empty()) continue;
        if (!config.upstreams[i].profile.empty()) continue;  // a store holds more than one chain
        out.push_back({at("upstreams", i), "no route uses the upstream " +
                                               in_quotes(config.upstreams[i].name) +
                                               "; add it to a chain or remove it"});
    }
}

void doubt_hidden_routes(const Config& config, std::vector<Finding>& out) {
    for (std::size_t later = 1; later < config.routes.size(); ++later) {
        for (std::size_t earlier = 0; earlier < later; ++earlier) {
            const std::string& wide = config.routes[earlier].model;
            const std::string& narrow = config.routes[later].model;
            if (!config.routes[earlier].when.empty()) continue;  // takes some of them only
            if (wide == narrow && config.routes[later].when.empty()) continue;  // an error already
            if (!glob_covers(wide, narrow)) continue;
            out.push_back({at("routes", later, "model"),
                           "never matches: " + in_quotes(wide) + " of routes[" +
                               std::to_string(earlier) +
                               "] comes first and takes every model that " + in_quotes(narrow) +
                               " names; put the narrower route first"});
            break;
        }
    }
}

// A glob of a key that no route takes anything of is a slip of the pen, or belongs to a route that
// has gone.
void doubt_routes_of_keys(const Config& config, std::vector<Finding>& out) {
    for (std::size_t i = 0; i < config.keys.size(); ++i) {
        const Key& key = config.keys[i];
        for (std::size_t j = 0; j < key.routes.size(); ++j) {
            const auto& glob = key.routes[j];
            const bool known =
                std::any_of(config.routes.begin(), config.routes.end(),
                            [&](const Route& route) { return globs_meet(route.model, glob); });
            if (known) continue;
            out.push_back({at("keys", i, "routes") + "[" + std::to_string(j) + "]",
                           "no route takes a model like " + in_quotes(glob) + ", which the key " +
                               in_quotes(key.name) +
                               " may ask for; these are globs over the models that clients ask "
                               "for, as in `routes[].model`"});
        }
    }
}

void doubt_prices(const Config& config, std::vector<Finding>& out) {
    std::set<std::pair<std::size_t, std::string>> told;
    for (const Route& route : config.routes) {
        route.each_entry([&](const ChainEntry& entry) {
            const Upstream& upstream = config.upstreams[entry.upstream];
            if (!entry.model || upstream.name.empty()) return;
            if (upstream.configured_price(*entry.model, *entry.model) != nullptr) return;
            if (config.prices->resolve(upstream.price_provider, *entry.model, *entry.model) !=
                nullptr) {
                return;
            }
            if (!told.emplace(entry.upstream, *entry.model).second) return;
            out.push_back({at("upstreams", entry.upstream),
                           "no price is known for the model " + in_quotes(*entry.model) + " at " +
                               in_quotes(upstream.name) +
                               ": its tokens are counted, its cost is not; set `price` there"});
        });
    }
}

void doubt_deadlines(const Config& config, std::vector<Finding>& out) {
    if (!config.routes_given) return;
    for (std::size_t i = 0; i < config.routes.size(); ++i) {
        const Route& route = config.routes[i];
        if (route.chain.size() < 2) continue;
        const Timeouts& first = config.upstreams[route.chain.front().upstream].timeouts;
        const Duration silent = std::min(first.first_token, first.total);
        if (silent < route.deadline) continue;
        out.push_back(
            {at("routes", i, "deadline"),
             "leaves no time for the second entry of the chain when the first one stays "
             "silent for its whole first_token timeout; raise it, or lower that timeout"});
    }
}

// What a key has spent is known after a restart as far as the ledger goes back.
void doubt_budgets(const Config& config, std::vector<Finding>& out) {
    constexpr std::chrono::hours kMonth{31 * 24}, kDay{24};
    for (std::size_t i = 0; i < config.keys.size(); ++i) {
        const KeyLimits& limits = config.keys[i].limits;
        if (!limits.money()) continue;
        if (!config.ledger) {
            out.push_back({at("keys", i, "limits"),
                           "has a budget, but `ledger` is off: it begins anew at each start"});
            continue;
        }
        const auto needed = limits.budget_usd_per_month ? kMonth : kDay;
        const auto keep = config.ledger->keep;
        if (keep.count() == 0 || keep >= needed) continue;
        out.push_back({at("keys", i, "limits"),
                       "has a budget for longer than `ledger.keep` goes back: after a restart the "
                       "older part of what was spent is forgotten; keep at least " +
                           std::string(limits.budget_usd_per_month ? "31d" : "24h")});
    }
}

}  // namespace

std::vector<Finding> find_contradictions(const Config& config, const Overrides& overrides) {
    std::vector<Finding> out;
    check_admin(config, out);
    check_loops(config, doors_of(config.listen, config.admin), out);
    if (overrides.insecure) return out;
    for (const Finding& door : open_doors(config, overrides)) {
        out.push_back({door.path,
                       door.message +
                           " can be reached from other machines and there are no `keys`, so anyone "
                           "could spend your money; add `keys`, listen on 127.0.0.1, or pass "
                           "--insecure if the network protects it"});
    }
    return out;
}

std::vector<Finding> find_loops(const Config& config, const std::vector<Endpoint>& listen,
                                const std::optional<Endpoint>& admin) {
    std::vector<Finding> out;
    check_loops(config, doors_of(listen, admin), out);
    return out;
}

std::vector<Finding> find_doubts(const Config& config, const Overrides& overrides) {
    std::vector<Finding> out;
    if (overrides.insecure) {
        for (const Finding& door : open_doors(config, overrides)) {
            out.push_back({door.path, door.message +
                                          " serves everyone who can reach it (--insecure, no "
                                          "`keys`)"});
        }
    }
    doubt_transport(config, out);
    doubt_unused_upstreams(config, out);
    doubt_hidden_routes(config, out);
    doubt_routes_of_keys(config, out);
    doubt_prices(config, out);
    doubt_flat_prices(config, out);
    doubt_deadlines(config, out);
    doubt_budgets(config, out);
    return out;
}

}  // namespace understudy::config
