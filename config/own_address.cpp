#include "config/own_address.hpp"

#include "config/address.hpp"
#include "config/text.hpp"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>
#include <array>
#include <string_view>

namespace understudy::config {
namespace {

// One spelling for each address: 127.1 and ::ffff:127.0.0.1 are 127.0.0.1. Names in lower case,
// without the dot at the end.
std::string plain(std::string host) {
    host = lower(host);
    if (host.ends_with('.')) host.pop_back();
    std::array<char, INET6_ADDRSTRLEN> text{};
    in6_addr six{};
    if (::inet_pton(AF_INET6, host.c_str(), &six) == 1) {
        if (IN6_IS_ADDR_V4MAPPED(&six)) {
            ::inet_ntop(AF_INET, &six.s6_addr[12], text.data(), text.size());
        } else {
            ::inet_ntop(AF_INET6, &six, text.data(), text.size());
        }
        return text.data();
    }
    in_addr four{};
    if (::inet_aton(host.c_str(), &four) == 1) {
        ::inet_ntop(AF_INET, &four, text.data(), text.size());
        return text.data();
    }
    return host;
}

bool is_any(std::string_view address) {
    return address == "0.0.0.0" || address == "::";
}

bool is_six(std::string_view address) {
    return address.find(':') != std::string_view::npos;
}

bool is_localhost(std::string_view host) {
    return host == "localhost" || host.ends_with(".localhost") || host == "ip6-localhost" ||
           host == "localhost.localdomain";
}

}  // namespace

std::set<std::string> own_addresses() {
    std::set<std::string> own;
    std::array<char, 256> name{};
    if (::gethostname(name.data(), name.size() - 1) == 0 && name[0] != '\0') {
        own.insert(plain(name.data()));
    }
    ifaddrs* list = nullptr;
    if (::getifaddrs(&list) != 0) return own;
    for (const ifaddrs* item = list; item != nullptr; item = item->ifa_next) {
        if (item->ifa_addr == nullptr) continue;
        std::array<char, INET6_ADDRSTRLEN> text{};
        const int family = item->ifa_addr->sa_family;
        if (family == AF_INET) {
            const auto* address = reinterpret_cast<const sockaddr_in*>(item->ifa_addr);
            ::inet_ntop(family, &address->sin_addr, text.data(), text.size());
        } else if (family == AF_INET6) {
            const auto* address = reinterpret_cast<const sockaddr_in6*>(item->ifa_addr);
            ::inet_ntop(family, &address->sin6_addr, text.data(), text.size());
        }
        if (text[0] != '\0') own.insert(text.data());
    }
    ::freeifaddrs(list);
    return own;
}

bool leads_to(const BaseUrl& url, const Endpoint& endpoint, const std::set<std::string>& own) {
    if (endpoint.port == 0 || url.port != endpoint.port || url.host.empty()) return false;
    const std::string host = plain(url.host);
    const std::string listener = plain(endpoint.address);
    if (host == listener) return true;
    if (is_localhost(host)) return is_any(listener) || is_loopback(listener);
    // "Any address" as a destination is this machine, by way of its loopback.
    if (is_any(host)) return is_any(listener) || is_loopback(listener);
    const bool ours = own.contains(host) || is_loopback(host);
    if (!ours) return false;
    if (is_any(listener)) return is_six(host) == is_six(listener) || own.contains(host);
    // A host name of ours may stand for any of our addresses, but seldom for loopback: there
    // another program may have the same port.
    if (is_loopback(listener)) return false;
    in_addr four{};
    in6_addr six{};
    const bool numeric = ::inet_pton(AF_INET, host.c_str(), &four) == 1 ||
                         ::inet_pton(AF_INET6, host.c_str(), &six) == 1;
    return !numeric;
}

}  // namespace understudy::config
