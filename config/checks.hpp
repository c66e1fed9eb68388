// What can only be judged once the whole configuration is read: safety, contradictions between
// parts, and what is worth a warning.
#pragma once

#include "config/config.hpp"
#include "config/load.hpp"

#include <optional>
#include <string>
#include <vector>

namespace understudy::config {

/// Finds by path; the caller adds file, line and column.
struct Finding {
    std::string path;
    std::string message;
};

/// Contradictions: addresses used twice, an open door without keys.
std::vector<Finding> find_contradictions(const Config& config, const Overrides& overrides);

/// Upstreams that lead back to the daemon whose listeners are bound to these addresses: a
/// configured port 0 is known only then.
std::vector<Finding> find_loops(const Config& config, const std::vector<Endpoint>& listen,
                                const std::optional<Endpoint>& admin);

/// What works but probably is not meant.
std::vector<Finding> find_doubts(const Config& config, const Overrides& overrides);

}  // namespace understudy::config
