#include "net/plain_asio/read_op.hpp"

#include "net/kernel_calls.hpp"
#include "net/stream.hpp"

#include <boost/asio/error.hpp>

#include <cerrno>

namespace understudy::net {

struct ReadOp::Handler {
    ReadOp* op;
    Stream::Ptr stream;  // keeps both alive
    void operator()(const error_code& ec) const {
        if (ec) {
            stream->on_read(ec, 0);
        } else {
            op->read(stream->socket());
        }
    }
};

void ReadOp::start(Socket& socket, char* data, std::size_t size) {
    data_ = data;
    size_ = size;
    wait(socket);
}

void ReadOp::wait(Socket& socket) {
    socket.async_wait(Socket::wait_read, Handler{this, Stream::Ptr(&stream_)});
}

void ReadOp::read(Socket& socket) {
    if (!socket.is_open()) {  // closed between the event and this
        stream_.on_read(asio::error::operation_aborted, 0);
        return;
    }
    ReadBlock block = data_ == nullptr ? take_read_block() : nullptr;
    char* const to = block ? block.get() : data_;
    if (to == nullptr) {
        stream_.on_read(asio::error::no_memory, 0);
        return;
    }
    for (;;) {
        const ssize_t n = receive(socket.native_handle(), to, block ? kReadBuffer : size_);
        if (n > 0) {
            block_ = std::move(block);
            stream_.on_read({}, static_cast<std::size_t>(n));
        } else if (n == 0) {
            stream_.on_read(asio::error::eof, 0);
        } else if (errno == EINTR) {
            continue;
        } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
            wait(socket);
        } else {
            stream_.on_read(error_code(errno, boost::system::system_category()), 0);
        }
        return;
    }
}

}  // namespace understudy::net
