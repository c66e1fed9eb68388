#include "sink/server.hpp"

#include "common/event_clock.hpp"

#include <openssl/ssl.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <stdexcept>

namespace understudy::bench {
namespace {

constexpr rlim_t kDescriptors = 65'536;

void watch(int epoll, int operation, int fd, std::uint32_t events) {
    epoll_event event{};
    event.events = events;
    event.data.fd = fd;
    epoll_ctl(epoll, operation, fd, &event);
}

}  // namespace

Server::Server(const SinkOptions& options) : epoll_(epoll_create1(EPOLL_CLOEXEC)) {
    raise_descriptor_limit(kDescriptors);
    if (!options.tls.empty()) load_certificate(options);
    for (const auto& address : options.plain) listen_on(address, Kind::plain);
    for (const auto& address : options.tls) listen_on(address, Kind::tls);
    for (const auto& address : options.fail) listen_on(address, Kind::fail);
}

Server::~Server() {
    for (const auto& [fd, kind] : listeners_) close(fd);
    close(epoll_);
    SSL_CTX_free(tls_);
}

void Server::load_certificate(const SinkOptions& options) {
    tls_ = SSL_CTX_new(TLS_server_method());
    if (SSL_CTX_use_certificate_chain_file(tls_, options.certificate.c_str()) != 1 ||
        SSL_CTX_use_PrivateKey_file(tls_, options.key.c_str(), SSL_FILETYPE_PEM) != 1)
        throw std::runtime_error("cannot load the certificate or its key");
    SSL_CTX_set_mode(tls_, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
}

void Server::listen_on(const Address& address, Kind kind) {
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1);
    const auto where = to_sockaddr(address);
    if (bind(fd, reinterpret_cast<const sockaddr*>(&where), sizeof where) != 0 ||
        listen(fd, 65'535) != 0)
        throw std::runtime_error("cannot listen on port " + std::to_string(address.port));
    watch(epoll_, EPOLL_CTL_ADD, fd, EPOLLIN);
    listeners_.emplace_back(fd, kind);
}

void Server::accept_all(int listener, Kind kind) {
    for (;;) {
        const int fd = accept4(listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0) return;
        set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
        SSL* ssl = nullptr;
        if (kind == Kind::tls) {
            ssl = SSL_new(tls_);
            SSL_set_fd(ssl, fd);
            SSL_set_accept_state(ssl);
        }
        const auto index = static_cast<std::size_t>(fd);
        if (slots_.size() <= index) slots_.resize(index + 1024);
        auto& slot = slots_[index];
        ++slot.generation;
        slot.watching_write = false;
        slot.connection = std::make_unique<Connection>(fd, *this, kind == Kind::fail, ssl);
        ++accepted;
        ++open;
        watch(epoll_, EPOLL_CTL_ADD, fd, EPOLLIN);
    }
}

void Server::wake_at(std::uint64_t ns, int fd) {
    turns_.push({ns, fd, slots_[static_cast<std::size_t>(fd)].generation});
}

void Server::settle(int fd, bool alive) {
    auto& slot = slots_[static_cast<std::size_t>(fd)];
    if (!alive) {
        slot.connection.reset();
        --open;
        return;
    }
    const bool wanted = slot.connection->wants_write();
    if (wanted == slot.watching_write) return;
    slot.watching_write = wanted;
    watch(epoll_, EPOLL_CTL_MOD, fd, wanted ? EPOLLIN | EPOLLOUT : EPOLLIN);
}

void Server::serve(int fd, std::uint32_t ready) {
    for (const auto& [listener, kind] : listeners_)
        if (listener == fd) return accept_all(listener, kind);
    auto& connection = slots_[static_cast<std::size_t>(fd)].connection;
    if (!connection) return;
    bool alive = true;
    if (ready & EPOLLOUT) alive = connection->on_writable();
    if (alive && (ready & ~EPOLLOUT)) alive = connection->on_readable();
    settle(fd, alive);
}

void Server::run_turns() {
    const auto now = now_ns();
    while (!turns_.empty() && turns_.top().at <= now) {
        const Turn turn = turns_.top();
        turns_.pop();
        const auto& slot = slots_[static_cast<std::size_t>(turn.fd)];
        if (!slot.connection || slot.generation != turn.generation) continue;
        // Asked for from the time it was due, not from now: a late turn must not slow the stream.
        settle(turn.fd, slot.connection->on_turn(turn.at));
    }
}

void Server::wait() {
    std::array<epoll_event, 512> ready{};
    timespec patience{1, 0};
    if (!turns_.empty()) {
        const auto now = now_ns();
        const auto left = turns_.top().at > now ? turns_.top().at - now : 0;
        patience = {static_cast<time_t>(left / 1'000'000'000),
                    static_cast<long>(left % 1'000'000'000)};
    }
    const int n = epoll_pwait2(epoll_, ready.data(), ready.size(), &patience, nullptr);
    for (std::size_t i = 0; i < static_cast<std::size_t>(std::max(n, 0)); ++i)
        serve(ready[i].data.fd, ready[i].events);
}

void Server::run() {
    for (;;) {
        wait();
        run_turns();
    }
}

}  // namespace understudy::bench
