// understudy serve: run the daemon until a signal ends it.
#include "cmd/announce.hpp"
#include "cmd/commands.hpp"
#include "cmd/configured.hpp"
#include "cmd/unused_pages.hpp"
#include "cmd/upgrade.hpp"
#include "cmd/watch.hpp"
#include "config/checks.hpp"
#include "config/load.hpp"
#include "proxy/log.hpp"
#include "proxy/server.hpp"
#include "understudy_version.hpp"

#include <CLI/CLI.hpp>

#include <fcntl.h>
#include <malloc.h>
#include <sys/resource.h>
#include <unistd.h>
#include <algorithm>
#include <atomic>
#include <climits>
#include <csignal>
#include <cstdio>
#include <ctime>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace understudy::cmd {

namespace {

using config::LogLevel;

// A change is read at the latest after so many looks, even if every look finds another one.
constexpr unsigned kMostUnsettledRounds = 3;

// Signals are taken by the main thread only; workers are started with all of them blocked.
sigset_t block_signals() {
    sigset_t set;
    sigemptyset(&set);
    for (const int signal : {SIGTERM, SIGINT, SIGHUP, SIGUSR2}) sigaddset(&set, signal);
    pthread_sigmask(SIG_BLOCK, &set, nullptr);
    std::signal(SIGPIPE, SIG_IGN);
    return set;
}

// Every client needs a descriptor and so does its upstream; take what the system allows.
void raise_descriptor_limit() {
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == limit.rlim_max) return;
    limit.rlim_cur = limit.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &limit);
}

// Before there is a second thread, whose heap would be one of its own.
void tune_heap() {
    // An arena per thread grows by an mprotect for every few pages (seen with glibc 2.36): 4 % of
    // what a new connection cost. Workers hardly meet in the common one: a request's two
    // allocations are small and come from the thread's own cache; the buffers of a new connection
    // do not.
    ::mallopt(M_ARENA_MAX, 1);
    ::mallopt(M_MMAP_THRESHOLD, 256 * 1024);  // a megabyte-sized buffer is unmapped when freed
    // What one burst of connections has freed is there for the next; when all is quiet
    // Server::release_memory gives it back.
    ::mallopt(M_TRIM_THRESHOLD, 8 << 20);
    ::mallopt(M_TOP_PAD, 256 * 1024);
}

// The kernel doubles a process's table of descriptors when it is full, and where there are threads
// it waits for all processors to have noticed (expand_fdtable): the worker that accepts, and with
// it every stream it serves, stands still for 10 to 20 ms. So the table gets its size beforehand,
// while there is one thread or in the one that has nothing to serve. Costs 8 bytes per descriptor.
void reserve_descriptors(const config::Limits& limits) {
    constexpr rlim_t kOthers = 64;  // event loops, listeners, files
    rlimit allowed{};
    if (::getrlimit(RLIMIT_NOFILE, &allowed) != 0) return;
    const rlim_t wanted = 2 * limits.connections + kOthers;  // each client and its upstream
    const int last = static_cast<int>(std::min<rlim_t>({wanted, allowed.rlim_cur, INT_MAX})) - 1;
    const int made = ::fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, last);
    if (made >= 0) ::close(made);
}

// A line for people and scripts: plain text, unless the log is JSON; then that too is JSON.
void tell(LogLevel level, std::string_view event, const std::string& message) {
    if (proxy::log_is_json()) {
        proxy::log_always(level, event, {{"message", message}});
    } else {
        std::fprintf(stderr, "%s\n", message.c_str());
    }
}

class Daemon {
  public:
    Daemon(ConfigOptions options, std::shared_ptr<const config::Config> config, sigset_t signals)
        : options_(std::move(options)),
          config_(std::move(config)),
          signals_(signals),
          server_(std::make_unique<proxy::Server>(config_)),
          sources_(*config_) {}

    int run() {
        try {
            server_->start(proxy::InheritedListeners::from_environment());
        } catch (const proxy::BindError& e) {
            const std::string advice = bind_advice(e.endpoint, e.code);
            tell(LogLevel::error, "failed",
                 "understudy: cannot listen on " + e.endpoint + ": " + e.message +
                     (advice.empty() ? "" : "; " + advice));
            return kCannotBind;
        }
        announce();
        Upgrade::tell_ready();
        forget_unused_pages();
        for (;;) {
            const int signal = next_signal();
            if (signal == SIGTERM || signal == SIGINT) {
                call_off_upgrade();
                server_->start_drain();  // who reads the line below may count on it
                return drain("draining", true);
            }
            if (signal == SIGUSR2) begin_upgrade();
            if (upgrade_.under_way() && upgraded()) {
                server_->hand_over();
                return drain("handed over", false);
            }
            if (signal < 0 && upgrade_.under_way()) continue;
            if (signal == SIGHUP || sources_changed()) reload();
            if (server_->release_memory()) forget_unused_pages();
        }
    }

