// The part of a session that waits for a request, reads its head, and says what can be said before
// its body is read.
#include "proxy/session.hpp"

#include "proxy/auth.hpp"
#include "proxy/unknown_path.hpp"

#include <algorithm>
#include <optional>
#include <utility>

namespace understudy::proxy {

using net::coarse_now;
using net::kReadBuffer;
using net::Task;

namespace {

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
            if (result == wire::ParseResult::bad) co_return co_await refuse_head();
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
        if (out_of_memory_ && !in.ensure_free(kReserveBuffer)) co_return co_await refuse_room();
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
        co_return co_await refuse_slow_head();
    }
    request_size_ = request_.head.size;
    co_return true;
}

// What is refused is put together here: in the coroutine above it would lie in the memory of every
// connection that waits for its next request.
Task<bool> Session::refuse_head() {
    const auto error = head_reader_.error();
    return refuse({wire::status_for(error), "invalid_request",
                   "The request head was refused: " + std::string(wire::describe(error)) + '.'});
}

Task<bool> Session::refuse_room() {
    return refuse(out_of_memory());
}

Task<bool> Session::refuse_slow_head() {
    return refuse({408, "request_timeout",
                   "The request head did not come within limits.header_timeout (a second, where "
                   "places or memory have run out)."});
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

}  // namespace understudy::proxy
