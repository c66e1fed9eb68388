#include "config/outbound_proxy.hpp"

#include "config/address.hpp"
#include "config/text.hpp"

#include <openssl/evp.h>

#include <arpa/inet.h>
#include <algorithm>
#include <array>
#include <span>
#include <utility>

namespace understudy::config {
namespace {

constexpr std::string_view kForm = "http://[user:pass@]host:port";

int hex_digit(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

// Percent-decoded; nullopt where a sequence is broken or a control character comes out.
std::optional<std::string> percent_decoded(std::string_view text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        char c = text[i];
        if (c == '%') {
            if (i + 2 >= text.size()) return std::nullopt;
            const int high = hex_digit(text[i + 1]);
            const int low = hex_digit(text[i + 2]);
            if (high < 0 || low < 0) return std::nullopt;
            c = static_cast<char>(high * 16 + low);
            i += 2;
        }
        const auto byte = static_cast<unsigned char>(c);
        if (byte < 0x20 || byte == 0x7f) return std::nullopt;
        out += c;
    }
    return out;
}

std::string base64(std::string_view text) {
    std::string out((text.size() + 2) / 3 * 4 + 1, '\0');
    const int size = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                                     reinterpret_cast<const unsigned char*>(text.data()),
                                     static_cast<int>(text.size()));
    out.resize(static_cast<std::size_t>(size));
    return out;
}

// The value of a Proxy-Authorization field (RFC 7617), or what is wrong.
Parsed<std::string> authorization_of(std::string_view userinfo) {
    const auto colon = std::min(userinfo.find(':'), userinfo.size());
    const auto user = percent_decoded(userinfo.substr(0, colon));
    const auto password = percent_decoded(userinfo.substr(std::min(colon + 1, userinfo.size())));
    if (!user || !password) {
        return {{}, "has a user name or password that is not percent-encoded as it should be"};
    }
    if (user->find(':') != std::string::npos) {
        return {{}, "has a colon in its user name, which no proxy would understand"};
    }
    return {"Basic " + base64(*user + ':' + *password), {}};
}

// The text behind the scheme; or what is wrong with the scheme.
Parsed<std::string_view> without_scheme(std::string_view text) {
    const auto end = text.find("://");
    if (end == std::string_view::npos) return {text, {}};
    const auto scheme = lower(text.substr(0, end));
    if (scheme == "http") return {text.substr(end + 3), {}};
    if (scheme == "https") {
        return {{},
                "is an https:// proxy, which is not supported: name one that is spoken to in plain "
                "HTTP, " +
                    std::string(kForm) +
                    " (what goes to the provider through it is encrypted "
                    "all the same)"};
    }
    if (scheme.starts_with("socks")) {
        return {{},
                "is a SOCKS proxy, which is not supported: name an HTTP one that takes CONNECT, " +
                    std::string(kForm)};
    }
    return {{}, "has a scheme that is not supported; write " + std::string(kForm)};
}

struct Network {
    int family = 0;
    std::array<unsigned char, 16> bytes{};
    std::size_t size = 0;  // in bytes
};

std::optional<Network> address_of(std::string_view text) {
    const std::string copy(text);
    Network network;
    for (const auto& [family, size] : {std::pair{AF_INET, 4}, std::pair{AF_INET6, 16}}) {
        network.family = family;
        network.size = static_cast<std::size_t>(size);
        if (::inet_pton(family, copy.c_str(), network.bytes.data()) == 1) return network;
    }
    return std::nullopt;
}

// `entry` is an address or a network that holds the address `host`.
bool holds_address(std::string_view entry, std::string_view host) {
    const auto slash = entry.find('/');
    const auto network = address_of(entry.substr(0, slash));
    const auto address = address_of(host);
    if (!network || !address || network->family != address->family) return false;
    std::size_t bits = network->size * 8;
    if (slash != std::string_view::npos) {
        const auto number = parse_integer(entry.substr(slash + 1));
        if (!number || *number.value > bits) return false;
        bits = static_cast<std::size_t>(*number.value);
    }
    for (std::size_t i = 0; i < bits; ++i) {
        const auto bit = static_cast<unsigned>(0x80U >> (i % 8));
        if (((network->bytes[i / 8] ^ address->bytes[i / 8]) & bit) != 0) return false;
    }
    return true;
}

// Takes ":port" off the end; 0 where there is none. Brackets go too.
std::uint16_t take_port(std::string_view& entry) {
    std::uint16_t port = 0;
    const auto colon = entry.rfind(':');
    const bool v6 = entry.find(':') != colon && !entry.ends_with(']') &&
                    (!entry.starts_with('[') || entry.find("]:") == std::string_view::npos);
    if (colon != std::string_view::npos && !v6 && !entry.ends_with(']')) {
        const auto number = parse_integer(entry.substr(colon + 1));
        if (number && *number.value <= 65535) {
            port = static_cast<std::uint16_t>(*number.value);
            entry = entry.substr(0, colon);
        }
    }
    if (entry.starts_with('[') && entry.ends_with(']')) entry = entry.substr(1, entry.size() - 2);
    return port;
}

bool is_excepted_by(std::string_view entry, const BaseUrl& url) {
    if (entry == "*") return true;
    const auto port = take_port(entry);
    if (port != 0 && port != url.port) return false;
    if (holds_address(entry, url.host)) return true;
    if (entry.ends_with('.')) entry.remove_suffix(1);
    if (entry.starts_with("*.")) entry.remove_prefix(1);
    if (entry.empty() || entry == ".") return false;
    const std::string name = lower(entry);
    if (name.front() == '.') return url.host.size() > name.size() && url.host.ends_with(name);
    return url.host == name || url.host.ends_with('.' + name);
}

// The first of these variables that is set, even if to nothing: that switches it off.
std::optional<EnvironmentProxy> first_set(std::span<const std::string_view> names,
                                          const Environment& env) {
    for (const auto name : names) {
        if (auto value = env(name)) return EnvironmentProxy{std::string(name), std::move(*value)};
    }
    return std::nullopt;
}

}  // namespace