  private:
    // A signal, or -1 when none has come for a second; sooner while an upgrade is waited for.
    int next_signal() {
        const timespec second{1, 0};
        const timespec moment{0, 20'000'000};
        return ::sigtimedwait(&signals_, nullptr, upgrade_.under_way() ? &moment : &second);
    }

    void begin_upgrade() {
        const auto problem = upgrade_.begin(server_->listening_sockets());
        if (!problem.empty()) {
            proxy::log(LogLevel::error, "upgrade", {{"result", "refused"}, {"message", problem}});
            return;
        }
        proxy::log(LogLevel::info, "upgrade",
                   {{"result", "begun"}, {"pid", static_cast<std::uint64_t>(upgrade_.child())}});
    }

    void call_off_upgrade() {
        if (!upgrade_.under_way()) return;
        proxy::log(LogLevel::warn, "upgrade",
                   {{"result", "called off"},
                    {"message", "this process was told to end before the new one had taken over"}});
        upgrade_.call_off();
    }

    // The new program serves: this one can go.
    bool upgraded() {
        const auto state = upgrade_.look();
        if (state == Upgrade::State::failed) {
            proxy::log(LogLevel::error, "upgrade",
                       {{"result", "failed"},
                        {"message", "the new program did not start; this one goes on serving"}});
        }
        return state == Upgrade::State::serving;
    }

    void announce() const {
        for (const auto& warning : config_->warnings) {
            proxy::log(LogLevel::warn, "warning", {{"message", warning}});
        }
        proxy::log(LogLevel::info, "started",
                   {{"version", UNDERSTUDY_VERSION},
                    {"commit", UNDERSTUDY_COMMIT},
                    {"config", config_->source_text()},
                    {"workers", static_cast<std::uint64_t>(server_->workers())}});
        log_what_is_served(*config_);
        for (const auto& e : server_->listening()) {
            proxy::log(LogLevel::info, "clients", {{"base_url", client_base_url(e)}});
        }
        proxy::flush_log();  // who waits for the lines below has read the warnings above
        // Whatever the level: scripts and people wait for them.
        for (const auto& e : server_->listening()) {
            tell(LogLevel::info, "listening", "listening on http://" + e.text());
        }
        for (const auto& e : server_->admin_listening()) {
            tell(LogLevel::info, "listening", "admin on http://" + e.text());
        }
        std::fflush(stderr);
        proxy::flush_log();
    }

    bool sources_changed() {
        const SourceState now(*config_);
        const bool file_gone = sources_.file.exists() && !now.file.exists();
        if (file_gone || now == sources_) {
            changed_.reset();
            unsettled_ = 0;
            return false;
        }
        // Wait until it has been the same for one round: it may still be being written. But not
        // for ever: a program may rewrite a profile more often than this looks.
        const bool settled = changed_ && *changed_ == now;
        if (!settled && ++unsettled_ <= kMostUnsettledRounds) {
            changed_ = now;
            return false;
        }
        changed_.reset();
        unsettled_ = 0;
        return true;
    }

    // A profile that is served and has become unusable: the good version stays, as a good file
    // does.
    void keep_profiles(config::Loaded& loaded) const {
        if (!loaded.config) return;
        for (const auto& broken : loaded.config->unusable_profiles) {
            const auto serves = [&](const config::Upstream& upstream) {
                return !upstream.profile.empty() && upstream.name == broken.name;
            };
            const auto& mine = config_->upstreams;
            if (std::none_of(mine.begin(), mine.end(), serves)) continue;
            loaded.problems.push_back({config_->source, 0, 0, "profiles",
                                       "a profile in use cannot be read any more: " + broken.why});
        }
        if (!loaded.problems.empty()) loaded.config = nullptr;
    }

