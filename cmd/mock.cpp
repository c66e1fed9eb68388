// understudy mock: the simulated upstream by itself.
#include "cmd/commands.hpp"
#include "mock/faults.hpp"
#include "mock/server.hpp"
#include "mock/text.hpp"

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

#include <csignal>
#include <cstdio>
#include <fstream>
#include <memory>
#include <optional>
#include <sstream>
#include <stdexcept>
#include <string>

namespace understudy::cmd {
namespace {

struct Arguments {
    std::string listen = "127.0.0.1:8081";
    std::string script;
    std::string aws_key;
    bool quiet = false;
    bool no_log = false;
    mock::Options options;
};

constexpr std::size_t kNameColumn = 27;

std::string fault_help() {
    std::string text = "Model names and what they do:\n";
    for (const auto& fault : mock::fault_table()) {
        std::string name = "  " + std::string(fault.name);
        name.resize(std::max(name.size() + 1, kNameColumn), ' ');
        text += name + std::string(fault.what) + "\n";
    }
    return text + "\nWhat was received: GET /control/log. Format of a script: docs/mock.md\n";
}

std::string read_file(const std::string& path) {
    std::ifstream file(path);
    if (!file) throw std::invalid_argument("cannot read the script '" + path + "'");
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
}

/// "127.0.0.1:8081", "[::1]:8081", "localhost:8081", ":8081".
void set_listen(mock::Options& options, const std::string& listen) {
    const auto colon = listen.rfind(':');
    const auto port = colon == std::string::npos
                          ? std::nullopt
                          : mock::parse_number(std::string_view(listen).substr(colon + 1), 65535);
    if (!port) throw std::invalid_argument("--listen: expected ADDR:PORT, got '" + listen + "'");
    auto address = listen.substr(0, colon);
    if (address.starts_with('[') && address.ends_with(']'))
        address = address.substr(1, address.size() - 2);
    if (address.empty() || address == "localhost") address = "127.0.0.1";
    options.address = address;
    options.port = static_cast<std::uint16_t>(*port);
}

mock::AwsKey aws_key(const std::string& text) {
    const auto key = mock::AwsKey::parse(text);
    if (!key) throw std::invalid_argument("--aws-key: expected ID:SECRET or ID:SECRET:TOKEN");
    return *key;
}

int run_mock(Arguments& arguments) {
    // Blocked before any thread starts, so that only sigwait sees them.
    sigset_t ends;
    sigemptyset(&ends);
    sigaddset(&ends, SIGINT);
    sigaddset(&ends, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &ends, nullptr);
    try {
        set_listen(arguments.options, arguments.listen);
        arguments.options.log = !arguments.no_log;
        if (!arguments.aws_key.empty()) arguments.options.aws_key = aws_key(arguments.aws_key);
        if (!arguments.script.empty()) arguments.options.script = read_file(arguments.script);
        mock::Server server(arguments.options);
        server.start();
        if (!arguments.quiet) {
            std::printf("understudy mock: simulated upstream at %s (faults: --help)\n",
                        server.url().c_str());
            std::fflush(stdout);
        }
        int signal = 0;
        sigwait(&ends, &signal);
        server.stop();
        return kOk;
    } catch (const mock::BindError& error) {
        std::fprintf(stderr, "understudy mock: %s\n", error.what());
        return kCannotBind;
    } catch (const std::invalid_argument& error) {
        std::fprintf(stderr, "understudy mock: %s\n", error.what());
        return kUsage;
    }
}

}  // namespace

Run add_mock(CLI::App& app) {
    auto arguments = std::make_shared<Arguments>();
    auto& options = arguments->options;
    app.add_option("--listen", arguments->listen, "ADDR:PORT; port 0 lets the kernel choose")
        ->capture_default_str();
    app.add_option("--script", arguments->script, "rules for a chaos drill (docs/mock.md)");
    app.add_option("--tls-cert", options.tls_cert, "PEM certificate chain: speak HTTPS");
    app.add_option("--tls-key", options.tls_key, "PEM private key");
    app.add_option("--threads", options.threads, "worker threads")
        ->check(CLI::Range(1U, 64U))
        ->capture_default_str();
    app.add_option("--name", options.name, "system_fingerprint of its answers")
        ->capture_default_str();
    app.add_option(
        "--aws-key", arguments->aws_key,
        "ID:SECRET or ID:SECRET:TOKEN; requests at Bedrock's paths must be signed with it");
    app.add_flag("--no-log", arguments->no_log, "keep no log of requests (benches)");
    app.add_flag("--quiet", arguments->quiet, "print nothing");
    app.footer(fault_help());
    return [arguments] { return run_mock(*arguments); };
}

}  // namespace understudy::cmd
