#include "upstreams/read_op.hpp"

#include "upstreams/stream.hpp"

#include <boost/asio/error.hpp>

#include <sys/socket.h>
#include <cerrno>

namespace understudy::upstreams {

namespace {

// The descriptor's registration with the reactor is a protected member of the socket.
struct Registration : asio::basic_socket<asio::ip::tcp, Executor> {
    static auto& of(Socket& socket) {
        asio::basic_socket<asio::ip::tcp, Executor>& base = socket;
        return (base.*(&Registration::impl_)).get_implementation().reactor_data_;
    }
};

// What the kernel says is still to be read, an end of the stream included. Where it says nothing
// (not TCP, an old kernel) there may be something.
bool nothing_left(msghdr& message) {
    for (auto* c = CMSG_FIRSTHDR(&message); c != nullptr; c = CMSG_NXTHDR(&message, c)) {
        if (c->cmsg_level != SOL_TCP || c->cmsg_type != TCP_CM_INQ) continue;
        int left = 0;
        std::memcpy(&left, CMSG_DATA(c), sizeof left);
        return left == 0;
    }
    return false;
}

}  // namespace

ReadOp::ReadOp(Stream& stream)
    : reactor_op(error_code(), &ReadOp::perform, &ReadOp::complete), stream_(stream) {}

void ReadOp::start(Socket& socket, char* data, std::size_t size) {
    if (descriptor_ < 0) {
        const int on = 1;
        ::setsockopt(socket.native_handle(), SOL_TCP, TCP_INQ, &on, sizeof on);
    }
    descriptor_ = socket.native_handle();
    data_ = data;
    size_ = size;
    ec_ = error_code();
    bytes_transferred_ = 0;
    intrusive_ptr_add_ref(&stream_);  // until complete()
    auto& reactor = asio::use_service<asio::detail::reactor>(socket.get_executor().context());
    reactor.start_op(asio::detail::reactor::read_op, descriptor_, Registration::of(socket), this,
                     true, true);
}

bool ReadOp::retarget(char* data, std::size_t size) {
    if (bytes_transferred_ != 0 || ec_) return false;
    data_ = data;
    size_ = size;
    return true;
}

asio::detail::reactor_op::status ReadOp::perform(reactor_op* base) {
    auto* op = static_cast<ReadOp*>(base);
    for (;;) {
        iovec slice{op->data_, op->size_};
        alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))];
        msghdr message{};
        message.msg_iov = &slice;
        message.msg_iovlen = 1;
        message.msg_control = control;
        message.msg_controllen = sizeof control;
        const ssize_t n = ::recvmsg(op->descriptor_, &message, 0);
        if (n > 0) {
            op->bytes_transferred_ = static_cast<std::size_t>(n);
            return nothing_left(message) ? done_and_exhausted : done;
        }
        if (n < 0 && errno == EINTR) continue;
        if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return not_done;
        op->ec_ = n == 0 ? error_code(asio::error::eof)
                         : error_code(errno, boost::system::system_category());
        return done_and_exhausted;
    }
}

void ReadOp::complete(void* owner, asio::detail::scheduler_operation* base, const error_code&,
                      std::size_t) {
    auto* op = static_cast<ReadOp*>(base);
    const Stream::Ptr stream(&op->stream_, false);  // takes over start()'s reference
    // Without an owner the io_context is going away: nobody is told.
    if (owner != nullptr) stream->on_read(op->ec_, op->bytes_transferred_);
}

}  // namespace understudy::upstreams
