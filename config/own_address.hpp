// Whether a base URL leads back to the daemon itself: the mistake that makes one request many.
#pragma once

#include "config/config.hpp"

#include <set>
#include <string>

namespace understudy::config {

/// The names and numeric addresses of this machine, as far as it can tell: its host name and the
/// addresses of its interfaces. Asks the kernel, no name server.
std::set<std::string> own_addresses();

/// Whether a connection to `url` reaches a listener at `endpoint`, given this machine's `own`
/// names and addresses. Pure. Port 0 is unknown and reaches nothing.
bool leads_to(const BaseUrl& url, const Endpoint& endpoint, const std::set<std::string>& own);

}  // namespace understudy::config
