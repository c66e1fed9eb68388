// The Stream of a World: what it reads the other end has said, what it writes the other end has
// heard.
#include "net/stream.hpp"

#include "tests/unit/by_hand/world.hpp"

#include <utility>

namespace understudy::net {

using test::World;

void intrusive_ptr_add_ref(Stream* s) noexcept {
    ++s->references_;
}

void intrusive_ptr_release(Stream* s) noexcept {
    if (--s->references_ > 0) return;
    s->close();
    World::here().forget(*s);
    delete s;
}

void Stream::arm_read() {
    const bool has_room = in.lent() || !in.free_space().empty();
    if (read_armed_ || read_error_ || !socket_.is_open() || !has_room) return;
    in.pin(!in.lent());
    read_armed_ = true;
    World::here().far_end(*this)->wait([this] {
        const Ptr alive(this);
        error_code ec;
        if (in.lent()) in.take_back(take_read_block(), 0);
        const auto space = in.free_space();
        const auto n = World::here().far_end(*this)->read(space.data(), space.size(), ec);
        on_read(ec, n);
    });
}

void Stream::on_read(const error_code& ec, std::size_t n) {
    read_armed_ = false;
    in.pin(false);
    if (!socket_.is_open() || read_error_) return;
    if (ec) {
        read_error_ = ec;
    } else {
        in.commit(n);
        received_ += n;
    }
    if (listener_ != nullptr) listener_->on_stream(*this);
}

void Stream::read_at_once() {
    error_code ec;
    const auto space = in.free_space();
    const auto n = World::here().far_end(*this)->read(space.data(), space.size(), ec);
    if (ec && ec != asio::error::would_block) read_error_ = ec;
    in.commit(n);
    received_ += n;
}

void Stream::rewind_read() {
    if (!read_armed_ || !in.empty()) return;
    in.pin(false);
    in.clear();
    in.pin(true);
}

bool Stream::readable() {
    return socket_.is_open() && !read_error_ && World::here().far_end(*this)->anything();
}

bool Stream::ended() {
    return !socket_.is_open() || read_error_ || World::here().far_end(*this)->broken();
}

bool Stream::cut() const {
    return read_error_ != asio::error::eof;
}

Stream::SendState Stream::send(GatherList& list) {
    const auto& far = World::here().far_end(*this);
    if (!socket_.is_open() || far->broken()) {
        write_error_ = asio::error::broken_pipe;
        return SendState::failed;
    }
    std::string text(list.bytes(), '\0');
    list.copy_to(text.data(), text.size());
    list.advance(text.size());
    far->heard += text;
    World::here().after(test::milliseconds(0), [far] {
        if (far->on_heard) far->on_heard();
    });
    return SendState::done;
}

void Stream::arm_write() {}

void Stream::close(bool reset) {
    listener_ = nullptr;
    if (!socket_.is_open()) return;
    World::here().far_end(*this)->close(reset);
    error_code ignored;
    socket_.close(ignored);
}

void Stream::shutdown_send() {}

TlsEngine::Status Stream::handshake_step() {
    return TlsEngine::Status::failed;
}

}  // namespace understudy::net
