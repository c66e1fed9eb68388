// Chooses the subcommand. Everything else is in the file named after it.
#include "cmd/commands.hpp"
#include "config/text.hpp"
#include "understudy_version.hpp"

#include <openssl/crypto.h>
#include <CLI/CLI.hpp>
#include <boost/version.hpp>

#include <algorithm>
#include <array>
#include <cstdio>
#include <exception>
#include <string>
#include <string_view>
#include <vector>

namespace {

using namespace understudy::cmd;

struct Command {
    const char* name;
    const char* description;
    Run (*add)(CLI::App&);
};

constexpr std::array kCommands{
    Command{"serve", "Run the daemon", add_serve},
    Command{"check", "Validate the configuration as serve would load it", add_check},
    Command{"explain", "Show what a request for a model would go through", add_explain},
    Command{"profiles", "Read a store of OpenHands LLM profiles", add_profiles},
    Command{"usage", "Show what was used and what it cost, from the ledger", add_usage},
    Command{"key", "Make a key for a client, or the hash of one", add_key},
    Command{"demo", "See failover happen: two simulated upstreams and a tour of requests",
            add_demo},
    Command{"mock", "Run the simulated upstream by itself", add_mock},
    Command{"health", "Exit 0 if the daemon is ready", add_health},
};

std::string version() {
    return std::string("understudy ") + UNDERSTUDY_VERSION + " (commit " + UNDERSTUDY_COMMIT +
           ", " + UNDERSTUDY_BUILD_TYPE + ", " + UNDERSTUDY_COMPILER + ", Boost " +
           std::to_string(BOOST_VERSION / 100000) + '.' +
           std::to_string(BOOST_VERSION / 100 % 1000) + ", " +
           OpenSSL_version(OPENSSL_VERSION_STRING) + ")";
}

// A first word that is no command: CLI11 would only say that one is missing.
int unknown_command(const std::string& word) {
    std::vector<std::string_view> names;
    for (const auto& c : kCommands) names.push_back(c.name);
    std::fprintf(stderr,
                 "understudy: there is no command %s%s. Commands: %s. "
                 "`understudy --help` tells what they do.\n",
                 understudy::config::in_quotes(word).c_str(),
                 understudy::config::suggestion(word, names).c_str(),
                 understudy::config::one_of(names).c_str());
    return kUsage;
}

bool is_command(std::string_view word) {
    return std::any_of(kCommands.begin(), kCommands.end(),
                       [&](const Command& c) { return word == c.name; });
}

}  // namespace

int main(int argc, char** argv) {
    if (argc > 1 && argv[1][0] != '-' && !is_command(argv[1])) return unknown_command(argv[1]);
    CLI::App app("Understudy: one base_url for LLM clients that does not go down.");
    app.set_version_flag("--version", version());
    app.require_subcommand(1);
    app.failure_message(CLI::FailureMessage::help);
    std::vector<std::pair<CLI::App*, Run>> commands;
    for (const auto& c : kCommands) {
        auto* sub = app.add_subcommand(c.name, c.description);
        commands.emplace_back(sub, c.add(*sub));
    }
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& e) {
        const int code = app.exit(e);
        return code == 0 ? kOk : kUsage;
    }
    try {
        for (const auto& [sub, run] : commands) {
            if (sub->parsed()) return run();
        }
    } catch (const std::exception& e) {
        std::fprintf(stderr, "understudy: %s\n", e.what());
        return kFailure;
    }
    return kUsage;
}
