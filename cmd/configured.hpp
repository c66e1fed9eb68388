// What every subcommand that needs a configuration shares: the options, and how problems are shown.
#pragma once

#include "config/load.hpp"

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace understudy::cmd {

/// -c FILE, --listen ADDR:PORT, --insecure: filled by CLI11 when the command line is read.
struct ConfigOptions {
    std::string file;
    config::Overrides overrides;
};

/// Registers them on `app`; the result lives as long as the commands do.
std::shared_ptr<ConfigOptions> add_config_options(CLI::App& app);

/// Loads what the options say. Problems go to stderr, one a line, with a count at the end; null
/// then.
std::shared_ptr<const config::Config> load_or_explain(const ConfigOptions& options);

/// Problems to stderr, one a line, with a count at the end.
void explain(const std::vector<config::Problem>& problems);

/// Whether this stream (1 or 2) takes colours: a terminal, and neither NO_COLOR nor TERM=dumb.
bool wants_colour(int descriptor);

}  // namespace understudy::cmd
