// How the Player puts bytes on the wire: frames, pieces, pauses.
#include "mock/player.hpp"

#include <boost/asio/post.hpp>

#include <array>
#include <charconv>

namespace understudy::mock {
namespace {

/// A stream without delays lets the other connections of its thread have a turn this often.
constexpr std::size_t kEventsPerTurn = 64;

}  // namespace

/// Puts `text` into out_ as it goes on the wire.
void Player::frame(std::string_view text) {
    out_.clear();
    if (!chunked_) {
        out_ = text;
        return;
    }
    std::array<char, 16> size{};
    const auto end = std::to_chars(size.data(), size.data() + size.size(), text.size(), 16).ptr;
    out_.append(size.data(), end);
    out_ += "\r\n";
    out_ += text;
    out_ += "\r\n";
}

/// An event as an element of the list that Google streams to those who ask for no events.
std::string_view Player::element(std::string_view text) {
    constexpr std::string_view kData = "data: ";
    if (text.starts_with(kData)) text.remove_prefix(kData.size());
    while (text.ends_with('\n') || text.ends_with('\r')) text.remove_suffix(1);
    element_ = join({listed_ ? ",\r\n" : "[", text});
    listed_ = true;
    return element_;
}

Awaitable<bool> Player::event(std::string_view text) {
    if (ask_.as_list) text = element(text);
    if (gzip_) {
        const std::string packed = gzip_->piece(text);
        frame(packed);
    } else {
        frame(text);
    }
    co_return co_await send(out_);
}

Awaitable<bool> Player::end_stream() {
    if (ask_.as_list) {
        const std::string_view end = listed_ ? "]" : "[]";
        const std::string packed = gzip_ ? gzip_->piece(end) : std::string(end);
        frame(packed);
        const bool going = co_await send(out_);
        if (!going) co_return false;
    }
    if (gzip_) {
        const std::string packed = gzip_->finish("");
        frame(packed);
        const bool going = co_await send(out_);
        if (!going) co_return false;
    }
    if (!chunked_) co_return true;
    co_return co_await send("0\r\n\r\n");
}

Awaitable<bool> Player::send(std::string_view bytes) {
    if (plan_.piece_bytes != 0) co_return co_await in_pieces(bytes);
    Io result = link_.send_now(bytes);
    if (result == Io::done) co_return true;
    const bool sent = co_await link_.send_rest(bytes);
    if (!sent) outcome_.aborted = true;
    co_return sent;
}

Awaitable<bool> Player::send_head(std::string_view bytes) {
    if (plan_.piece_head) co_return co_await in_pieces(bytes);
    const bool sent = co_await link_.send_rest(bytes);
    if (!sent) outcome_.aborted = true;
    co_return sent;
}

Awaitable<bool> Player::in_pieces(std::string_view bytes) {
    const std::size_t step = plan_.piece_bytes;
    while (!bytes.empty()) {
        const auto piece = bytes.substr(0, step);
        bytes.remove_prefix(piece.size());
        bool going = co_await link_.send_rest(piece);
        if (!going) {
            outcome_.aborted = true;
            co_return false;
        }
        if (!bytes.empty()) going = co_await pause(plan_.piece_pause);
        if (!going) co_return false;
    }
    co_return true;
}

Awaitable<bool> Player::pause(Duration time) {
    if (time <= Duration::zero()) co_return true;
    const auto until = Clock::now() + time;
    const bool stayed = co_await link_.pause_until(until);
    if (!stayed) outcome_.aborted = true;
    co_return stayed;
}

/// Between two events: waits where the plan says so, else lets others have a turn now and then.
Awaitable<bool> Player::keep_pace() {
    if (plan_.between > Duration::zero()) {
        next_event_ += plan_.between;
        const bool stayed = co_await link_.pause_until(next_event_);
        if (!stayed) outcome_.aborted = true;
        co_return stayed;
    }
    if (++events_ % kEventsPerTurn == 0) co_await asio::post(asio::deferred);
    co_return true;
}

}  // namespace understudy::mock
