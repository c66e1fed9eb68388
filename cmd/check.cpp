// `understudy check`: judges the configuration exactly as `serve` would load it.
#include "cmd/commands.hpp"
#include "cmd/configured.hpp"
#include "cmd/probe.hpp"
#include "config/describe.hpp"
#include "config/describe_presets.hpp"

#include <unistd.h>
#include <CLI/CLI.hpp>

#include <cstdio>
#include <memory>

namespace understudy::cmd {

Run add_check(CLI::App& app) {
    const auto options = add_config_options(app);
    const auto probe = std::make_shared<bool>(false);
    app.add_flag("--probe", *probe,
                 "Also ask every upstream: DNS, TLS, key, model, streaming, usage, time to first "
                 "token (costs a few tokens each)");
    const auto presets = std::make_shared<bool>(false);
    app.add_flag(
        "--presets", *presets,
        "List what `provider` can name, with base URL and key variable, and judge nothing");
    return [options, probe, presets] {
        if (*presets) {
            std::fputs(config::describe_presets().c_str(), stdout);
            return kOk;
        }
        const auto config = load_or_explain(*options);
        if (!config) return kUsage;
        std::fputs(config::describe(*config, wants_colour(STDOUT_FILENO)).c_str(), stdout);
        if (!*probe) return kOk;
        std::fputs("\n", stdout);
        std::fflush(stdout);
        return run_probe(*config);
    };
}

}  // namespace understudy::cmd
