// `understudy profiles`: what the daemon makes of a store of OpenHands' LLM profiles.
#include "cmd/commands.hpp"
#include "cmd/configured.hpp"
#include "config/describe.hpp"
#include "config/profile_store.hpp"

#include <unistd.h>
#include <CLI/CLI.hpp>

#include <cstdio>
#include <memory>
#include <string>

namespace understudy::cmd {
namespace {

struct Options {
    std::string directory;
    std::string name;
};

std::string directory_of(const Options& options) {
    if (!options.directory.empty()) return options.directory;
    return config::default_profile_directory(config::process_environment());
}

int list(const Options& options) {
    const std::string directory = directory_of(options);
    const auto all = config::read_profiles(directory, config::process_environment());
    if (all.empty()) std::fprintf(stderr, "no profiles in %s\n", directory.c_str());
    for (const auto& stored : all) {
        if (!stored.reading.profile) {
            std::printf("%s  cannot be used: %s\n", stored.name.c_str(),
                        config::problem_text(stored).c_str());
            continue;
        }
        const config::Upstream& upstream = stored.reading.profile->upstream;
        std::printf("%s  %s at %s\n", stored.name.c_str(), upstream.model->c_str(),
                    upstream.base_url.text().c_str());
    }
    return kOk;
}

int show(const Options& options) {
    const std::string directory = directory_of(options);
    const auto env = config::process_environment();
    for (const auto& stored : config::read_profiles(directory, env)) {
        if (stored.name != options.name) continue;
        if (!stored.reading.profile) {
            std::fprintf(stderr, "%s\n", config::problem_text(stored).c_str());
            return kUsage;
        }
        config::Overrides only;
        only.profiles = directory;
        only.chain = {options.name};
        const auto loaded = config::load_overrides(env, only);
        if (!loaded.config) return kFailure;  // changed between the two looks
        const auto text =
            config::explain(*loaded.config, options.name, wants_colour(STDOUT_FILENO));
        std::fputs(text.value_or("").c_str(), stdout);
        for (const auto& note : stored.reading.profile->notes) {
            std::printf("note: %s %s\n", note.member.c_str(), note.message.c_str());
        }
        return kOk;
    }
    std::fprintf(stderr, "there is no profile %s in %s; `understudy profiles list` names them\n",
                 options.name.c_str(), directory.c_str());
    return kUsage;
}

}  // namespace

Run add_profiles(CLI::App& app) {
    const auto options = std::make_shared<Options>();
    app.require_subcommand(1);
    const auto add = [&](const char* name, const char* text) {
        auto* sub = app.add_subcommand(name, text);
        sub->add_option("--profiles", options->directory,
                        "The folder; without it $OH_PERSISTENCE_DIR/profiles, else "
                        "~/.openhands/profiles")
            ->type_name("DIR");
        return sub;
    };
    auto* lists = add("list", "Name every profile, its model and where it goes; or why not");
    auto* shows = add("show", "What is sent where for one profile; secrets are never shown");
    shows->add_option("name", options->name, "The profile")->type_name("NAME")->required();
    return [options, lists] { return lists->parsed() ? list(*options) : show(*options); };
}

}  // namespace understudy::cmd
