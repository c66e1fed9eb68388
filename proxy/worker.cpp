#include "proxy/worker.hpp"

#include "ledger/request_id.hpp"
#include "net/descriptor_states.hpp"
#include "net/socket.hpp"
#include "net/turn_order.hpp"
#include "proxy/listen.hpp"
#include "proxy/local_error.hpp"
#include "proxy/log.hpp"
#include "proxy/session.hpp"

#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

#include <sys/socket.h>
#include <algorithm>
#include <array>
#include <chrono>
#include <cstring>
#include <ctime>
#include <utility>

namespace understudy::proxy {

namespace asio = boost::asio;
using net::error_code;
using net::Socket;

namespace {
constexpr std::chrono::seconds kRefusalPause{10};  // between two lines about refused connections
constexpr std::chrono::milliseconds kAcceptPause{100};  // when descriptors have run out
constexpr unsigned kAcceptsPerTurn = 16;  // then it is the turn of those that are connected

bool out_of_room(const error_code& ec) {
    return ec == asio::error::no_descriptors || ec.value() == ENFILE || ec.value() == ENOBUFS ||
           ec.value() == ENOMEM;
}

// Eight hex digits, all at once: a request's id would else be one of the dearer things about it.
char* append_hex(std::uint32_t bits, char* out) {
    constexpr std::uint64_t kOnes = 0x0101010101010101U;
    std::uint64_t digits = bits;  // spread to one nibble per octet
    digits = (digits | digits << 16) & 0x0000ffff0000ffffU;
    digits = (digits | digits << 8) & 0x00ff00ff00ff00ffU;
    digits = (digits | digits << 4) & 0x0f0f0f0f0f0f0f0fU;
    const auto letters = ((digits + 6 * kOnes) >> 4) & kOnes;  // one where it is above nine
    digits += '0' * kOnes + letters * ('a' - '0' - 10);
    std::memcpy(out, &digits, sizeof digits);
    return out + sizeof digits;
}

// What append_hex() writes with the highest digit first.
std::uint32_t in_order(std::uint32_t bits) {
    bits = __builtin_bswap32(bits);
    return (bits & 0x0f0f0f0fU) << 4 | (bits >> 4 & 0x0f0f0f0fU);
}

const std::string& overloaded_answer() {
    static const std::string answer = [] {
        const std::string body = to_json(out_of_places());
        return "HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/json\r\n"
               "retry-after: 1\r\nconnection: close\r\ncontent-length: " +
               std::to_string(body.size()) + "\r\n\r\n" + body;
    }();
    return answer;
}
}  // namespace

Worker::Worker(std::size_t index, Shared& shared, metrics::Shard& shard)
    : shared_(shared),
      shard_(shard),
      work_(io_.get_executor()),
      timers_(io_),
      dns_(shared.resolver, io_),
      context_{io_, timers_, dns_, shared.budget, scratch_, shard.worker()},
      checks_health_(index == 0),
      random_(std::random_device{}() + index) {
    if (shared_.ledger) books_.emplace(*shared_.ledger, index);
}

Worker::~Worker() = default;

void Worker::add_listener(Acceptor acceptor, Role role) {
    listeners_.push_back(std::make_shared<Listener>(std::move(acceptor), role));
}

void Worker::run() {
    const net::TurnOrder beginnings_first(io_);
    for (const auto& listener : listeners_) accept(listener);
    io_.run();
    runtime_.reset();
    peers_.clear();
}

void Worker::use(std::shared_ptr<const LoadedConfig> loaded) {
    asio::post(io_, [this, loaded = std::move(loaded)]() mutable {
        runtime_ = std::make_shared<Runtime>(std::move(loaded), context_, shard_, peers_);
        if (checks_health_) health_checks_.use(runtime_);
        if (books_) runtime_->keep_books(&*books_);
        // Else an old one would be there as long as some client's idle connection.
        for (auto* const session : sessions_) session->use_runtime();
    });
}

void Worker::close_listeners(Role except) {
    asio::post(io_, [this, except] {
        for (const auto& listener : listeners_) {
            error_code ignored;
            if (listener->role != except) listener->acceptor.close(ignored);
        }
    });
}

void Worker::close_all_listeners() {
    asio::post(io_, [this] {
        for (const auto& listener : listeners_) {
            error_code ignored;
            listener->acceptor.close(ignored);
        }
    });
}

void Worker::close_idle_sessions() {
    asio::post(io_, [this] {
        const std::vector<Session*> all(sessions_.begin(), sessions_.end());
        for (auto* session : all) {
            if (sessions_.contains(session)) session->close_if_idle();
        }
    });
}

void Worker::shrink() {
    asio::post(io_, [this] {
        sessions_.rehash(0);
        timers_.shrink();
        net::release_descriptor_states(io_);
    });
}

void Worker::stop() {
    asio::post(io_, [this] {
        for (const auto& listener : listeners_) {
            error_code ignored;
            listener->acceptor.close(ignored);
        }
        const std::vector<Session*> all(sessions_.begin(), sessions_.end());
        for (auto* session : all) {
            if (sessions_.contains(session)) session->abort();
        }
        model_lists_.abort();
        health_checks_.stop();
        // Posted: completions of what was just cancelled come first.
        asio::post(io_, [this] {
            work_.reset();
            io_.stop();
        });
    });
}

void Worker::make_request_id(std::string& id) {
    using ledger::kRequestIdPrefix;
    static_assert(ledger::kTimeDigits == 12 && ledger::kChanceDigits == 20);
    id.resize(kRequestIdPrefix.size() + 32);  // as the last one on its connection
    auto* out = std::copy(kRequestIdPrefix.begin(), kRequestIdPrefix.end(), id.data());
    timespec now{};
    ::clock_gettime(CLOCK_REALTIME_COARSE, &now);  // a few milliseconds late, and a call less
    const auto ms = static_cast<std::uint64_t>(now.tv_sec) * 1000 +
                    static_cast<std::uint64_t>(now.tv_nsec) / 1'000'000;
    const auto few = static_cast<std::uint32_t>(random_() >> 48);
    const auto bits = random_();
    out = append_hex(in_order(static_cast<std::uint32_t>(ms >> 16)), out);
    out = append_hex(in_order(static_cast<std::uint32_t>(ms << 16) | few), out);
    out = append_hex(static_cast<std::uint32_t>(bits), out);
    append_hex(static_cast<std::uint32_t>(bits >> 32), out);
}

void Worker::accept(const std::shared_ptr<Listener>& listener) {
    listener->acceptor.async_wait(Acceptor::wait_read, [this, listener](const error_code& ec) {
        if (ec == asio::error::operation_aborted || !listener->acceptor.is_open()) return;
        for (unsigned i = 0; i < kAcceptsPerTurn; ++i) {
            Socket socket(io_);
            asio::ip::address client;
            const auto failed = accept_one(listener->acceptor, socket, client);
            if (out_of_room(failed)) {
                accept_later(listener);  // spinning on accept would not free anything
                return;
            }
            if (!failed) accepted(listener, std::move(socket), client);
            // Not until it fails: on an empty queue accept makes a socket before it looks.
            if (waiting(listener->acceptor) == 0) break;
        }
        accept(listener);
    });
}

void Worker::accept_later(const std::shared_ptr<Listener>& listener) {
    auto timer = std::make_shared<asio::steady_timer>(io_, kAcceptPause);
    timer->async_wait([this, listener, timer](const error_code&) {
        if (listener->acceptor.is_open()) accept(listener);
    });
}

void Worker::accepted(const std::shared_ptr<Listener>& listener, Socket socket,
                      const asio::ip::address& client) {
    const bool counted = listener->role != Role::admin;  // admin must answer when clients are many
    bool reserve = false;
    if (counted) {
        const auto limit = places();
        const auto others = shared_.connections.fetch_add(1);
        const bool full = others >= limit + Shared::kReservePlaces;
        if (others >= limit && !full && make_place()) {
            count_refused(limit);
        } else if (!full || shed_longest(idle_in_reserve_)) {
            reserve = others >= limit;
        } else {
            shared_.connections.fetch_sub(1);
            refuse(std::move(socket), limit);
            return;
        }
    }
    Session::start(*this, std::move(socket), listener->role, client, reserve);
}

std::size_t Worker::places() const {
    return std::min(runtime_->config().limits.connections, shared_.descriptor_share);
}

void Worker::now_idle(Session& session) {
    if (session.in_reserve()) {
        idle_in_reserve_.push_back(session);
        return;
    }
    idle_.push_back(session);
    idle_count_.store(idle_count_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
}

void Worker::no_longer_idle(Session& session) {
    auto& hook = static_cast<IdleHook&>(session);
    if (!hook.is_linked()) return;
    hook.unlink();
    if (session.in_reserve()) return;
    idle_count_.store(idle_count_.load(std::memory_order_relaxed) - 1, std::memory_order_relaxed);
}

// An idle connection gives way to one that may have something to ask, the one that waits longest
// first. True: one does, here or at another worker.
bool Worker::make_place() {
    if (shed_idle()) return true;
    for (auto* const other : shared_.workers) {
        if (other == this || other->idle_count_.load(std::memory_order_relaxed) == 0) continue;
        asio::post(other->io_, [other] { other->shed_idle(); });
        return true;
    }
    return false;
}

bool Worker::shed_idle() {
    return shed_longest(idle_);
}

bool Worker::shed_longest(IdleSessions& idle) {
    constexpr unsigned kLooks = 8;  // at ones whose request is just coming
    unsigned looks = 0;
    for (auto& hook : idle) {
        auto& session = static_cast<Session&>(hook);
        if (session.truly_idle()) {
            no_longer_idle(session);  // it may go before this returns
            session.close_if_idle();
            return true;
        }
        if (++looks == kLooks) break;
    }
    return false;
}

void Worker::refuse(Socket socket, std::size_t limit) {
    const auto& answer = overloaded_answer();
    [[maybe_unused]] const auto sent =
        ::send(socket.native_handle(), answer.data(), answer.size(), MSG_NOSIGNAL);
    error_code ignored;
    socket.shutdown(Socket::shutdown_send, ignored);
    count_refused(limit);
}

void Worker::count_refused(std::size_t limit) {
    series().connections_refused.add();
    ++refused_;
    const auto now = net::Clock::now();
    if (refusals_logged_at_ != net::TimePoint{} && now - refusals_logged_at_ < kRefusalPause)
        return;
    refusals_logged_at_ = now;
    log(config::LogLevel::warn, "connections_refused",
        {{"count", std::exchange(refused_, 0)},
         {"limit", static_cast<std::uint64_t>(limit)},
         {"message",
          "limits.connections or half of the allowed descriptors is reached: new clients were turned "
          "away, or the longest idle connections closed for them"}});
}

}  // namespace understudy::proxy
