// The part of a session that decodes a request's body (gzip, zstd), once it is there: everything
// behind it, and every upstream, sees what the client meant and not how it was sent.
#include "proxy/session.hpp"

#include "upstreams/decoder.hpp"
#include "wire/content_coding.hpp"

#include <algorithm>
#include <chrono>
#include <cstring>

namespace understudy::proxy {

using net::Clock;
using net::kReadBuffer;
using net::Task;
using upstreams::Decoder;

namespace {
// Others are served in between. A body can be made of nothing but blocks that decode to nothing and
// take long to read, so it is the time that counts, looked at after so many bytes.
constexpr std::chrono::milliseconds kSlice{1};
constexpr std::size_t kPiece = 4096;
constexpr std::size_t kLargeBody = 512 * 1024;  // looked at while it is in the cache

enum class Slice { whole, more, broken, too_large, no_memory };

// One slice's worth of decoding, from the front of `input`. `limit`: of what it decodes to.
Slice decode_slice(Decoder& decoder, std::string_view& input, std::size_t limit) {
    using Result = Decoder::Result;
    const auto end = Clock::now() + kSlice;
    for (;;) {
        auto piece = input.substr(0, kPiece);
        const std::size_t given = piece.size();
        const auto result = decoder.feed(piece);
        input.remove_prefix(given - piece.size());
        if (std::max(decoder.total(), decoder.announced()) > limit) return Slice::too_large;
        if (result == Result::broken) return Slice::broken;
        if (result == Result::no_memory) return Slice::no_memory;
        if (result == Result::drained && input.empty()) {
            return decoder.finished() ? Slice::whole : Slice::broken;
        }
        if (Clock::now() >= end) return Slice::more;
    }
}

LocalError cannot_decode(wire::BodyCoding coding, bool too_wide) {
    std::string message = "The request body cannot be decoded as " + std::string(name_of(coding)) +
                          ", which its content-encoding names: ";
    message += too_wide ? "it needs a window of more than 8 MiB (RFC 9659); compress it without "
                          "long-distance matching or an ultra level."
                        : "it is something else or damaged, ends too early, or has more behind it.";
    return {400, "invalid_request", std::move(message)};
}

LocalError too_large() {
    return {413, "body_too_large", "The request body decodes to more than limits.body."};
}
}  // namespace

// Between two slices. False: the client was taken away.
Task<bool> Session::let_others_run() {
    timer_.set(net::TimePoint{});  // the timer's next turn
    while (!timer_.expired() && !client_gone_) co_await signal_.wait();
    co_return !client_gone_;
}

// True: request_.body is decoded. False: the client was answered, or is gone.
Task<bool> Session::decode_body() {
    const std::size_t limit = runtime_->config().limits.body_bytes;
    Decoder decoder(client_->in.budget(), request_.coding);
    auto input = request_.body;
    auto state = Slice::more;
    while (state == Slice::more) {
        state = decode_slice(decoder, input, limit);
        if (decoder.out.size() >= kLargeBody) request_.clear.extend(decoder.out.view());
        if (state != Slice::more) break;
        const bool stay = co_await let_others_run();
        if (!stay) co_return false;
    }
    if (state == Slice::whole) {
        keep_decoded(decoder.out);
        co_return true;
    }
    auto error = state == Slice::too_large   ? too_large()
                 : state == Slice::no_memory ? out_of_memory()
                                             : cannot_decode(request_.coding, decoder.too_wide());
    decoder.out.release();
    co_return co_await decline(std::move(error));
}

// What came is of no use any more, and others wait for the memory.
void Session::keep_decoded(net::Bytes& decoded) {
    auto& in = client_->in;
    const std::size_t head = request_.head.size;
    const std::size_t behind = in.size() - request_size_;
    std::memmove(in.data() + head, in.data() + request_size_, behind);
    in.trim_back(request_size_ - head);
    request_size_ = head;
    in.shrink(kReadBuffer);
    steady_views();
    decoded_.emplace(std::move(decoded));
    request_.body = decoded_->view();
}

}  // namespace understudy::proxy
