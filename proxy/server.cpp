#include "proxy/server.hpp"

#include "config/load.hpp"
#include "metrics/process.hpp"
#include "metrics/series.hpp"
#include "net/shortage.hpp"
#include "proxy/follow_limits.hpp"
#include "proxy/listen.hpp"
#include "proxy/open_ledger.hpp"
#include "proxy/seed.hpp"
#include "proxy/seed_limits.hpp"
#include "proxy/worker.hpp"
#include "understudy_version.hpp"
#include "wire/failure.hpp"

#include <boost/asio/post.hpp>

#include <fcntl.h>
#include <malloc.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>
#include <algorithm>
#include <mutex>
#include <optional>
#include <thread>

namespace understudy::proxy {

namespace {
constexpr std::chrono::milliseconds kDrainPoll{5};
constexpr std::chrono::milliseconds kSilentAfterHandOver{1000};
constexpr std::chrono::milliseconds kGrace{1000};
constexpr unsigned kTrimSeconds = 5;
constexpr std::size_t kManySessions = 256;         // connections whose going is worth a look
constexpr std::size_t kWorthTrimming = 32 * 1024;  // bytes freed
constexpr std::size_t kPassingDescriptors = 4;     // lookups, files that are read now and then

// Clients that there are descriptors for, with an upstream each: every request that is let in finds
// one. What is open already are listeners, event loops, the ledger and standard streams.
std::size_t descriptor_share(std::size_t workers) {
    rlimit descriptors{};
    if (::getrlimit(RLIMIT_NOFILE, &descriptors) != 0 || descriptors.rlim_cur == RLIM_INFINITY)
        return SIZE_MAX;
    constexpr std::size_t kUsuallyOpen = 8;
    const auto open = metrics::read_process_stats().open_fds.value_or(kUsuallyOpen);
    std::size_t own = open + kPassingDescriptors + net::kLastDescriptors;
    // A worker lets somebody in while another one looks for an idle connection to close for it; as
    // many as there are places in reserve may be in vain.
    if (workers > 1) own += 2 * Shared::kReservePlaces;
    const std::size_t all = descriptors.rlim_cur;
    return std::max<std::size_t>((all - std::min(all, own)) / 2, 1);
}

std::size_t bytes_in_use() {
    const auto heap = ::mallinfo2();
    return heap.uordblks + heap.hblkhd;
}

std::string place_of(const config::Config& config) {
    return config.ledger ? config.ledger->path : std::string();
}

// A second daemon on the same port would silently share it (SO_REUSEPORT), so ask first.
void ensure_free(const config::Endpoint& endpoint) {
    if (endpoint.port == 0) return;
    boost::asio::io_context io;
    net::error_code ec;
    const auto address = boost::asio::ip::make_address(endpoint.address, ec);
    boost::asio::ip::tcp::acceptor probe(io);
    probe.open(address.is_v6() ? boost::asio::ip::tcp::v6() : boost::asio::ip::tcp::v4(), ec);
    probe.set_option(boost::asio::socket_base::reuse_address(true), ec);
    probe.bind({address, endpoint.port}, ec);
    if (ec) throw BindError{endpoint.text(), "bind: " + net::describe(ec), ec.value()};
}

bool shares_port(int socket) {
    int on = 0;
    socklen_t size = sizeof on;
    return ::getsockopt(socket, SOL_SOCKET, SO_REUSEPORT, &on, &size) == 0 && on != 0;
}
}  // namespace

struct Server::Impl {
    explicit Impl(std::shared_ptr<const config::Config> c)
        : config(std::move(c)),
          workers_wanted(config->workers != 0 ? config->workers : config::auto_workers()),
          registry(workers_wanted + (config->admin ? 1 : 0) + 1, wire::kFailureClassNames,
                   {UNDERSTUDY_VERSION, UNDERSTUDY_COMMIT}),
          shared(config->limits.memory_bytes, registry) {}

