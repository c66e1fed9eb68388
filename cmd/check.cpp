// `understudy check`: judges the configuration exactly as `serve` would load it.
#include "cmd/commands.hpp"
#include "cmd/configured.hpp"
#include "cmd/probe.hpp"
#include "config/describe.hpp"
#include "config/describe_presets.hpp"
#include "config/text.hpp"

#include <unistd.h>
#include <CLI/CLI.hpp>

#include <cstdio>
#include <memory>
#include <string>

namespace understudy::cmd {

namespace {

// Empty: it can be a model's name; else what is wrong with it.
std::string model_name(const std::string& text) {
    if (config::is_model_name(text)) return {};
    return config::in_quotes(text) +
           " cannot be a model's name: 1 to 256 printable ASCII characters without comma and "
           "semicolon";
}

}  // namespace

Run add_check(CLI::App& app) {
    const auto options = add_config_options(app);
    const auto probe = std::make_shared<bool>(false);
    auto* const flag =
        app.add_flag("--probe", *probe,
                     "Also ask every upstream: DNS, TCP, TLS, key, model, streaming, usage, time "
                     "to first token (costs a few tokens each); exit 1 if one is not usable");
    const auto model = std::make_shared<std::string>();
    app.add_option("-m,--model", *model,
                   "With --probe: the model that a client would ask for; without it, what the "
                   "configuration names, else one of the upstream's own list")
        ->type_name("NAME")
        ->check(model_name)
        ->needs(flag);
    const auto presets = std::make_shared<bool>(false);
    app.add_flag(
        "--presets", *presets,
        "List what `provider` can name, with base URL and key variable, and judge nothing");
    return [options, probe, model, presets] {
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
        return run_probe(*config, *model);
    };
}

}  // namespace understudy::cmd
