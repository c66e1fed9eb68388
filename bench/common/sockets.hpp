// The few socket calls both programs need. All sockets are non-blocking, all without Nagle.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <cstdint>
#include <cstdlib>
#include <stdexcept>
#include <string>

namespace understudy::bench {

struct Address {
    std::string host = "127.0.0.1";
    std::uint16_t port = 0;
};

/// "127.0.0.1:8080" -> Address; throws on anything else.
inline Address parse_address(const std::string& text) {
    const auto colon = text.rfind(':');
    if (colon == std::string::npos) throw std::runtime_error("want ADDRESS:PORT, got " + text);
    return {text.substr(0, colon), static_cast<std::uint16_t>(std::stoul(text.substr(colon + 1)))};
}

inline sockaddr_in to_sockaddr(const Address& address) {
    sockaddr_in result{};
    result.sin_family = AF_INET;
    result.sin_port = htons(address.port);
    if (inet_pton(AF_INET, address.host.c_str(), &result.sin_addr) != 1)
        throw std::runtime_error("not a numeric IPv4 address: " + address.host);
    return result;
}

inline void set_option(int fd, int level, int name, int value) {
    setsockopt(fd, level, name, &value, sizeof value);
}

/// 10,000 streams need as many descriptors; root may go past the hard limit.
inline void raise_descriptor_limit(rlim_t wanted) {
    rlimit limit{};
    getrlimit(RLIMIT_NOFILE, &limit);
    if (limit.rlim_cur >= wanted) return;
    const rlimit raised{wanted, limit.rlim_max > wanted ? limit.rlim_max : wanted};
    if (setrlimit(RLIMIT_NOFILE, &raised) == 0) return;
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
}

}  // namespace understudy::bench
