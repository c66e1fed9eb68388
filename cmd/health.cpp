// understudy health: for container health checks, which have no curl.
#include "cmd/commands.hpp"

#include <CLI/CLI.hpp>
#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/write.hpp>

#include <sys/socket.h>
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace understudy::cmd {

namespace {

constexpr const char* kDefaultUrl = "http://127.0.0.1:8080/readyz";
constexpr int kTimeoutSeconds = 3;

// The status line's code, or 0 and a reason.
int get_status(const std::string& host, const std::string& port, const std::string& path,
               std::string& reason) {
    namespace asio = boost::asio;
    boost::system::error_code ec;
    asio::io_context io;
    asio::ip::tcp::resolver resolver(io);
    asio::ip::tcp::socket socket(io);
    const auto found = resolver.resolve(host, port, ec);
    if (!ec) asio::connect(socket, found, ec);
    if (ec) {
        reason = ec.message();
        return 0;
    }
    const timeval limit{kTimeoutSeconds, 0};
    ::setsockopt(socket.native_handle(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    const std::string request =
        "GET " + path + " HTTP/1.1\r\nhost: " + host + "\r\nconnection: close\r\n\r\n";
    asio::write(socket, asio::buffer(request), ec);
    std::string answer;
    char piece[512];
    while (!ec && answer.find("\r\n") == std::string::npos) {
        const auto n = ::recv(socket.native_handle(), piece, sizeof piece, 0);
        if (n <= 0) break;
        answer.append(piece, static_cast<std::size_t>(n));
    }
    if (answer.size() < 12 || answer.compare(0, 7, "HTTP/1.") != 0) {
        reason = "no HTTP answer";
        return 0;
    }
    return std::atoi(answer.c_str() + 9);
}

struct Target {
    std::string host, port = "80", path = "/readyz";
};

// http://HOST[:PORT][/PATH]; the scheme may be left out. nullopt: not such a thing.
std::optional<Target> parse_target(std::string text) {
    constexpr std::string_view kScheme = "http://";
    if (text.starts_with(kScheme)) text.erase(0, kScheme.size());
    Target target;
    const auto slash = text.find('/');
    if (slash != std::string::npos && slash + 1 < text.size()) target.path = text.substr(slash);
    text.resize(std::min(text.size(), slash));
    const auto colon = text.rfind(':');
    if (colon != std::string::npos && text.find(']', colon) == std::string::npos) {
        target.port = text.substr(colon + 1);
        text.resize(colon);
    }
    if (text.starts_with('[') && text.ends_with(']')) text = text.substr(1, text.size() - 2);
    target.host = text;
    const bool numeric =
        !target.port.empty() && target.port.find_first_not_of("0123456789") == std::string::npos;
    if (target.host.empty() || !numeric || text.find('/') != std::string::npos) return std::nullopt;
    return target;
}

int health(const std::string& text) {
    const auto target = parse_target(text);
    if (!target) {
        std::fprintf(stderr, "understudy health: expected http://HOST:PORT[/readyz], got \"%s\"\n",
                     text.c_str());
        return kUsage;
    }
    const auto& [host, port, path] = *target;
    std::string reason;
    const int status = get_status(host, port, path, reason);
    if (status == 200) {
        std::puts("ready");
        return kOk;
    }
    if (status != 0) reason = "HTTP " + std::to_string(status);
    std::fprintf(stderr, "not ready: %s%s: %s\n", host.c_str(), path.c_str(), reason.c_str());
    return kFailure;
}

}  // namespace

Run add_health(CLI::App& app) {
    auto url = std::make_shared<std::string>(kDefaultUrl);
    app.add_option("url", *url, "Where the daemon listens (default: " + *url + ")");
    return [url] { return health(*url); };
}

}  // namespace understudy::cmd
