// The part of a session that reads a request's body into its buffer, whole and bounded.
#include "proxy/session.hpp"

#include "proxy/pace.hpp"
#include "wire/chunk.hpp"

#include <algorithm>
#include <cstring>

namespace understudy::proxy {

using net::coarse_now;
using net::GatherList;
using net::kReadBuffer;
using net::Task;

namespace {
// Room made at a time for a large body: what is promised by Content-Length is not what has come.
constexpr std::size_t kBodyStep = 1 << 20;
// From here on what has come is looked at before it leaves the cache, not when all is there.
constexpr std::size_t kLargeBody = 512 * 1024;
constexpr std::size_t kWatchSpace = 512;  // for the read that notices a client leaving

// While the rest of a large body comes, a megabyte at a time, others who wait for something to
// begin are served before it.
class Upload {
  public:
    explicit Upload(net::Stream& stream) : stream_(stream) {}
    ~Upload() { stream_.set_flowing(false); }
    Upload(const Upload&) = delete;
    Upload& operator=(const Upload&) = delete;
    void flows() { stream_.set_flowing(true); }

  private:
    net::Stream& stream_;
};

LocalError body_timeout() {
    return {408, "request_timeout",
            "The request body stalled, or came slower than 500 bytes a second, for as long as "
            "limits.body_timeout."};
}
}  // namespace

// True: the body is whole. False: the client was answered, or is gone.
Task<bool> Session::read_body() {
    const auto framing = request_.head.framing;
    request_.body = {};
    if (framing.kind != wire::BodyKind::none && request_.head.expect_continue &&
        client_->in.size() == request_.head.size) {
        GatherList out;
        out.add("HTTP/1.1 100 Continue\r\n\r\n");
        const bool sent = co_await send(out);
        if (!sent) co_return false;
    }
    bool whole = true;
    if (framing.kind == wire::BodyKind::length) {
        whole = co_await read_sized_body(framing.length);
    } else if (framing.kind == wire::BodyKind::chunked) {
        whole = co_await read_chunked_body();
    }
    co_return whole;
}

// The usual case: the whole request came in one read.
bool Session::body_is_here() {
    const auto& framing = request_.head.framing;
    if (framing.kind != wire::BodyKind::length) return false;
    const std::size_t held = client_->in.size() - request_.head.size;
    if (held < framing.length) return false;
    request_size_ = request_.head.size + static_cast<std::size_t>(framing.length);
    return true;
}

Task<bool> Session::read_sized_body(std::uint64_t size) {
    auto& in = client_->in;
    Upload upload(*client_);
    if (size >= kLargeBody) upload.flows();
    const auto received = client_->received();
    Pace pace(runtime_->config().limits.body_timeout, coarse_now());
    const std::size_t total = request_.head.size + static_cast<std::size_t>(size);
    while (in.size() < total) {
        const std::size_t missing = total - in.size();
        const std::size_t all = missing + kWatchSpace;
        if (!in.ensure_free(std::min(all, std::max(kBodyStep, in.size())), all)) {
            auto refusal = out_of_memory();
            co_return co_await refuse(std::move(refusal));
        }
        const bool came = co_await more(pace.left(coarse_now()));
        if (came) {
            pace.note(client_->received() - received, coarse_now());
            if (size >= kLargeBody) look_at_body(static_cast<std::size_t>(size));
            continue;
        }
        if (client_gone_) co_return false;
        co_return co_await refuse(body_timeout());
    }
    request_size_ = total;
    co_return true;
}

// `size`: of the body as far as it may be there.
void Session::look_at_body(std::size_t size) {
    if (request_.coding != wire::BodyCoding::identity) return;  // what will be read is not this
    request_.clear.extend(client_->in.view().substr(request_.head.size, size));
}

// Decodes in place: head, payload, then raw bytes not yet decoded.
Task<bool> Session::read_chunked_body() {
    auto& in = client_->in;
    const std::size_t head = request_.head.size;
    const std::size_t limit = runtime_->config().limits.body_bytes;
    Upload upload(*client_);
    wire::ChunkDecoder decoder;
    const auto received = client_->received();
    Pace pace(runtime_->config().limits.body_timeout, coarse_now());
    std::size_t payload = 0;
    for (;;) {
        const std::size_t raw = in.size() - head - payload;
        char* const at = in.data() + head + payload;
        std::size_t added = 0;
        std::size_t used = 0;
        if (!decoder.decode_in_place(at, raw, added, used)) {
            co_return co_await refuse(400, "invalid_request", "Broken chunked coding.");
        }
        payload += added;
        if (payload > limit) {
            co_return co_await refuse(413, "body_too_large",
                                      "The request body is larger than limits.body.");
        }
        // What follows the body (a pipelined request) moves up behind the payload.
        std::memmove(at + added, at + used, raw - used);
        in.trim_back(used - added);
        if (payload >= kLargeBody) {
            look_at_body(payload);
            upload.flows();
        }
        if (decoder.done()) break;
        if (!in.ensure_free(std::max(kReadBuffer / 2, std::min(kBodyStep, in.size())))) {
            auto refusal = out_of_memory();
            co_return co_await refuse(std::move(refusal));
        }
        const bool came = co_await more(pace.left(coarse_now()));
        pace.note(client_->received() - received, coarse_now());
        if (came) continue;
        if (client_gone_) co_return false;
        co_return co_await refuse(body_timeout());
    }
    request_size_ = head + payload;
    co_return true;
}

// From here on the buffer does not move: the head is read again if it has moved since.
void Session::steady_views() {
    auto& in = client_->in;
    in.ensure_free(kWatchSpace);  // failing only means that a leaving client is noticed later
    const std::size_t head = request_.head.size;
    // A chunked body was decoded in place, but the head still says how it came; framing is kept.
    const auto framing = request_.head.framing;
    if (request_.head.method.data() != in.data()) {
        head_reader_.read_request(in.view(), request_.head);
        request_.head.framing = framing;
        request_.endpoint = match_endpoint(request_.head.method, request_.head.target);
    }
    request_.body = in.view().substr(head, request_size_ - head);
}

}  // namespace understudy::proxy
