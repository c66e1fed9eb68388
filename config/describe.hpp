// A configuration in words, for `understudy check` and `understudy explain`. Names and addresses
// only: no key, no header value, no value put into a body.
#pragma once

#include "config/config.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace understudy::config {

/// What would run: listeners, upstreams, routes and chains, warnings. With `colour`, ANSI escapes.
std::string describe(const Config& config, bool colour);

/// What happens to a request for `model`: the chain, and for each entry what is sent where, with
/// which timeouts and at which price. nullopt when no route matches.
std::optional<std::string> explain(const Config& config, std::string_view model, bool colour);

/// What is known of a request from its body alone.
struct RequestSample {
    std::string model;
    wire::RequestContent content;
};

/// The same for one request: which routes do not take it and why, then the one that does. Header
/// conditions do not hold: a body has no headers.
std::optional<std::string> explain_request(const Config& config, const RequestSample& request,
                                           bool colour);

/// What a client is told by a 404, in words: `no route matches "x"; the routes are a*, b*`.
std::string no_route(const Config& config, std::string_view model);

}  // namespace understudy::config
