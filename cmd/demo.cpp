// understudy demo: two simulated upstreams, the daemon in front, a tour, then serving until Ctrl-C.
#include "cmd/commands.hpp"
#include "cmd/demo/screen.hpp"
#include "cmd/demo/tour.hpp"
#include "config/load.hpp"
#include "mock/server.hpp"
#include "proxy/log.hpp"
#include "proxy/server.hpp"

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

#include <csignal>
#include <cstdio>
#include <memory>
#include <string>

namespace understudy::cmd {
namespace {

struct Arguments {
    bool once = false;
    bool config = false;
};

/// Blocked before any thread starts, so that only sigwait sees them.
sigset_t block_signals() {
    sigset_t ends;
    sigemptyset(&ends);
    sigaddset(&ends, SIGINT);
    sigaddset(&ends, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &ends, nullptr);
    return ends;
}

/// The example ports let the printed configuration run beside two `understudy mock`.
int print_config() {
    std::printf(
        "# The demo's configuration, with fixed ports. To run its parts by hand:\n"
        "#   understudy mock --listen 127.0.0.1:8081 &\n"
        "#   understudy mock --listen 127.0.0.1:8082 &\n"
        "#   understudy demo --config > understudy.yaml && understudy serve\n%s",
        demo::demo_config("127.0.0.1:8080", "http://127.0.0.1:8081", "http://127.0.0.1:8082")
            .c_str());
    return kOk;
}

mock::Options mock_options(const char* name) {
    mock::Options options;
    options.name = name;
    return options;
}

/// Sends the requests one by one; returns how many did not come out as promised.
std::size_t run_tour(std::uint16_t port, const demo::Screen& screen) {
    std::size_t wrong = 0;
    demo::Reading before;
    screen.title();
    for (const auto& step : demo::tour_steps()) {
        const auto answer = demo::ask(port, "/v1/chat/completions", demo::request_json(step));
        const auto result = demo::judge(step, answer);
        const auto now = demo::scrape_after(port, before.requests);
        demo::Reading used;
        used.tokens = now.tokens - before.tokens;
        used.cost_usd = now.cost_usd - before.cost_usd;
        screen.row(step, result, answer, used);
        if (!result.as_promised) ++wrong;
        before = now;
    }
    screen.summary(before, demo::tour_steps().size(), wrong);
    return wrong;
}

int run_demo(const Arguments& arguments) {
    if (arguments.config) return print_config();
    const sigset_t ends = block_signals();
    mock::Server primary(mock_options("fp_primary"));
    mock::Server backup(mock_options("fp_backup"));
    primary.start();
    backup.start();

    const auto yaml = demo::demo_config("127.0.0.1:0", primary.url(), backup.url());
    const auto loaded =
        config::load_text(yaml, "demo.yaml", config::process_environment(), config::Overrides());
    if (!loaded.config) {
        for (const auto& problem : loaded.problems)
            std::fprintf(stderr, "understudy demo: %s\n", problem.text().c_str());
        return kFailure;
    }
    // The tour tells itself what went wrong, on the same screen.
    auto quiet = loaded.config->log;
    quiet.level = config::LogLevel::off;
    proxy::init_log(quiet);
    proxy::Server daemon(loaded.config);
    daemon.start();
    const auto endpoint = daemon.listening().front();

    const demo::Screen screen(demo::colours_wanted());
    const std::size_t wrong = run_tour(endpoint.port, screen);
    if (!arguments.once) {
        proxy::init_log(loaded.config->log);
        screen.next_steps({"http://" + endpoint.text(), primary.url(), backup.url()});
        std::printf("Serving until Ctrl-C.\n");
        std::fflush(stdout);
        int signal = 0;
        sigwait(&ends, &signal);
    }
    daemon.stop();
    proxy::shutdown_log();
    return wrong == 0 ? kOk : kFailure;
}

int run_guarded(const Arguments& arguments) {
    try {
        return run_demo(arguments);
    } catch (const mock::BindError& error) {
        std::fprintf(stderr, "understudy demo: %s\n", error.what());
    } catch (const proxy::BindError& error) {
        std::fprintf(stderr, "understudy demo: cannot listen on %s: %s\n", error.endpoint.c_str(),
                     error.message.c_str());
    }
    return kCannotBind;
}

}  // namespace

Run add_demo(CLI::App& app) {
    auto arguments = std::make_shared<Arguments>();
    app.add_flag("--once", arguments->once,
                 "exit after the tour; 0 if every row came out as promised");
    app.add_flag("--config", arguments->config, "print the daemon's configuration and exit");
    return [arguments] { return run_guarded(*arguments); };
}

}  // namespace understudy::cmd
