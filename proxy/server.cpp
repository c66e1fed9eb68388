#include "proxy/server.hpp"

#include "config/load.hpp"
#include "metrics/series.hpp"
#include "proxy/listen.hpp"
#include "proxy/worker.hpp"
#include "understudy_version.hpp"
#include "wire/failure.hpp"

#include <malloc.h>
#include <sys/resource.h>
#include <algorithm>
#include <mutex>
#include <thread>

namespace understudy::proxy {

namespace {
constexpr std::chrono::milliseconds kDrainPoll{5};
constexpr unsigned kTrimSeconds = 5;
constexpr std::size_t kManySessions = 256;         // connections whose going is worth a look
constexpr std::size_t kWorthTrimming = 32 * 1024;  // bytes freed
constexpr std::size_t kOwnDescriptors = 32;        // listeners, event loops, standard streams

std::size_t bytes_in_use() {
    const auto heap = ::mallinfo2();
    return heap.uordblks + heap.hblkhd;
}

// A second daemon on the same port would silently share it (SO_REUSEPORT), so ask first.
void ensure_free(const config::Endpoint& endpoint) {
    if (endpoint.port == 0) return;
    boost::asio::io_context io;
    upstreams::error_code ec;
    const auto address = boost::asio::ip::make_address(endpoint.address, ec);
    boost::asio::ip::tcp::acceptor probe(io);
    probe.open(address.is_v6() ? boost::asio::ip::tcp::v6() : boost::asio::ip::tcp::v4(), ec);
    probe.set_option(boost::asio::socket_base::reuse_address(true), ec);
    probe.bind({address, endpoint.port}, ec);
    if (ec) throw BindError{endpoint.text(), "bind: " + upstreams::describe(ec), ec.value()};
}
}  // namespace

struct Server::Impl {
    explicit Impl(std::shared_ptr<const config::Config> c)
        : config(std::move(c)),
          workers_wanted(config->workers != 0 ? config->workers : config::auto_workers()),
          registry(workers_wanted + (config->admin ? 1 : 0), wire::kFailureClassNames,
                   {UNDERSTUDY_VERSION, UNDERSTUDY_COMMIT}),
          shared(config->limits.memory_bytes, registry) {}

    void open_listeners();
    void add_admin();
    void release_memory();

    std::shared_ptr<const config::Config> config;
    std::size_t workers_wanted;
    metrics::Registry registry;
    Shared shared;
    std::vector<std::unique_ptr<Worker>> workers;  // the last one serves `admin`, if there is one
    std::vector<std::thread> threads;
    std::vector<config::Endpoint> bound, bound_admin;
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

void Server::Impl::open_listeners() {
    const auto role = config->admin ? Role::proxy : Role::everything;
    for (auto endpoint : config->listen) {
        ensure_free(endpoint);
        for (std::size_t i = 0; i < workers_wanted; ++i) {
            workers[i]->add_listener(listen_on(workers[i]->io(), endpoint), role);
        }
        bound.push_back(endpoint);
    }
}

void Server::Impl::add_admin() {
    if (!config->admin) return;
    auto endpoint = *config->admin;
    ensure_free(endpoint);
    workers.back()->add_listener(listen_on(workers.back()->io(), endpoint), Role::admin);
    bound_admin.push_back(endpoint);
}

void Server::start() {
    auto& impl = *impl_;
    rlimit descriptors{};
    if (::getrlimit(RLIMIT_NOFILE, &descriptors) == 0 && descriptors.rlim_cur != RLIM_INFINITY) {
        const std::size_t all = descriptors.rlim_cur;
        impl.shared.descriptor_share = all > 2 * kOwnDescriptors ? (all - kOwnDescriptors) / 2 : 1;
    }
    const auto loaded = std::make_shared<LoadedConfig>(impl.config);
    const std::size_t count = impl.workers_wanted + (impl.config->admin ? 1 : 0);
    for (std::size_t i = 0; i < count; ++i) {
        impl.workers.push_back(std::make_unique<Worker>(i, impl.shared, impl.registry.shard(i)));
        impl.shared.workers.push_back(impl.workers.back().get());
        impl.workers.back()->use(loaded, impl.workers_wanted);
    }
    impl.open_listeners();
    impl.add_admin();
    ::malloc_trim(0);  // what reading the configuration and the price table has left behind
    for (auto& worker : impl.workers) {
        impl.threads.emplace_back([w = worker.get()] { w->run(); });
    }
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
    const auto loaded = std::make_shared<LoadedConfig>(config);
    std::vector<std::string> fixed;
    if (config->listen != impl.config->listen) fixed.emplace_back("listen");
    if (config->admin != impl.config->admin) fixed.emplace_back("admin");
    if (config->workers != impl.config->workers) fixed.emplace_back("workers");
    impl.shared.budget.set_limit(config->limits.memory_bytes);
    for (auto& worker : impl.workers) worker->use(loaded, impl.workers_wanted);
    impl.config = std::move(config);
    impl.registry.count_reload(true);
    return fixed;
}

void Server::count_failed_reload() {
    impl_->registry.count_reload(false);
}

void Server::release_memory() {
    auto& impl = *impl_;
    auto& memory = impl.memory;
    memory.most_sessions = std::max(memory.most_sessions, impl.shared.sessions.load());
    if (++memory.seconds % kTrimSeconds == 0) impl.release_memory();
}

void Server::Impl::release_memory() {
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
    if (!quiet && !mostly_gone) return;
    // Trimming walks the heap, so only after something was freed: by new connections, or by pooled
    // ones that age out long after their load has ended.
    const auto started = shared.started.load(std::memory_order_relaxed);
    const auto in_use = bytes_in_use();
    const bool freed = started != memory.trimmed_at || in_use + kWorthTrimming < memory.in_use;
    memory.trimmed_at = started;
    memory.in_use = in_use;
    if (!freed && !mostly_gone) return;
    // What the workers give back now is trimmed next time: then it is less that is in use.
    for (auto& worker : workers) worker->shrink();
    ::malloc_trim(0);
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
    while (impl.shared.inflight.load() > 0) {
        if (std::chrono::steady_clock::now() >= until) return false;
        std::this_thread::sleep_for(kDrainPoll);
    }
    // Answers whose last bytes are on their way out belong to sessions that end by themselves.
    const auto grace = std::min(until, std::chrono::steady_clock::now() + std::chrono::seconds(1));
    while (impl.shared.sessions.load() > 0 && std::chrono::steady_clock::now() < grace) {
        for (auto& worker : impl.workers) worker->close_idle_sessions();
        std::this_thread::sleep_for(kDrainPoll);
    }
    return true;
}

void Server::stop() {
    if (!impl_) return;
    auto& impl = *impl_;
    const std::lock_guard lock(impl.mutex);
    if (std::exchange(impl.stopped, true)) return;
    for (auto& worker : impl.workers) worker->stop();
    for (auto& thread : impl.threads) thread.join();
    impl.shared.resolver.stop();  // it posts to the workers' contexts
}

}  // namespace understudy::proxy