    void open_doors(InheritedListeners& inherited);
    void open_listeners(std::vector<std::vector<int>>& inherited);
    void add_admin(std::vector<int>& sockets);
    void listen(Worker& worker, config::Endpoint& endpoint, Role role, std::vector<int>& inherited);
    void begin_ledger(std::size_t mailboxes);
    bool release_memory();

    void use(const std::shared_ptr<const LoadedConfig>& next);
    void count_when_taken();

    std::shared_ptr<const config::Config> config;
    std::shared_ptr<const LoadedConfig> loaded;
    std::size_t workers_wanted;
    metrics::Registry registry;
    LimitsFollower limits_follower;  // before the ledger, whose thread calls it
    Shared shared;
    std::vector<std::unique_ptr<Worker>> workers;  // the last one serves `admin`, if there is one
    std::vector<std::thread> threads;
    std::vector<config::Endpoint> bound, bound_admin;
    std::vector<ListeningSocket> doors;
    pid_t predecessor = 0;  // that this process takes over from
    std::mutex mutex;
    bool stopped = false;
    // When release_memory() last looked.
    struct Memory {
        unsigned seconds = 0;
        std::size_t most_sessions = 0;  // seen since then
        unsigned rounds_to_go = 0;      // of trimming after most sessions have gone
        std::size_t trimmed_at = 0;     // Shared::started,
        std::size_t in_use = 0;         // and the bytes the program held of its heap
    } memory;
};

Server::Server(std::shared_ptr<const config::Config> config)
    : impl_(std::make_unique<Impl>(std::move(config))) {}

Server::~Server() {
    stop();
}

// One more listener for this worker: the next inherited one, else one of its own.
void Server::Impl::listen(Worker& worker, config::Endpoint& endpoint, Role role,
                          std::vector<int>& inherited) {
    int descriptor = -1;
    if (!inherited.empty()) {
        descriptor = inherited.back();
        inherited.pop_back();
    }
    auto acceptor = descriptor >= 0 ? adopt_listener(worker.io(), descriptor, endpoint)
                                    : listen_on(worker.io(), endpoint);
    const auto door =
        role == Role::admin ? ListeningSocket::Door::admin : ListeningSocket::Door::clients;
    doors.push_back({acceptor.native_handle(), door});
    worker.add_listener(std::move(acceptor), role);
}

void Server::Impl::open_doors(InheritedListeners& inherited) {
    std::vector<InheritedListeners::Wanted> wanted;
    for (const auto& endpoint : config->listen) {
        wanted.push_back({endpoint, ListeningSocket::Door::clients});
    }
    if (config->admin) wanted.push_back({*config->admin, ListeningSocket::Door::admin});
    auto taken = inherited.take(wanted);
    open_listeners(taken);
    if (config->admin) add_admin(taken.back());
}

// `inherited`: for each address.
void Server::Impl::open_listeners(std::vector<std::vector<int>>& inherited) {
    const auto role = config->admin ? Role::proxy : Role::everything;
    for (std::size_t at = 0; at < config->listen.size(); ++at) {
        auto endpoint = config->listen[at];
        auto& sockets = inherited[at];
        // A socket of systemd may not be shared by address: then all workers share the socket.
        const bool shared_socket = !sockets.empty() && !shares_port(sockets.front());
        while (shared_socket && sockets.size() < workers_wanted) {
            sockets.push_back(::fcntl(sockets.front(), F_DUPFD_CLOEXEC, 0));
        }
        if (sockets.empty()) ensure_free(endpoint);
        for (std::size_t i = 0; i < workers_wanted; ++i) {
            listen(*workers[i], endpoint, role, sockets);
        }
        // More than there are workers now: each has a queue of its own, which must be served.
        for (std::size_t i = 0; !sockets.empty(); ++i) {
            listen(*workers[i % workers_wanted], endpoint, role, sockets);
        }
        bound.push_back(endpoint);
    }
}

void Server::Impl::add_admin(std::vector<int>& sockets) {
    auto endpoint = *config->admin;
    if (sockets.empty()) ensure_free(endpoint);
    do {
        listen(*workers.back(), endpoint, Role::admin, sockets);
    } while (!sockets.empty());
    bound_admin.push_back(endpoint);
}

const std::vector<ListeningSocket>& Server::listening_sockets() const {
    return impl_->doors;
}

void Server::Impl::begin_ledger(std::size_t mailboxes) {
    // A shard for the ledger's thread, which alone writes there.
    const auto grown = [config = config, &shard = registry.shard(mailboxes)](auto counters) {
        seed(counters, *config, shard);
    };
    if (config->ledger) limits_follower.read_from(config->ledger->path);
    shared.ledger = open_ledger(*config, mailboxes, shared.budget, grown, limits_follower,
                                [pid = predecessor] { return pid > 0 && ::getppid() == pid; });
    if (!shared.ledger) return;
    registry.set_ledger([this] {
        const auto health = shared.ledger->health();
        return metrics::LedgerFigures{health.up, health.rows_written, health.rows_lost,
                                      health.waiting_bytes};
    });
}

void Server::start(InheritedListeners inherited) {
    auto& impl = *impl_;
    const auto loaded = std::make_shared<const LoadedConfig>(impl.config);
    const std::size_t count = impl.workers_wanted + (impl.config->admin ? 1 : 0);
    impl.predecessor = inherited.predecessor();
    impl.begin_ledger(count);
    seed_limits(*loaded, impl.shared.ledger.get());
    for (std::size_t i = 0; i < count; ++i) {
        impl.workers.push_back(std::make_unique<Worker>(i, impl.shared, impl.registry.shard(i)));
        impl.shared.workers.push_back(impl.workers.back().get());
    }
    impl.use(loaded);
    impl.open_doors(inherited);
    impl.shared.descriptor_share = descriptor_share(impl.workers_wanted);
    ::malloc_trim(0);  // what reading the configuration and the price table has left behind
    for (auto& worker : impl.workers) {
        impl.threads.emplace_back([w = worker.get()] { w->run(); });
    }
}

void Server::Impl::use(const std::shared_ptr<const LoadedConfig>& next) {
    shared.retry_budget.use(next->config().retry_budget);
    for (auto& worker : workers) worker->use(next);
    registry.set_states(next);
    limits_follower.use(next);
    loaded = next;
}

// A reload is counted when the last worker has it: who has seen the count meets nobody who serves
// by the configuration before. What is posted to a worker comes behind that.
void Server::Impl::count_when_taken() {
    const std::shared_ptr<void> taken(nullptr, [this](void*) { registry.count_reload(true); });
    for (auto& worker : workers) boost::asio::post(worker->io(), [taken] {});
}

std::size_t Server::workers() const {
    return impl_->workers_wanted;
}
std::vector<config::Endpoint> Server::listening() const {
    return impl_->bound;
}
std::vector<config::Endpoint> Server::admin_listening() const {
    return impl_->bound_admin;
}
metrics::Registry& Server::metrics() {
    return impl_->registry;
}

std::vector<std::string> Server::reload(std::shared_ptr<const config::Config> config) {
    auto& impl = *impl_;
    const std::lock_guard lock(impl.mutex);
    const auto loaded = std::make_shared<const LoadedConfig>(config, impl.loaded.get());
    seed_limits(*loaded, impl.shared.ledger.get());
    std::vector<std::string> fixed;
    if (config->listen != impl.config->listen) fixed.emplace_back("listen");
    if (config->admin != impl.config->admin) fixed.emplace_back("admin");
    if (config->workers != impl.config->workers) fixed.emplace_back("workers");
    if (place_of(*config) != place_of(*impl.config)) fixed.emplace_back("ledger");
    if (impl.shared.ledger && config->ledger) impl.shared.ledger->keep(config->ledger->keep);
    impl.shared.budget.set_limit(config->limits.memory_bytes);
    impl.use(loaded);
    impl.config = std::move(config);
    impl.count_when_taken();
    return fixed;
}

void Server::count_failed_reload() {
    impl_->registry.count_reload(false);
}

bool Server::release_memory() {
    auto& impl = *impl_;
    auto& memory = impl.memory;
    memory.most_sessions = std::max(memory.most_sessions, impl.shared.sessions.load());
    return ++memory.seconds % kTrimSeconds == 0 && impl.release_memory();
}

bool Server::Impl::release_memory() {
    const bool quiet = shared.inflight.load() == 0;
    shared.budget.free_kept(quiet);
    // Pages under a load would be asked for again at once, unless most of the load has gone. What
    // the workers give back then is trimmed the time after.
    const auto sessions = shared.sessions.load();
    if (memory.most_sessions >= kManySessions && sessions <= memory.most_sessions / 2) {
        memory.rounds_to_go = 2;
    }
    memory.most_sessions = sessions;
    const bool mostly_gone = memory.rounds_to_go > 0;
    if (mostly_gone) --memory.rounds_to_go;
    if (!quiet && !mostly_gone) return false;
    // Trimming walks the heap, so only after something was freed: by new connections, or by pooled
    // ones that age out long after their load has ended.
    const auto started = shared.started.load(std::memory_order_relaxed);
    const auto in_use = bytes_in_use();
    const bool freed = started != memory.trimmed_at || in_use + kWorthTrimming < memory.in_use;
    memory.trimmed_at = started;
    memory.in_use = in_use;
    if (!freed && !mostly_gone) return false;
    // What the workers give back now is trimmed next time: then it is less that is in use.
    for (auto& worker : workers) worker->shrink();
    ::malloc_trim(0);
    return mostly_gone;
}

void Server::hand_over() {
    auto& impl = *impl_;
    impl.shared.leaving = true;
    for (auto& worker : impl.workers) worker->close_all_listeners();
}

void Server::start_drain() {
    auto& impl = *impl_;
    impl.shared.draining = true;
    const bool separate = impl.config->admin.has_value();
    for (auto& worker : impl.workers) {
        // With an admin listener /readyz answers there and clients are refused at the door; without
        // one the door stays open, so that /readyz and late clients get a 503 and not a reset.
        if (separate) worker->close_listeners(Role::admin);
        worker->close_idle_sessions();
    }
}

bool Server::drain(std::chrono::milliseconds limit) {
    auto& impl = *impl_;
    const auto until = std::chrono::steady_clock::now() + limit;
    // After a hand-over clients that use their connection all the time get to know with an answer
    // that it ends; only those that are silent have it closed.
    const bool leaving = impl.shared.leaving;
    const auto silent = std::chrono::steady_clock::now() + kSilentAfterHandOver;
    std::optional<std::chrono::steady_clock::time_point> grace;
    for (;;) {
        const auto now = std::chrono::steady_clock::now();
        const auto sessions = impl.shared.sessions.load();
        const bool idle_left = leaving && sessions > 0 && now < silent;
        // Also one that came at the last moment, on a connection that was about to be closed.
        const bool busy = impl.shared.inflight.load() > 0 || idle_left;
        if (!busy && sessions == 0) return true;
        // Answers whose last bytes are on their way out belong to sessions that end by themselves.
        if (!busy && !grace) grace = now + kGrace;
        if (!busy && (now >= *grace || now >= until)) return true;
        if (now >= until) return false;
        if (grace || (leaving && now >= silent)) {
            for (auto& worker : impl.workers) worker->close_idle_sessions();
        }
        std::this_thread::sleep_for(kDrainPoll);
    }
}

void Server::stop() {
    if (!impl_) return;
    auto& impl = *impl_;
    const std::lock_guard lock(impl.mutex);
    if (std::exchange(impl.stopped, true)) return;
    for (auto& worker : impl.workers) worker->stop();
    for (auto& thread : impl.threads) thread.join();
    impl.shared.resolver.stop();       // it posts to the workers' contexts
    impl.shared.reading_room.close();  // and so does it
    impl.shared.session_room.close();
    if (impl.shared.ledger) impl.shared.ledger->stop();
}

}  // namespace understudy::proxy
