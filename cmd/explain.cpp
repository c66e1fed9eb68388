// `understudy explain`: what would happen to a request for one model.
#include "cmd/commands.hpp"
#include "cmd/configured.hpp"
#include "config/describe.hpp"

#include <unistd.h>
#include <CLI/CLI.hpp>

#include <cstdio>
#include <memory>
#include <string>

namespace understudy::cmd {

Run add_explain(CLI::App& app) {
    const auto options = add_config_options(app);
    const auto model = std::make_shared<std::string>();
    app.add_option("-m,--model", *model, "The model that the client asks for")
        ->type_name("NAME")
        ->required();
    return [options, model] {
        const auto config = load_or_explain(*options);
        if (!config) return kUsage;
        const auto text = config::explain(*config, *model, wants_colour(STDOUT_FILENO));
        if (!text) {
            std::fprintf(stderr, "%s\n", config::no_route(*config, *model).c_str());
            return kUsage;
        }
        std::fputs(text->c_str(), stdout);
        return kOk;
    };
}

}  // namespace understudy::cmd
