#include "proxy/inherited.hpp"

#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/tcp.hpp>

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>
#include <charconv>
#include <cstdlib>
#include <optional>
#include <string>

namespace understudy::proxy {

namespace {

constexpr int kFirstOfSystemd = 3;  // SD_LISTEN_FDS_START (sd_listen_fds(3))
constexpr std::string_view kAdmin = "=admin";

std::optional<int> number_in(std::string_view text) {
    int value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size() || value < 0) return std::nullopt;
    return value;
}

std::optional<int> number_of(const char* variable) {
    const char* const text = std::getenv(variable);
    return text != nullptr ? number_in(text) : std::nullopt;
}

bool listens(int descriptor) {
    int yes = 0;
    socklen_t size = sizeof yes;
    return ::getsockopt(descriptor, SOL_SOCKET, SO_ACCEPTCONN, &yes, &size) == 0 && yes != 0;
}

std::optional<boost::asio::ip::tcp::endpoint> address_of(int descriptor) {
    boost::asio::ip::tcp::endpoint at;
    auto size = static_cast<socklen_t>(at.capacity());
    if (::getsockname(descriptor, at.data(), &size) != 0) return std::nullopt;
    if (at.data()->sa_family != AF_INET && at.data()->sa_family != AF_INET6) return std::nullopt;
    at.resize(size);
    return at;
}

}  // namespace

std::string handed_over(const std::vector<ListeningSocket>& sockets) {
    std::string names;
    for (const auto& socket : sockets) {
        if (!names.empty()) names += ',';
        names += std::to_string(socket.descriptor);
        if (socket.door == ListeningSocket::Door::admin) names += kAdmin;
    }
    return names;
}

void InheritedListeners::add(std::string_view text, Door door) {
    const auto descriptor = number_in(text);
    if (!descriptor || !listens(*descriptor)) return;
    // Not for the programs that this one may start in its turn.
    ::fcntl(*descriptor, F_SETFD, FD_CLOEXEC);
    sockets_.push_back({*descriptor, door});
}

InheritedListeners InheritedListeners::from_environment() {
    InheritedListeners found;
    if (const char* const names = std::getenv(kListenersVariable)) {
        // One that has ended already has made somebody else our parent: who started this would
        // have waited for it to serve.
        found.predecessor_ = ::getppid();
        std::string_view rest = names;
        while (!rest.empty()) {
            const auto comma = rest.find(',');
            auto name = rest.substr(0, comma);
            const bool admin = name.ends_with(kAdmin);
            if (admin) name.remove_suffix(kAdmin.size());
            found.add(name, admin ? Door::admin : Door::clients);
            rest = comma == std::string_view::npos ? std::string_view() : rest.substr(comma + 1);
        }
        ::unsetenv(kListenersVariable);
    } else if (number_of("LISTEN_PID") == ::getpid()) {
        const int count = number_of("LISTEN_FDS").value_or(0);
        for (int i = 0; i < count; ++i) found.add(std::to_string(kFirstOfSystemd + i), Door::any);
    }
    for (const char* name : {"LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"}) ::unsetenv(name);
    return found;
}

std::vector<std::vector<int>> InheritedListeners::take(std::span<const Wanted> wanted) {
    std::vector<std::vector<int>> taken(wanted.size());
    for (const bool fixed : {true, false}) {
        for (std::size_t i = 0; i < wanted.size(); ++i) {
            if ((wanted[i].endpoint.port != 0) == fixed) taken[i] = take(wanted[i]);
        }
    }
    return taken;
}

std::vector<int> InheritedListeners::take(const Wanted& wanted) {
    std::vector<int> taken;
    boost::system::error_code ec;
    const auto address = boost::asio::ip::make_address(wanted.endpoint.address, ec);
    auto port = wanted.endpoint.port;
    const bool any_port = port == 0;
    std::erase_if(sockets_, [&](const ListeningSocket& socket) {
        const auto at = address_of(socket.descriptor);
        if (ec || !at || at->address() != address) return false;
        const bool right_side = socket.door == Door::any || socket.door == wanted.door;
        if (any_port && !right_side) return false;
        if (port == 0) port = at->port();
        if (at->port() != port) return false;
        taken.push_back(socket.descriptor);
        return true;
    });
    return taken;
}

InheritedListeners::~InheritedListeners() {
    for (const auto& socket : sockets_) ::close(socket.descriptor);
}

}  // namespace understudy::proxy
