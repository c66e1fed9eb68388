#include "proxy/session.hpp"

#include "proxy/admin.hpp"
#include "proxy/auth.hpp"
#include "proxy/exchange.hpp"
#include "proxy/log.hpp"
#include "proxy/pace.hpp"
#include "proxy/unknown_path.hpp"
#include "wire/append.hpp"

#include <boost/asio/error.hpp>

#include <algorithm>
#include <exception>

namespace understudy::proxy {

using net::Clock;
using net::coarse_now;
using net::GatherList;
using net::kReadBuffer;
using net::Stream;
using net::Task;
using wire::append_field;

namespace {
constexpr std::chrono::milliseconds kLinger{2000};
constexpr std::chrono::milliseconds kReserveLinger{200};
constexpr std::size_t kLingerBytes = 1 << 20;
constexpr std::chrono::milliseconds kReserveTime{1000};  // for a head that came without a place
constexpr std::size_t kReserveBuffer = 2048;
constexpr unsigned kEmptyLines = 1;  // in front of a request, without being its beginning

LocalError unsupported_coding() {
    LocalError error(
        415, "unsupported_content_encoding",
        "The body's content-encoding is none that this proxy decodes; send it in one of: "
        "gzip, zstd, identity (as it is).");
    error.accept_encoding = wire::kBodyCodings;
    return error;
}

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

// A session in the worker's list of idle ones, for as long as it waits.
class IdleWait {
  public:
    IdleWait(Worker& worker, Session& session, bool idle)
        : worker_(worker), session_(session), idle_(idle) {
        if (idle_) worker_.now_idle(session_);
    }
    ~IdleWait() {
        if (idle_) worker_.no_longer_idle(session_);
    }
    IdleWait(const IdleWait&) = delete;
    IdleWait& operator=(const IdleWait&) = delete;

