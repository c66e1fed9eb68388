#include "proxy/session.hpp"

#include "proxy/admin.hpp"
#include "proxy/auth.hpp"
#include "proxy/exchange.hpp"
#include "proxy/log.hpp"

#include <exception>

namespace understudy::proxy {

using net::Clock;
using net::coarse_now;
using net::kReadBuffer;
using net::Stream;
using net::Task;

namespace {
constexpr std::chrono::milliseconds kLinger{2000};
constexpr std::chrono::milliseconds kReserveLinger{200};
constexpr std::size_t kLingerBytes = 1 << 20;

// A request under way, from its head to its answer: a drain waits for it.
class Counted {
  public:
    explicit Counted(std::atomic<std::size_t>& counter) : counter_(counter) {
        counter_.fetch_add(1, std::memory_order_relaxed);
    }
    ~Counted() { counter_.fetch_sub(1, std::memory_order_relaxed); }
    Counted(const Counted&) = delete;
    Counted& operator=(const Counted&) = delete;

  private:
    std::atomic<std::size_t>& counter_;
};

}  // namespace

Session::Session(Worker& worker, net::Socket socket, Role role)
    : worker_(worker),
      role_(role),
      client_(new Stream(std::move(socket), worker.shared().budget)),
      timer_(
          worker.context().timers, [](void* s) { static_cast<net::Signal*>(s)->notify(); },
          &signal_) {
    client_->set_listener(this);
    worker_.add(this);
    worker_.series().connections.add(1);
    worker_.shared().sessions.fetch_add(1, std::memory_order_relaxed);
    worker_.shared().started.fetch_add(1, std::memory_order_relaxed);
}

Session::~Session() {
    client_->close(reset_);
    worker_.remove(this);
    worker_.series().connections.add(-1);
    worker_.shared().sessions.fetch_sub(1, std::memory_order_relaxed);
    if (role_ != Role::admin) worker_.shared().connections.fetch_sub(1);
}

void Session::start(Worker& worker, net::Socket socket, Role role,
                    const boost::asio::ip::address& client, bool reserve) {
    std::unique_ptr<Session, void (*)(Session*)> self(new Session(worker, std::move(socket), role),
                                                      [](Session* s) { delete s; });
    self->request_.client = client;
    self->out_of_places_ = reserve;
    net::spawn(live(std::move(self)));
}

// The last line of defence: whatever goes wrong ends this connection and no other.
Task<void> Session::live(std::unique_ptr<Session, void (*)(Session*)> self) {
    try {
        co_await self->run();
    } catch (const std::exception& e) {
        log(config::LogLevel::error, "session_failed", {{"what", e.what()}});
    }
}

void Session::on_stream(Stream& stream) {
    if (handling_) {
        if (stream.read_error() || stream.write_error()) client_gone_ = true;
        // A pipelined byte ends the read that watches for the client's leaving; watch on.
        if (!client_gone_) stream.arm_read();
    }
    signal_.notify();
}

void Session::close_if_idle() {
    if (!idle_) return;
    // After a hand-over a request that has just come is still answered.
    if (worker_.shared().leaving && !truly_idle()) return;
    client_gone_ = true;
    signal_.notify();
}

bool Session::truly_idle() {
    return idle_ && client_->in.empty() && !client_->readable();
}

void Session::abort() {
    client_gone_ = cut_off_ = true;
    keep_alive_ = false;
    client_->close(true);
    signal_.notify();
}

void Session::cut(bool reset) {
    keep_alive_ = false;
    linger_ = false;
    reset_ = reset;
}

Task<void> Session::run() {
    if (client_->in.ensure_free(kReadBuffer / 2)) client_->read_at_once();
    for (;;) {
        const bool got = co_await read_head();
        if (!got) break;
        co_await serve_one();
        if (!keep_alive_ || client_gone_) break;
        finish_request();
    }
    if (linger_ && !client_gone_) co_await linger();
}

// What is left of the request before.
void Session::begin_request() {
    keep_alive_ = request_.head.keep_alive && !out_of_places_ && !out_of_memory_;
    answered_ = true;
    request_.key = nullptr;
    request_.session.clear();
    request_.cors.clear();
    request_.coding = wire::BodyCoding::identity;
    request_.facts.model.clear();  // until this request's body has been read
    request_.facts.stream = false;
    const auto given = usable_request_id(request_.head);
    request_.id_given = !given.empty();
    if (request_.id_given) {
        request_.request_id = given;
    } else {
        worker_.make_request_id(request_.request_id);
    }
}

// Why the request is not even read; null: it is.
std::unique_ptr<LocalError> Session::turn_away() {
    auto error = check_head();
    if (!error) return nullptr;
    if (request_.head.framing.kind != wire::BodyKind::none) linger_ = true;
    if (linger_) keep_alive_ = false;
    reject(*runtime_, request_, *error);
    // Whose key it is was not asked yet where nothing is there; its limits are told all the same.
    if (request_.key == nullptr && role_ != Role::admin) {
        static_cast<void>(authenticate(runtime_->config(), request_));
    }
    return std::make_unique<LocalError>(std::move(*error));
}

Task<void> Session::answer_preflight() {
    const auto fields = preflight_fields(request_.head);
    const std::string_view nothing;
    co_await answer(204, nothing, fields, nothing);
}

Task<void> Session::serve_one() {
    const Counted counted(worker_.shared().inflight);
    begin_request();
    if (may_preflight()) {
        co_await answer_preflight();
        co_return;
    }
    const auto refused = turn_away();
    if (refused) {
        co_await answer(*refused);
        co_return;
    }
    const bool whole = body_is_here() || co_await read_body();
    if (!whole) co_return;
    steady_views();
    if (request_.coding != wire::BodyCoding::identity) {
        const bool decoded = co_await decode_body();
        if (!decoded) co_return;
    }
    request_.received_at = Clock::now();
    if (worker_.shared().ending()) keep_alive_ = false;
    handling_ = true;
    if (!client_->read_armed()) client_->arm_read();  // tells at once when the client leaves
    if (request_.endpoint.kind == EndpointKind::proxied) {
        if (worker_.books() != nullptr && worker_.books()->congested()) co_await breathe();
        Exchange exchange(*this, request_, *runtime_);
        co_await exchange.run();
    } else {
        co_await answer_admin(*this, request_, runtime_);
    }
    handling_ = false;
}

// Rows for the ledger come faster than they can be written: requests begin more slowly, so that
// none is lost.
Task<void> Session::breathe() {
    constexpr std::chrono::milliseconds kBreath{20}, kLongest{1000};
    const auto until = Clock::now() + kLongest;
    while (worker_.books()->congested() && !client_gone_ && Clock::now() < until) {
        timer_.set(coarse_now() + kBreath);
        while (!timer_.expired() && !client_gone_) co_await signal_.wait();
    }
    timer_.clear();
}

void Session::finish_request() {
    client_->in.consume(request_size_);
    decoded_.reset();
    request_.clear.clear();
    request_.cors.clear();   // also of the next head if it is refused,
    request_.key = nullptr;  // as is this, which belongs to a configuration
    client_->rewind_read();
    if (!client_->read_armed()) client_->in.shrink(kReadBuffer);
    constexpr std::size_t kUsualHead = 4096;
    if (head_out_.capacity() > kUsualHead) std::string().swap(head_out_);
    timer_.clear();
}

// Waits for more bytes from the client. False: the client is gone, or the time is up (then
// client_gone_ is not set).
Task<bool> Session::more(std::chrono::milliseconds limit) {
    const auto received = client_->received();
    timer_.set(coarse_now() + limit);
    for (;;) {
        // Look before arming: the caller may move the buffer when bytes have come.
        if (client_->received() != received) co_return true;
        if (client_->read_error()) client_gone_ = true;
        if (client_gone_) co_return false;
        if (timer_.expired()) co_return false;
        client_->arm_read();
        co_await signal_.wait();
    }
}

// Closing with unread input makes the kernel reset the connection, and the client may lose the
// answer that explains why. So end our side, read on for a moment, then close.
Task<void> Session::linger() {
    client_->shutdown_send();
    // What was read of a refused body is of no use any more, and others wait for the memory.
    if (!client_->read_armed()) client_->in.release();
    const bool reserve = out_of_places_ || out_of_memory_;  // others are waiting for it
    const auto until = Clock::now() + (reserve ? kReserveLinger : kLinger);
    const auto start = client_->received();
    while (Clock::now() < until && client_->received() - start < kLingerBytes) {
        client_->in.clear();
        if (!client_->in.ensure_free(kReadBuffer / 2)) break;
        const bool came =
            co_await more(std::chrono::ceil<std::chrono::milliseconds>(until - Clock::now()));
        if (!came) break;
    }
}

}  // namespace understudy::proxy
