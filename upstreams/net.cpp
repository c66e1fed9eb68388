#include "upstreams/net.hpp"

#include <boost/asio/error.hpp>

#include <algorithm>
#include <cctype>
#include <cstring>

namespace understudy::upstreams {

void GatherList::copy_to(char* out) const {
    for (std::size_t i = 0; i < count(); ++i) {
        const iovec& item = items()[i];
        std::memcpy(out, item.iov_base, item.iov_len);
        out += item.iov_len;
    }
}

void GatherList::advance(std::size_t n) {
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

}  // namespace understudy::upstreams