    void reload() {
        sources_ = SourceState(*config_);
        std::optional<std::string> path;
        if (!options_.file.empty()) path = options_.file;
        auto loaded = config::load(path, config::process_environment(), options_.overrides);
        keep_profiles(loaded);
        if (loaded.config && exposes(*loaded.config)) {
            loaded.problems.push_back(
                {config_->source, 0, 0, "keys",
                 "the listener is open to other machines and cannot change "
                 "while running, so keys cannot be removed; restart instead"});
        } else if (loaded.config && !leads_back(loaded)) {
            try {
                reserve_descriptors(loaded.config->limits);
                const auto fixed = server_->reload(loaded.config);
                for (const auto& name : fixed) {
                    proxy::log(LogLevel::warn, "reload",
                               {{"message", name + " changed; that needs a restart"}});
                }
                config_ = std::move(loaded.config);
                proxy::init_log(config_->log);
                proxy::log(LogLevel::info, "reload",
                           {{"result", "ok"}, {"config", config_->source}});
                return;
            } catch (const std::exception& e) {
                loaded.problems.push_back({config_->source, 0, 0, "", e.what()});
            }
        }
        server_->count_failed_reload();
        for (const auto& problem : loaded.problems) {
            proxy::log(
                LogLevel::error, "reload",
                {{"result", "refused, the old configuration stays"}, {"message", problem.text()}});
        }
    }

    // Ports that were left to the kernel are known now.
    bool leads_back(config::Loaded& loaded) const {
        const auto admin = server_->admin_listening();
        const auto loops =
            config::find_loops(*loaded.config, server_->listening(),
                               admin.empty() ? std::nullopt : std::optional(admin.front()));
        for (const auto& loop : loops) {
            loaded.problems.push_back({loaded.config->source, 0, 0, loop.path, loop.message});
        }
        return !loops.empty();
    }

    // A reload must not leave an open door: listeners stay as they were bound.
    bool exposes(const config::Config& next) const {
        if (!next.keys.empty() || config_->keys.empty() || options_.overrides.insecure)
            return false;
        for (const auto& e : server_->listening()) {
            if (!e.loopback()) return true;
        }
        return false;
    }

    // Waits for what is under way, and ends. `signalled`: because a signal said so, so that the
    // next one cuts it short.
    int drain(std::string_view why, bool signalled) {
        proxy::log(LogLevel::info, "draining",
                   {{"why", std::string(why)},
                    {"limit_ms", static_cast<std::uint64_t>(config_->drain.count())}});
        bool done = false;
        std::thread drainer([&] {
            done = server_->drain(config_->drain);
            finished_ = true;
        });
        while (!finished_) {
            const timespec moment{0, 20'000'000};
            const int signal = ::sigtimedwait(&signals_, nullptr, &moment);
            if (signal != SIGTERM && signal != SIGINT) continue;
            if (std::exchange(signalled, true)) {
                proxy::log(LogLevel::warn, "stopped", {{"reason", "second signal"}});
                proxy::flush_log();
                std::_Exit(kFailure);  // at once: running answers are cut
            }
            server_->start_drain();  // what is idle need not be waited for any more
        }
        drainer.join();
        server_->stop();
        proxy::log(LogLevel::info, "stopped", {{"drained", done ? "all" : "limit reached"}});
        return kOk;
    }

    ConfigOptions options_;
    std::shared_ptr<const config::Config> config_;
    sigset_t signals_;
    Upgrade upgrade_;
    std::unique_ptr<proxy::Server> server_;
    SourceState sources_;  // as they were when they were last read
    std::optional<SourceState> changed_;
    unsigned unsettled_ = 0;  // rounds in a row that saw another state
    std::atomic<bool> finished_{false};
};

int serve(const ConfigOptions& options) {
    tune_heap();
    const auto signals = block_signals();
    auto config = load_or_explain(options);
    if (!config) return kUsage;
    raise_descriptor_limit();
    reserve_descriptors(config->limits);
    proxy::init_log(config->log);
    int code = kFailure;
    try {
        Daemon daemon(options, std::move(config), signals);
        code = daemon.run();
    } catch (const std::exception& e) {
        tell(LogLevel::error, "failed", std::string("understudy: ") + e.what());
    }
    // Nobody may be reading stderr any more; that must not keep the process alive.
    if (!proxy::flush_log()) std::_Exit(code);
    proxy::shutdown_log();
    return code;
}

}  // namespace

Run add_serve(CLI::App& app) {
    const auto options = add_config_options(app);
    return [options] { return serve(*options); };
}

}  // namespace understudy::cmd
