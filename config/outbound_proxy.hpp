// The proxy on the way to an upstream: as `upstreams[].proxy` names it, or as HTTPS_PROXY,
// HTTP_PROXY and NO_PROXY of the environment do. Pure. Nothing here repeats a URL in an error: it
// may hold a password.
#pragma once

#include "config/config.hpp"
#include "config/load.hpp"
#include "config/scalars.hpp"
#include "config/value.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace understudy::config {

/// `http://proxy:3128`, `http://user:pass@proxy:3128`; in the environment also `proxy:3128`, and,
/// for that is set for many programs, a word alone (`word_will_do`: at port 80).
Parsed<Proxy> parse_proxy(std::string_view text, bool word_will_do = false);

/// What the environment says about `url`: the variable that names a proxy for its scheme, if there
/// is one and NO_PROXY does not take `url` out. Never for loopback.
struct EnvironmentProxy {
    std::string variable;
    std::string value;
};
std::optional<EnvironmentProxy> proxy_in_environment(const BaseUrl& url, const Environment& env);

/// Whether a list as in NO_PROXY names `url`: hosts (with everything below them), `.suffix` and
/// `*.suffix` (only what is below), `host:port`, addresses, networks (`10.0.0.0/8`), `*`.
bool is_excepted(std::string_view list, const BaseUrl& url);

/// Gives every upstream that says nothing of its own the environment's proxy.
void take_environment_proxies(Context& context, Config& config);

}  // namespace understudy::config
