// What net/asio/adopt.cpp does, with the system calls that Asio makes for it.
#include "net/socket.hpp"

#include <unistd.h>

namespace understudy::net {

error_code adopt(Socket& socket, int descriptor) {
    error_code ec;
    // The family is remembered for nothing that is done with a connected socket.
    socket.assign(asio::ip::tcp::v4(), descriptor, ec);
    if (ec) {
        ::close(descriptor);
        return ec;
    }
    socket.non_blocking(true, ec);
    return ec;
}

}  // namespace understudy::net
