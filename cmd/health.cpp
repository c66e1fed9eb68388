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

struct Target {
    std::string host, port = "80", path = "/readyz";
    std::string authority;  // as the Host field has it: with brackets, and the port as given
};

// The status line's code, or 0 and a reason.
int get_status(const Target& target, std::string& reason) {
    namespace asio = boost::asio;
    boost::system::error_code ec;
    asio::io_context io;
    asio::ip::tcp::resolver resolver(io);
    asio::ip::tcp::socket socket(io);
    const auto found = resolver.resolve(target.host, target.port, ec);
    if (!ec) asio::connect(socket, found, ec);
    if (ec) {
        reason = ec.message();
        return 0;
    }
    const timeval limit{kTimeoutSeconds, 0};
    ::setsockopt(socket.native_handle(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    const std::string request = "GET " + target.path + " HTTP/1.1\r\nhost: " + target.authority +
                                "\r\nconnection: close\r\n\r\n";
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

// http://HOST[:PORT][/PATH]; the scheme may be left out. nullopt: not such a thing.
std::optional<Target> parse_target(std::string text) {
    constexpr std::string_view kScheme = "http://";
    if (text.starts_with(kScheme)) text.erase(0, kScheme.size());
    Target target;
    const auto slash = text.find('/');
    if (slash != std::string::npos && slash + 1 < text.size()) target.path = text.substr(slash);
    text.resize(std::min(text.size(), slash));
    target.authority = text;
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
    std::string reason;
    const int status = get_status(*target, reason);
    if (status == 200) {
        std::puts("ready");
        return kOk;
    }
    if (status != 0) reason = "HTTP " + std::to_string(status);
    const std::string host =
        target->host.find(':') == std::string::npos ? target->host : '[' + target->host + ']';
    std::fprintf(stderr, "not ready: http://%s:%s%s: %s\n", host.c_str(), target->port.c_str(),
                 target->path.c_str(), reason.c_str());
    return kFailure;
}

}  // namespace

Run add_health(CLI::App& app) {
    auto url = std::make_shared<std::string>(kDefaultUrl);
    app.add_option("url", *url,
                   "Where the daemon listens, with its port (default: " + *url +
                       "; a URL without a port means 80)");
    return [url] { return health(*url); };
}

}  // namespace understudy::cmd