  private:
    Worker& worker_;
    Session& session_;
    bool idle_;
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
    client_gone_ = true;
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

Task<bool> Session::read_head() {
    const auto& first_limits = worker_.runtime()->config().limits;
    head_reader_.reset({first_limits.header_bytes, first_limits.header_count});
    auto& in = client_->in;
    request_.endpoint = {};  // what cannot be read is answered in the usual shape
    std::optional<net::TimePoint> idle_deadline;
    std::optional<net::TimePoint> head_deadline;
    std::optional<net::TimePoint> reserve_until;
    unsigned empty_lines = 0;
    for (;;) {
        if (runtime_ != worker_.runtime()) runtime_ = worker_.runtime();
        const auto& limits = runtime_->config().limits;
        // Old clients send an empty line behind a body; it begins no request (RFC 9112 2.2). More
        // of them are the slow beginning of one.
        while (in.view().starts_with("\r\n")) {
            in.consume(2);
            head_reader_.reset();
            ++empty_lines;
        }
        if (in.empty() && empty_lines <= kEmptyLines) head_deadline.reset();
        if (!in.empty()) {
            const auto result = head_reader_.read_request(in.view(), request_.head);
            if (result == wire::ParseResult::done) break;
            if (result == wire::ParseResult::bad) {
                const auto error = head_reader_.error();
                LocalError refusal(
                    wire::status_for(error), "invalid_request",
                    "The request head was refused: " + std::string(wire::describe(error)) + '.');
                co_return co_await refuse(std::move(refusal));
            }
        }
        const bool begun = empty_lines > kEmptyLines || !in.empty();
        const auto now = coarse_now();
        if (begun && !head_deadline) head_deadline = now + limits.header_timeout;
        if (!idle_deadline) idle_deadline = now + limits.keepalive;
        if (in.empty() && worker_.shared().draining && answered_) co_return false;
        if (!out_of_memory_ && !in.ensure_free(kReadBuffer / 2) &&
            !(worker_.shed_idle() && in.ensure_free(kReadBuffer / 2))) {
            in.spend_reserve();
            out_of_memory_ = true;
        }
        if (out_of_memory_ && !in.ensure_free(kReserveBuffer)) {
            auto refusal = out_of_memory();
            co_return co_await refuse(std::move(refusal));
        }
        // Until something of a request is there, the wait is an idle one all the same.
        auto until = head_deadline.value_or(*idle_deadline);
        if (in.empty()) until = std::min(until, *idle_deadline);
        if (out_of_places_ || out_of_memory_) {
            if (!reserve_until) reserve_until = now + kReserveTime;
            until = std::min(until, *reserve_until);
        }
        const auto wait = std::chrono::ceil<std::chrono::milliseconds>(until - now);
        idle_ = !head_deadline && in.empty();
        bool came = false;
        {
            const IdleWait waiting(worker_, *this, idle_ && role_ != Role::admin);
            came = co_await more(wait);
        }
        idle_ = false;
        if (came) continue;
        if (client_gone_ || in.empty() || !head_deadline) co_return false;
        co_return co_await refuse(408, "request_timeout",
                                  "The request head did not come within limits.header_timeout (a "
                                  "second, where places or memory have run out).");
    }
    request_size_ = request_.head.size;
    co_return true;
}

// What can be said before the body is read.
std::optional<LocalError> Session::check_head() {
    request_.endpoint = match_endpoint(request_.head.method, request_.head.target);
    auto& endpoint = request_.endpoint;
    const bool administrative =
        endpoint.kind == EndpointKind::root || endpoint.kind == EndpointKind::healthz ||
        endpoint.kind == EndpointKind::readyz || endpoint.kind == EndpointKind::metrics ||
        (endpoint.kind == EndpointKind::api && role_ == Role::admin);
    const bool tells = endpoint.kind == EndpointKind::metrics || endpoint.kind == EndpointKind::api;
    const bool elsewhere =
        (role_ == Role::admin && !administrative) || (role_ == Role::proxy && tells);
    const auto& guard = runtime_->web_guard();
    if (request_.head.fields.contains(wire::FieldId::origin)) {
        const auto origin = request_.head.fields.find(wire::FieldId::origin);
        if (guard.allows(origin)) request_.cors = cors_fields(origin);
    }
    if (wants_websocket(request_.head.fields)) return websocket_refused();
    if (endpoint.kind == EndpointKind::unknown) return unknown_path(request_.head.target);
    if (elsewhere) return at_other_listener(request_.head.target, role_ == Role::admin);
    // What tells nothing about anybody is told to every page.
    if (!administrative || tells) {
        if (auto error = guard.check(request_.head, role_ == Role::admin)) return error;
    }
    if (!endpoint.method_ok) {
        return wrong_method(request_.head.method, request_.head.target, endpoint.allow);
    }
    const bool has_body = request_.head.framing.kind != wire::BodyKind::none;
    if (!administrative || has_body) {
        if (auto error = check_room()) return error;
    }
    if (!administrative) {
        if (auto error = authenticate(runtime_->config(), request_)) return error;
    }
    if (endpoint.kind == EndpointKind::proxied &&
        request_.head.framing.kind != wire::BodyKind::none) {
        request_.coding = wire::body_coding(request_.head.fields);
        if (request_.coding == wire::BodyCoding::unsupported) return unsupported_coding();
    }
    if (request_.head.framing.kind == wire::BodyKind::length &&
        request_.head.framing.length > runtime_->config().limits.body_bytes) {
        return LocalError(413, "body_too_large", "The request body is larger than limits.body.");
    }
    return std::nullopt;
}

// What was taken in although there was no room for it gets to the administrative pages only.
std::optional<LocalError> Session::check_room() {
    if (out_of_memory_) return out_of_memory();
    if (!out_of_places_) return std::nullopt;
    worker_.count_refused(worker_.places());
    return out_of_places();
}

// The preflight of an allowed origin, for something that is there.
bool Session::may_preflight() const {
    const auto& head = request_.head;
    const bool has_body = head.framing.kind != wire::BodyKind::none &&
                          (head.framing.kind != wire::BodyKind::length || head.framing.length > 0);
    if (!is_preflight(head) || has_body) return false;
    const auto& guard = runtime_->web_guard();
    return guard.allows(head.fields.find(wire::FieldId::origin)) &&
           !guard.check(head, role_ == Role::admin) &&
           match_endpoint(head.method, head.target).kind != EndpointKind::unknown;
}

Task<void> Session::serve_one() {
    keep_alive_ = request_.head.keep_alive && !out_of_places_ && !out_of_memory_;
    answered_ = true;
    request_.key = nullptr;
    request_.session.clear();
    request_.cors.clear();
    request_.coding = wire::BodyCoding::identity;
    request_.facts.model.clear();  // until this request's body has been read
    request_.facts.stream = false;
    const Counted counted(worker_.shared().inflight);
    request_.request_id = usable_request_id(request_.head);
    request_.id_given = !request_.request_id.empty();
    if (!request_.id_given) worker_.make_request_id(request_.request_id);
    if (may_preflight()) {
        const auto fields = preflight_fields(request_.head);
        const std::string_view nothing;
        co_await answer(204, nothing, fields, nothing);
        co_return;
    }
    if (auto error = check_head()) {
        if (request_.head.framing.kind != wire::BodyKind::none) linger_ = true;
        if (linger_) keep_alive_ = false;
        reject(*runtime_, request_, *error);
        co_await answer(*error);
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
    request_.cors.clear();  // also of the next head if it is refused
    client_->rewind_read();
    if (!client_->read_armed()) client_->in.shrink(kReadBuffer);
    constexpr std::size_t kUsualHead = 4096;
    if (head_out_.capacity() > kUsualHead) std::string().swap(head_out_);
    timer_.clear();
}

bool Session::send_at_once(GatherList& list) {
    return list.empty() || client_->send(list) == Stream::SendState::done;
}

Task<bool> Session::send(GatherList& list) {
    const bool sent = send_at_once(list) || co_await send_rest(list);
    co_return sent;
}

Task<bool> Session::send_rest(GatherList& list) {
    using State = Stream::SendState;
    auto state = client_->write_error() ? State::failed : State::blocked;
    auto limit = runtime_ ? runtime_->config().limits.body_timeout : config::Duration(60'000);
    if (out_of_places_ || out_of_memory_) limit = std::min<config::Duration>(limit, kReserveTime);
    const auto all = list.bytes();
    Pace pace(limit, coarse_now());
    while (state == State::blocked && !client_gone_) {
        timer_.set(coarse_now() + pace.left(coarse_now()));
        client_->arm_write();
        while (!client_->writable() && !client_gone_) {
            co_await signal_.wait();
            if (timer_.expired()) break;
        }
        if (client_gone_) break;
        state = client_->send(list);
        pace.note(all - list.bytes(), coarse_now());
        if (pace.left(coarse_now()).count() <= 0) break;  // takes next to nothing
    }
    if (state == State::done) co_return true;
    client_gone_ = true;
    keep_alive_ = false;
    co_return false;
}

Task<void> Session::answer(unsigned status, std::string_view content_type, std::string_view fields,
                           std::string_view body) {
    if (worker_.shared().ending()) keep_alive_ = false;
    head_out_.assign("HTTP/1.1 ").append(std::to_string(status)).append(1, ' ');
    head_out_.append(reason_phrase(status)).append("\r\n");
    if (!content_type.empty()) {
        append_field(head_out_, "content-type", content_type);
    }
    if (status != 204) append_field(head_out_, "content-length", body.size());
    // An exchange puts them among its fields itself; twice, browsers take them for none.
    const bool has_cors = fields.find(request_.cors) != std::string_view::npos;
    head_out_.append(fields).append(has_cors ? std::string_view() : request_.cors);
    head_out_.append(connection_field()).append("\r\n");
    GatherList out;
    out.add(head_out_);
    if (request_.head.method != "HEAD") out.add(body);
    co_await send(out);
}

Task<void> Session::answer(const LocalError& error, std::string_view fields) {
    std::string lines(fields);
    if (!request_.request_id.empty() && lines.find("x-request-id:") == std::string::npos) {
        append_field(lines, "x-request-id", request_.request_id);
    }
    if (error.retry_after) {
        const auto seconds = static_cast<std::uint64_t>(error.retry_after->count());
        append_field(lines, "retry-after", seconds);
    }
    if (error.no_retry) append_field(lines, "x-should-retry", "false");
    if (!error.allow.empty()) append_field(lines, "allow", error.allow);
    if (!error.accept_encoding.empty())
        append_field(lines, "accept-encoding", error.accept_encoding);
    if (!error.upgrade.empty()) {
        append_field(lines, "upgrade", error.upgrade);
        append_field(lines, "connection", "upgrade");
    }
    const auto body = to_json(error, request_.endpoint.dialect, request_.request_id);
    co_await answer(error.status, "application/json", lines, body);
}

// Answers a request that was read to its end but cannot be served; the next one can. Always false.
Task<bool> Session::decline(LocalError error) {
    reject(*runtime_, request_, error);
    co_await answer(error);
    co_return false;
}

// Answers a request that could not be read, and ends the connection. Always false.
Task<bool> Session::refuse(LocalError error) {
    keep_alive_ = false;
    linger_ = true;
    // Also where nothing else of the head could be read: an answer to HEAD has no body.
    request_.head.method = head_reader_.method(client_->in.view());
    worker_.make_request_id(request_.request_id);
    reject(*runtime_, request_, error);
    co_await answer(error);
    co_return false;
}

Task<bool> Session::refuse(unsigned status, std::string_view code, std::string message) {
    LocalError error(status, code, std::move(message));
    co_return co_await refuse(std::move(error));
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
