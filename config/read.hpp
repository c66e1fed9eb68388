// One reader per part of product.md section 3. Each fills a struct that already holds its defaults
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
Breaker read_breaker(const Value& value, const Breaker& defaults);

/// read_upstream.cpp. Every element makes an upstream, even a broken one, so that indices in
/// problems and in the Config agree.
void read_upstreams(const Section& top, Config& config);

/// read_body.cpp
void read_headers(const Value& value, bool has_api_key, Upstream& upstream);
void read_body(const Value& value, wire::BodyRewrite& body);

/// read_route.cpp; the upstreams must have been read.
void read_routes(const Section& top, Config& config);
/// The route that stands where none is configured: every upstream in order, for every model.
Route default_route(const Config& config);

/// read_access.cpp
void read_keys(const Section& top, Config& config);

}  // namespace understudy::config
