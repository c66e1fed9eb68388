// One reader per part of docs/configuration.md. Each fills a struct that already holds its defaults
// and leaves problems behind; cross-references between parts are checked later (checks.hpp).
#pragma once

#include "config/config.hpp"
#include "config/value.hpp"

namespace understudy::config {

/// read_shared.cpp. The name of an upstream or a key, if it has a good one; the value, to say more
/// about it.
std::optional<Value> read_name(const Section& section, std::string_view expected,
                               std::string& name);
/// The secret of an upstream or a key; a problem and null where it cannot be one.
const std::string* read_credential(const Value& value, std::string_view if_empty);

/// read_server.cpp: everything that is not an upstream, a route or a key.
void read_server(const Section& top, Config& config);
void read_ledger(const Section& top, Config& config);
Breaker read_breaker(const Value& value, const Breaker& defaults);

/// read_upstream.cpp. Every element makes an upstream, even a broken one, so that indices in
/// problems and in the Config agree.
void read_upstreams(const Section& top, Config& config);

/// read_bedrock.cpp: its region; and, behind its keys of other forms, what follows from the rest.
void read_region(const Section& section, Upstream& upstream);
void read_bedrock(const Section& section, Upstream& upstream);

/// read_body.cpp
void read_headers(const Value& value, bool has_api_key, Upstream& upstream);
void read_body(const Value& value, wire::BodyRewrite& body);
/// Whether Understudy decides this header itself.
bool is_refused_header(std::string_view lower_name);
/// Why a header cannot have this value; "" it can.
std::string_view header_value_problem(std::string_view text);
/// Why a top-level member of the body cannot be changed; "" it can.
std::string_view reserved_member(std::string_view name);

/// read_price.cpp: `price`, for every model or by model.
void read_price(const Section& section, Upstream& upstream);

/// read_route.cpp; the upstreams must have been read.
void read_routes(const Section& top, Config& config);
/// The routes that stand where none is configured: one for each profile, by its name, and the
/// file's own upstreams in order, for every model.
std::vector<Route> default_routes(const Config& config);
/// One route for every model over these names, as given on the command line: upstreams, profiles,
/// upstream/model, presets and preset/model.
Route chain_route(Context& context, const std::vector<std::string>& names, Config& config);

/// read_access.cpp
void read_keys(const Section& top, Config& config);
/// cors and hosts.
void read_doors(const Section& top, Config& config);

}  // namespace understudy::config
