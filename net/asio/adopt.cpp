#include "net/asio/internals.hpp"
#include "net/socket.hpp"

#include <boost/asio/detail/socket_ops.hpp>

#include <unistd.h>

namespace understudy::net {

error_code adopt(Socket& socket, int descriptor) {
    namespace ops = asio::detail::socket_ops;
    error_code ec;
    // The family is remembered for nothing that is done with a connected socket.
    socket.assign(asio::ip::tcp::v4(), descriptor, ec);
    if (ec) {
        ::close(descriptor);
        return ec;
    }
    auto& state = SocketInternals::of(socket).state_;
    state |= ops::user_set_non_blocking;
    state &= static_cast<ops::state_type>(~ops::possible_dup);  // close() alone ends the wait
    return ec;
}

}  // namespace understudy::net
