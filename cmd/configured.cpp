#include "cmd/configured.hpp"

#include <unistd.h>
#include <CLI/CLI.hpp>

#include <cstdio>
#include <cstdlib>
#include <string_view>

namespace understudy::cmd {

std::shared_ptr<ConfigOptions> add_config_options(CLI::App& app) {
    auto options = std::make_shared<ConfigOptions>();
    app.add_option("-c,--config", options->file,
                   "Configuration file; without it: $UNDERSTUDY_CONFIG, ./understudy.yaml, "
                   "$XDG_CONFIG_HOME/understudy/understudy.yaml, "
                   "/etc/understudy/understudy.yaml, API keys in the environment")
        ->type_name("FILE");
    app.add_option("--listen", options->overrides.listen,
                   "Listen here instead of where the configuration says; may be repeated")
        ->type_name("ADDR:PORT")
        ->expected(1)
        ->take_all();
    app.add_flag("--insecure", options->overrides.insecure,
                 "Allow addresses that other machines reach although no keys are configured");
    app.add_option("--profiles", options->overrides.profiles,
                   "Folder of OpenHands LLM profiles; each becomes an upstream named after it")
        ->type_name("DIR");
    app.add_option("--chain", options->overrides.chain,
                   "One route for every model instead of the configured ones, over upstreams, "
                   "profiles or providers by name, each also with /model")
        ->type_name("A,B/model,C")
        ->delimiter(',')
        ->expected(1)
        ->take_all();  // a comma makes several of one
    return options;
}

std::shared_ptr<const config::Config> load_or_explain(const ConfigOptions& options) {
    std::optional<std::string> file;
    if (!options.file.empty()) file = options.file;
    const auto loaded = config::load(file, config::process_environment(), options.overrides);
    if (!loaded.config) explain(loaded.problems);
    return loaded.config;
}

void explain(const std::vector<config::Problem>& problems) {
    const bool colour = wants_colour(STDERR_FILENO);
    for (const config::Problem& problem : problems) {
        std::fprintf(stderr, "%s%s%s\n", colour ? "\x1b[31m" : "", problem.text().c_str(),
                     colour ? "\x1b[0m" : "");
    }
    const std::size_t count = problems.size();
    std::fprintf(stderr, "%zu problem%s in the configuration\n", count, count == 1 ? "" : "s");
}

bool wants_colour(int descriptor) {
    const char* no_colour = std::getenv("NO_COLOR");
    const char* terminal = std::getenv("TERM");
    if (no_colour != nullptr && *no_colour != '\0') return false;
    if (terminal != nullptr && std::string_view(terminal) == "dumb") return false;
    return ::isatty(descriptor) == 1;
}

}  // namespace understudy::cmd
