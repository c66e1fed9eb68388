#include "loadgen/engine.hpp"

#include "common/event_clock.hpp"

#include <sys/epoll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>

namespace understudy::bench {
namespace {

constexpr rlim_t kDescriptors = 65'536;
constexpr std::size_t kReadBytes = 256 << 10;
constexpr int kTickMs = 10;

std::uint64_t to_ns(double seconds) {
    return static_cast<std::uint64_t>(seconds * 1e9);
}

/// A chat request of exactly `body_bytes`: the prompt is filled up with text without escapes, as
/// the base64 of an image would be; in large bodies lines of a text, with their escapes, come
/// first.
std::string build_request(const Options& options) {
    std::string before = "{\"model\":\"" + options.model + "\",";
    if (options.mode == Mode::streams) before += "\"stream\":true,";
    before +=
        "\"temperature\":0.2,\"messages\":[{\"role\":\"system\",\"content\":\"Be brief.\"},"
        "{\"role\":\"user\",\"content\":\"";
    const std::string after = "\"}]}";
    constexpr std::size_t kLarge = 64 << 10;
    constexpr std::size_t kText = 14 << 10;
    if (options.body_bytes >= kLarge)
        for (std::size_t i = 0; i < kText / 32; ++i) before += "A line of the text that asks.\\n ";
    const auto fixed = before.size() + after.size();
    std::string body = before;
    while (body.size() + after.size() < std::max(options.body_bytes, fixed))
        body += "abcdefghijklmnopqrstuvwxyz0123456789+/ABCDEFGHIJ"[body.size() % 48];
    body += after;
    return "POST " + options.path + " HTTP/1.1\r\nHost: " + options.target.host + ":" +
           std::to_string(options.target.port) +
           "\r\nAuthorization: Bearer sk-bench\r\nContent-Type: application/json\r\n"
           "Accept: */*\r\nUser-Agent: understudy-loadgen\r\n" +
           options.headers + "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

}  // namespace

Engine::Engine(const Options& options)
    : options_(options),
      request_(build_request(options)),
      connections_(options.connections),
      buffer_(kReadBytes),
      epoll_(epoll_create1(EPOLL_CLOEXEC)) {
    raise_descriptor_limit(kDescriptors);
}

Engine::~Engine() {
    for (const auto& connection : connections_)
        if (connection.fd >= 0) close(connection.fd);
    close(epoll_);
}

const Results& Engine::run() {
    start_ = now_ns();
    stop_ = start_ + to_ns(options_.seconds);
    deadline_ = stop_ + to_ns(options_.patience_seconds);
    std::array<epoll_event, 512> events{};
    for (auto now = start_; !over(now); now = now_ns()) {
        open_due(now);
        const int wait_ms = opened_ < connections_.size() ? 1 : kTickMs;
        const int n = epoll_wait(epoll_, events.data(), events.size(), wait_ms);
        for (std::size_t i = 0; i < static_cast<std::size_t>(std::max(n, 0)); ++i)
            serve(events[i].data.u64, events[i].events);
    }
    results_.seconds = static_cast<double>(now_ns() - start_) / 1e9;
    results_.errors.unfinished = under_way_;
    return results_;
}

bool Engine::over(std::uint64_t now) const {
    if (now >= deadline_) return true;
    if (options_.once) return opened_ == connections_.size() && under_way_ == 0;
    return starts_no_more(now) && under_way_ == 0;
}

bool Engine::starts_no_more(std::uint64_t now) const {
    return options_.once || now >= stop_ ||
           (options_.requests > 0 && results_.started >= options_.requests);
}

void Engine::open_due(std::uint64_t now) {
    // A burst is kept below the listen backlog.
    constexpr std::size_t kBurst = 256;
    if (!failed_.empty()) reopen_failed(now);
    const auto spread = to_ns(options_.spread_seconds);
    auto due = connections_.size();
    if (spread > 0)
        due = std::min(due, static_cast<std::size_t>((now - start_) * due / spread) + 1);
    for (std::size_t i = 0; i < kBurst && opened_ < due; ++i) open(opened_++);
}

void Engine::reopen_failed(std::uint64_t now) {
    const auto failed = std::move(failed_);
    failed_.clear();
    if (starts_no_more(now)) return;
    for (const auto index : failed) open(index);
}

void Engine::open(std::size_t index) {
    auto& connection = connections_[index];
    connection.fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    set_option(connection.fd, IPPROTO_TCP, TCP_NODELAY, 1);
    if (options_.sources > 1) {
        set_option(connection.fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1);
        const auto last = std::to_string(1 + index % options_.sources);
        const auto source = to_sockaddr({"127.0.0." + last, 0});
        bind(connection.fd, reinterpret_cast<const sockaddr*>(&source), sizeof source);
    }
    const auto target = to_sockaddr(options_.target);
    const auto* where = reinterpret_cast<const sockaddr*>(&target);
    results_.concurrent_max = std::max<std::uint64_t>(results_.concurrent_max, ++under_way_);
    connection.busy = connection.connecting = true;
    if (connect(connection.fd, where, sizeof target) != 0 && errno != EINPROGRESS)
        return fail(index, results_.errors.connect);
    watch(connection, index, true, EPOLL_CTL_ADD);
}

void Engine::watch(Connection& connection, std::size_t index, bool writable, int operation) {
    if (operation == EPOLL_CTL_MOD && connection.watching_write == writable) return;
    epoll_event event{};
    event.events = writable ? EPOLLIN | EPOLLOUT : EPOLLIN;
    event.data.u64 = index;
    epoll_ctl(epoll_, operation, connection.fd, &event);
    connection.watching_write = writable;
}

void Engine::serve(std::size_t index, std::uint32_t events) {
    auto& connection = connections_[index];
    if (connection.fd < 0) return;
    if (connection.connecting && (events & (EPOLLERR | EPOLLHUP)))
        return fail(index, results_.errors.connect);
    if (connection.connecting) {
        connection.connecting = false;
        return begin_request(connection, index);
    }
    if (events & EPOLLOUT) send_rest(connection, index);
    if (connection.fd >= 0 && (events & ~EPOLLOUT)) read(connection, index);
}

void Engine::begin_request(Connection& connection, std::size_t index) {
    connection.sent = 0;
    connection.reader.reset();
    connection.request_sent = now_ns();
    connection.meter.start(connection.request_sent);
    ++results_.started;
    send_rest(connection, index);
}

void Engine::send_rest(Connection& connection, std::size_t index) {
    while (connection.sent < request_.size()) {
        const auto n = send(connection.fd, request_.data() + connection.sent,
                            request_.size() - connection.sent, MSG_NOSIGNAL);
        if (n < 0 && errno == EAGAIN) return watch(connection, index, true, EPOLL_CTL_MOD);
        if (n < 0) return fail(index, results_.errors.closed);
        connection.sent += static_cast<std::size_t>(n);
    }
    watch(connection, index, false, EPOLL_CTL_MOD);
}

void Engine::read(Connection& connection, std::size_t index) {
    const auto n = recv(connection.fd, buffer_.data(), buffer_.size(), 0);
    if (n < 0 && errno == EAGAIN) return;
    if (n <= 0) {
        if (connection.busy) return fail(index, results_.errors.closed);
        close(connection.fd);
        connection.fd = -1;
        return;
    }
    const auto now = now_ns();
    if (!take(index, {buffer_.data(), static_cast<std::size_t>(n)}, now)) return;
    if (connection.reader.state() == ResponseReader::State::done) complete(connection, index, now);
}

bool Engine::take(std::size_t index, std::string_view bytes, std::uint64_t now) {
    auto& connection = connections_[index];
    const bool streams = options_.mode == Mode::streams;
    for (;;) {
        const auto span = connection.reader.next(bytes);
        if (span.empty()) break;
        if (!streams) continue;
        const bool first = connection.meter.events() == 0;
        connection.meter.take(span, now, results_.streams);
        if (first && connection.meter.events() > 0) note_first_event();
    }
    if (connection.reader.state() == ResponseReader::State::bad || !bytes.empty()) {
        fail(index, results_.errors.framing);
        return false;
    }
    return true;
}

/// Whoever measures memory waits for the line that says every connection is streaming.
void Engine::note_first_event() {
    if (++streaming_ != connections_.size()) return;
    std::fputs("all streaming\n", stderr);
}

void Engine::complete(Connection& connection, std::size_t index, std::uint64_t now) {
    connection.busy = false;
    --under_way_;
    if (connection.reader.status() != 200) {
        ++results_.errors.status;
    } else if (options_.mode == Mode::streams &&
               (connection.meter.events() != options_.events || !connection.meter.finished())) {
        ++results_.errors.incomplete;
    } else {
        ++results_.completed;
        results_.latency.add(now - connection.request_sent);
    }
    if (starts_no_more(now)) return;
    if (connection.reader.closes()) {
        close(connection.fd);
        return open(index);
    }
    connection.busy = true;
    ++under_way_;
    begin_request(connection, index);
}

void Engine::fail(std::size_t index, std::uint64_t& counter) {
    auto& connection = connections_[index];
    ++counter;
    failed_.push_back(index);
    close(connection.fd);
    connection.fd = -1;
    connection.busy = false;
    --under_way_;
}

}  // namespace understudy::bench
