#include "net/asio/read_op.hpp"

#include "net/asio/internals.hpp"
#include "net/kernel_calls.hpp"
#include "net/stream.hpp"

#include <boost/asio/error.hpp>

#include <sys/epoll.h>
#include <sys/socket.h>
#include <cerrno>

namespace understudy::net {

struct RegisteredEvents {
    friend constexpr auto revealed(RegisteredEvents);
};
template struct Reveal<RegisteredEvents, &Reactor::descriptor_state::registered_events_>;
struct PerformFunction {
    friend constexpr auto revealed(PerformFunction);
};
template struct Reveal<PerformFunction, &asio::detail::reactor_op::perform_func_>;

namespace {

// The events of the descriptor's last wake-up are a protected member of its operation.
struct Wakeup : asio::detail::scheduler_operation {
    static std::uint32_t events(const asio::detail::scheduler_operation& descriptor) {
        return descriptor.*(&Wakeup::task_result_);
    }
};

// An end or a reset may be queued behind what has been read, and its event is this one. Reading
// also stops in front of urgent data, with more behind it.
bool may_have_ended(const asio::detail::scheduler_operation* descriptor) {
    return (Wakeup::events(*descriptor) & (EPOLLRDHUP | EPOLLHUP | EPOLLERR | EPOLLPRI)) != 0;
}

}  // namespace

ReadOp::ReadOp(Stream& stream)
    : reactor_op(error_code(), &ReadOp::perform, &ReadOp::complete), stream_(stream) {}

void ReadOp::start(Socket& socket, char* data, std::size_t size) {
    auto& registration = SocketInternals::of(socket).reactor_data_;
    const bool first = reactor_ == nullptr;
    if (first) {
        reactor_ = &asio::use_service<Reactor>(socket.get_executor().context());
        number_ = socket.native_handle();
        // Only this form of a cast reaches a private base.
        descriptor_ = (const asio::detail::scheduler_operation*)registration;
        // From now on events say whether the other side has ended the connection, which Asio does
        // not ask for: it tells the kernel when it waits without a try.
        if (registration != nullptr) registration->*revealed(RegisteredEvents{}) |= EPOLLRDHUP;
    }
    data_ = data;
    size_ = size;
    ec_ = error_code();
    bytes_transferred_ = 0;
    intrusive_ptr_add_ref(&stream_);  // until complete()
    // The first wait: either there was a look already (Stream::read_at_once), or it is for the
    // answer to what has just been sent. Whatever is there raises an event.
    const bool try_at_once = !first;
    reactor_->start_op(Reactor::read_op, number_, registration, this, true, try_at_once);
}

bool ReadOp::retarget(char* data, std::size_t size) {
    if (bytes_transferred_ != 0 || ec_) return false;
    data_ = data;
    size_ = size;
    return true;
}

bool ReadOp::flows(const asio::detail::reactor_op& operation) {
    return operation.*revealed(PerformFunction{}) == &ReadOp::perform &&
           static_cast<const ReadOp&>(operation).flowing_;
}

asio::detail::reactor_op::status ReadOp::perform(reactor_op* base) {
    auto& op = *static_cast<ReadOp*>(base);
    char* data = op.data_;
    std::size_t size = op.size_;
    ReadBlock block;
    if (data == nullptr) {
        block = take_read_block();
        data = block.get();
        size = kReadBuffer;
        if (data == nullptr) {
            op.ec_ = asio::error::no_memory;
            return done_and_exhausted;
        }
    }
    for (;;) {
        const ssize_t n = receive(op.number_, data, size);
        if (n > 0) {
            op.block_ = std::move(block);
            op.bytes_transferred_ = static_cast<std::size_t>(n);
            const bool emptied = op.bytes_transferred_ < size;
            return emptied && !may_have_ended(op.descriptor_) ? done_and_exhausted : done;
        }
        if (n < 0 && errno == EINTR) continue;
        if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return not_done;
        op.ec_ = n == 0 ? error_code(asio::error::eof)
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

}  // namespace understudy::net