std::string Proxy::text() const {
    const bool v6 = host.find(':') != std::string::npos;
    return (v6 ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

Parsed<Proxy> parse_proxy(std::string_view text, bool word_will_do) {
    const auto rest = without_scheme(text);
    if (!rest) return {{}, rest.error};
    auto authority = *rest.value;
    Proxy proxy;
    if (const auto at = authority.rfind('@'); at != std::string_view::npos) {
        auto authorization = authorization_of(authority.substr(0, at));
        if (!authorization) return {{}, std::move(authorization.error)};
        proxy.authorization.emplace(std::move(*authorization.value));
        authority.remove_prefix(at + 1);
    }
    // What else can be wrong with an address is what can be wrong with an upstream's.
    const auto url = parse_base_url("http://" + std::string(authority));
    if (!url) return {{}, url.error + "; write " + std::string(kForm)};
    // A word alone is rather a mistake than a host at port 80.
    const bool bare = rest.value->data() == text.data() &&
                      authority.find_first_of(":.") == std::string_view::npos;
    if (bare && !word_will_do) {
        return {{}, "has neither a scheme nor a port; write " + std::string(kForm)};
    }
    if (!url.value->path.empty()) {
        return {{}, "has a path, which a proxy cannot have; write " + std::string(kForm)};
    }
    proxy.host = url.value->host;
    proxy.port = url.value->port;
    return {std::move(proxy), {}};
}

bool is_excepted(std::string_view list, const BaseUrl& url) {
    constexpr std::string_view between = ", \t";
    while (!list.empty()) {
        const auto end = std::min(list.find_first_of(between), list.size());
        if (end > 0 && is_excepted_by(list.substr(0, end), url)) return true;
        list.remove_prefix(std::min(end + 1, list.size()));
    }
    return false;
}

std::optional<EnvironmentProxy> proxy_in_environment(const BaseUrl& url, const Environment& env) {
    if (is_loopback(url.host)) return std::nullopt;
    constexpr std::array<std::string_view, 2> https{"https_proxy", "HTTPS_PROXY"};
    constexpr std::array<std::string_view, 2> http{"http_proxy", "HTTP_PROXY"};
    constexpr std::array<std::string_view, 2> except{"no_proxy", "NO_PROXY"};
    std::span<const std::string_view> names(url.tls ? https : http);
    // Under CGI, HTTP_PROXY is a header of the request (https://httpoxy.org).
    if (!url.tls && env("REQUEST_METHOD")) names = names.first(1);
    auto found = first_set(names, env);
    if (!found || found->value.empty()) return std::nullopt;
    const auto exceptions = first_set(except, env);
    if (exceptions && is_excepted(exceptions->value, url)) return std::nullopt;
    return found;
}

void take_environment_proxies(Context& context, Config& config) {
    std::vector<std::string> told;
    for (Upstream& upstream : config.upstreams) {
        if (upstream.proxy_configured || upstream.base_url.host.empty()) continue;
        const auto found = proxy_in_environment(upstream.base_url, context.env);
        if (!found) continue;
        auto proxy = parse_proxy(found->value, true);
        if (proxy) {
            upstream.proxy.emplace(std::move(*proxy.value));
            upstream.proxy->variable = found->variable;
        } else if (std::find(told.begin(), told.end(), found->variable) == told.end()) {
            told.push_back(found->variable);
            context.problems.push_back({"environment", 0, 0, found->variable,
                                        proxy.error + "; `proxy: none` at an upstream ignores it"});
        }
    }
}

}  // namespace understudy::config
