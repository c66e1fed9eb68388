// What the daemon says when it starts, or cannot: who is served with what, and what to do.
#pragma once

#include "config/config.hpp"

#include <string>

namespace understudy::cmd {

/// One line of the log for each upstream and each route, at level info.
void log_what_is_served(const config::Config& config);

/// Where clients point their base_url: `http://127.0.0.1:8080/v1`; loopback where it listens on
/// every address. Pure.
std::string client_base_url(const config::Endpoint& endpoint);

/// What to do about an address that cannot be bound, as a sentence; empty where nothing better
/// than the error is known. `code` is an errno. Pure.
std::string bind_advice(const std::string& endpoint, int code);

}  // namespace understudy::cmd
