// The part of a session that writes: what an exchange has put together, and answers of our own.
#include "proxy/session.hpp"

#include "proxy/pace.hpp"
#include "proxy/quota.hpp"
#include "proxy/record.hpp"
#include "wire/append.hpp"

#include <algorithm>
#include <string>
#include <utility>

namespace understudy::proxy {

using net::coarse_now;
using net::GatherList;
using net::Stream;
using net::Task;
using wire::append_field;

namespace {

// How the limits of its key stand belongs into whatever a client is told. An exchange has said it
// in `fields` already; this is for what ends before one, and for lists of models.
std::string limit_fields(Runtime& runtime, const Inbound& request, std::string_view fields) {
    std::string lines;
    auto* const allowance = request.key != nullptr ? runtime.allowance_of(*request.key) : nullptr;
    const auto says = [&](std::string_view name) {
        return fields.find(name) != std::string_view::npos;
    };
    if (allowance == nullptr || says("ratelimit-limit:") || says("-budget-remaining-usd:")) {
        return lines;
    }
    Inbound nothing;  // the rest of the request, which may not have been read, is none of it
    nothing.key = request.key;
    Quota quota(runtime, allowance, nothing);
    quota.append_fields(lines);
    return lines;
}

}  // namespace

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
    if (runtime_) head_out_.append(limit_fields(*runtime_, request_, fields));
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

}  // namespace understudy::proxy
