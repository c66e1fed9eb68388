#include "net/socket.hpp"

#include <boost/asio/error.hpp>

#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <cctype>
#include <cstring>

namespace understudy::net {

std::size_t GatherList::front(std::span<iovec> out, std::size_t room) const {
    const std::size_t most = std::min(count(), out.size());
    std::size_t n = 0;
    for (; n < most && room > 0; ++n) {
        out[n] = items()[n];
        out[n].iov_len = std::min(out[n].iov_len, room);
        room -= out[n].iov_len;
    }
    return n;
}

std::size_t GatherList::copy_to(char* out, std::size_t room) const {
    const std::size_t size = std::min(bytes_, room);
    const iovec* slice = items();
    for (std::size_t filled = 0; filled < size; ++slice) {
        const std::size_t n = std::min(slice->iov_len, size - filled);
        std::memcpy(out + filled, slice->iov_base, n);
        filled += n;
    }
    return size;
}

void GatherList::advance(std::size_t n) {
    if (n == bytes_) {  // as nearly always
        clear();
        return;
    }
    bytes_ -= n;
    while (n > 0) {
        iovec& front = items_[next_];
        if (n < front.iov_len) {
            front.iov_base = static_cast<char*>(front.iov_base) + n;
            front.iov_len -= n;
            return;
        }
        n -= front.iov_len;
        ++next_;
    }
}

std::string describe(const error_code& ec) {
    if (ec == asio::error::eof) return "connection closed";
    std::string text = ec.message();
    std::transform(text.begin(), text.begin() + (text.empty() ? 0 : 1), text.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return text;
}

void tune(Socket& socket) {
    error_code ignored;
    // Nagle against delayed acknowledgements costs 40 ms per small write.
    socket.set_option(asio::ip::tcp::no_delay(true), ignored);
    socket.non_blocking(true, ignored);
}

void keep_alive(Socket& socket) {
    constexpr int kIdleSeconds = 60;
    constexpr int kProbeSeconds = 15;
    constexpr int kProbes = 4;
    error_code ignored;
    socket.set_option(asio::socket_base::keep_alive(true), ignored);
    const auto set = [&](int option, int value) {
        ::setsockopt(socket.native_handle(), IPPROTO_TCP, option, &value, sizeof value);
    };
    set(TCP_KEEPIDLE, kIdleSeconds);
    set(TCP_KEEPINTVL, kProbeSeconds);
    set(TCP_KEEPCNT, kProbes);
}

std::chrono::microseconds round_trip(Socket& socket) {
    tcp_info info{};
    socklen_t size = sizeof info;
    const bool known =
        ::getsockopt(socket.native_handle(), IPPROTO_TCP, TCP_INFO, &info, &size) == 0;
    return std::chrono::microseconds(known ? info.tcpi_rtt : 0);
}

}  // namespace understudy::net
