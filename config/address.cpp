#include "config/address.hpp"

#include "config/text.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <optional>
#include <utility>

namespace understudy::config {
namespace {

// The canonical text of a numeric address of this family.
std::optional<std::string> canonical(int family, const std::string& text) {
    unsigned char bytes[16] = {};
    char out[INET6_ADDRSTRLEN] = {};
    if (::inet_pton(family, text.c_str(), bytes) != 1) return std::nullopt;
    if (::inet_ntop(family, bytes, out, sizeof out) == nullptr) return std::nullopt;
    return std::string(out);
}

std::optional<std::uint16_t> parse_port(std::string_view text) {
    const auto number = parse_integer(text);
    if (!number || text.size() > 5 || *number.value > 65535) return std::nullopt;
    return static_cast<std::uint16_t>(*number.value);
}

// "host:port" or "[v6]:port"; the colon and the port are optional. `rest` keeps them.
struct HostPort {
    std::string host;
    std::string_view port;
    bool has_port = false;
    bool bracketed = false;
    bool well_formed = false;
};

HostPort split_host_port(std::string_view text) {
    HostPort out;
    std::string_view rest;
    if (text.starts_with('[')) {
        const std::size_t close = text.find(']');
        if (close == std::string_view::npos) return out;
        out.bracketed = true;
        out.host = text.substr(1, close - 1);
        rest = text.substr(close + 1);
    } else {
        const std::size_t colon = text.find(':');
        out.host = text.substr(0, colon);
        rest = colon == std::string_view::npos ? std::string_view{} : text.substr(colon);
    }
    out.well_formed = rest.empty() || rest.front() == ':';
    out.has_port = out.well_formed && !rest.empty();
    if (out.has_port) out.port = rest.substr(1);
    return out;
}

bool is_ipv4(std::string_view host) {
    return canonical(AF_INET, std::string(host)).has_value();
}

// A name whose last label is a number can only be meant as an IPv4 address (RFC 3986 3.2.2,
// WHATWG).
bool looks_numeric(std::string_view host) {
    const std::string_view last = host.substr(host.rfind('.') + 1);
    return !last.empty() &&
           std::all_of(last.begin(), last.end(), [](char c) { return c >= '0' && c <= '9'; });
}

// Why `path` cannot be the prefix of every request's path; empty if it can.
std::string path_problem(std::string_view path) {
    constexpr std::string_view kAllowed = "/-._~!$&'()*+,;=:@%";
    for (const char c : path) {
        const bool letter =
            (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!letter && kAllowed.find(c) == std::string_view::npos) {
            return "has a character in its path that a URL cannot have; percent-encode it";
        }
    }
    if (path.find("//") != std::string_view::npos) return "has an empty segment (//) in its path";
    const std::string slashed = std::string(path) + "/";
    if (slashed.find("/./") != std::string::npos || slashed.find("/../") != std::string::npos) {
        return "has a . or .. segment in its path";
    }
    for (const std::string_view end : {"/chat/completions", "/completions", "/embeddings",
                                       "/responses", "/messages", "/models"}) {
        if (path.ends_with(end)) {
            return "must end before " + std::string(end) +
                   ": the client's path is appended to it (https://api.openai.com/v1)";
        }
    }
    return {};
}

// Host and port of a base URL into `url`; the error otherwise.
std::string read_authority(std::string_view authority, BaseUrl& url) {
    if (authority.find('@') != std::string_view::npos) {
        return "must not contain a user name or password; use api_key or headers";
    }
    const HostPort parts = split_host_port(authority);
    if (!parts.well_formed || parts.host.empty()) return "has no valid host";
    url.port = url.tls ? 443 : 80;
    if (parts.has_port) {
        const auto port = parse_port(parts.port);
        if (!port || *port == 0) return "has a port that is not a number from 1 to 65535";
        url.port = *port;
    }
    if (parts.bracketed) {
        const auto address = canonical(AF_INET6, parts.host);
        if (!address) return "has brackets around something that is not an IPv6 address";
        url.host = *address;
        return {};
    }
    url.host = lower(parts.host);
    if (!is_host_name(url.host)) return "has a host that is neither a name nor an address";
    if (looks_numeric(url.host) && !is_ipv4(url.host)) {
        return "has a host that is not a valid IPv4 address";
    }
    return {};
}

}  // namespace

bool Endpoint::loopback() const {
    return is_loopback(address);
}

std::string Endpoint::text() const {
    const bool v6 = address.find(':') != std::string::npos;
    return (v6 ? "[" + address + "]" : address) + ":" + std::to_string(port);
}

std::string BaseUrl::authority() const {
    const bool v6 = host.find(':') != std::string::npos;
    const std::string name = v6 ? "[" + host + "]" : host;
    return port == (tls ? 443 : 80) ? name : name + ":" + std::to_string(port);
}

std::string BaseUrl::text() const {
    return (tls ? "https://" : "http://") + authority() + path;
}

bool is_loopback(std::string_view host) {
    if (host == "localhost" || host.ends_with(".localhost")) return true;
    unsigned char v4[4] = {};
    const std::string text(host);
    if (::inet_pton(AF_INET, text.c_str(), v4) == 1) return v4[0] == 127;
    unsigned char v6[16] = {};
    if (::inet_pton(AF_INET6, text.c_str(), v6) != 1) return false;
    const auto zeros = [&](int from, int to) {
        return std::all_of(v6 + from, v6 + to, [](unsigned char b) { return b == 0; });
    };
    if (zeros(0, 15)) return v6[15] == 1;                                      // ::1
    return zeros(0, 10) && v6[10] == 0xff && v6[11] == 0xff && v6[12] == 127;  // ::ffff:127.x.x.x
}

bool is_host_name(std::string_view text) {
    if (text.empty() || text.size() > 253) return false;
    while (!text.empty()) {
        const std::string_view label = text.substr(0, text.find('.'));
        const bool characters = std::all_of(label.begin(), label.end(), [](char c) {
            return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                   c == '-' || c == '_';  // container networks have names with underscores
        });
        if (label.empty() || label.size() > 63 || !characters || label.front() == '-' ||
            label.back() == '-') {
            return false;
        }
        if (label.size() == text.size()) break;
        text.remove_prefix(label.size() + 1);
        if (text.empty()) return false;  // a trailing dot would not match certificates
    }
    return true;
}

Parsed<Endpoint> parse_endpoint(std::string_view text) {
    const std::string form = "; write ADDRESS:PORT, as in 127.0.0.1:8080 or [::1]:8080";
    const HostPort parts = split_host_port(text);
    const std::string shown = in_quotes(text);
    if (text.find("://") != std::string_view::npos) {
        return {{}, shown + " is a URL; clients connect in plain HTTP" + form};
    }
    if (text.starts_with("unix:") || text.starts_with('/')) {
        return {{}, shown + " is a Unix socket, which is not served" + form};
    }
    if (!parts.well_formed || !parts.has_port || (parts.host.empty() && !parts.bracketed)) {
        const bool bare_port = parse_port(text).has_value() || text.starts_with(':');
        return {{},
                shown + (bare_port ? " has no address" : " is not an address with a port") + form};
    }
    const auto port = parse_port(parts.port);
    if (!port) return {{}, shown + " has a port that is not a number from 0 to 65535" + form};
    Endpoint endpoint;
    endpoint.port = *port;
    if (lower(parts.host) == "localhost" && !parts.bracketed) return {endpoint, {}};
    if (parts.host == "*") {
        return {{},
                shown + " is not an address; write 0.0.0.0:" + std::to_string(*port) +
                    " for every IPv4 interface or [::]:" + std::to_string(*port)};
    }
    const auto address = canonical(parts.bracketed ? AF_INET6 : AF_INET, parts.host);
    if (!address) {
        return {
            {},
            shown + " has no numeric address; names other than localhost are not looked up" + form};
    }
    endpoint.address = *address;
    return {endpoint, {}};
}

Parsed<BaseUrl> parse_base_url(std::string_view text) {
    BaseUrl url;
    const std::string start = lower(text.substr(0, 8));
    if (start.starts_with("https://")) {
        url.tls = true;
        text.remove_prefix(8);
    } else if (start.starts_with("http://")) {
        url.tls = false;
        text.remove_prefix(7);
    } else {
        return {{}, "must begin with https:// or http://, as in https://api.openai.com/v1"};
    }
    const auto unusable = [](char c) {
        const auto byte = static_cast<unsigned char>(c);
        return byte <= 0x20 || byte >= 0x7f;
    };
    if (std::any_of(text.begin(), text.end(), unusable)) {
        return {{}, "has a space or a character that is not ASCII; percent-encode it"};
    }
    if (text.find('#') != std::string_view::npos) return {{}, "must not have a #fragment"};
    if (text.find('?') != std::string_view::npos) {
        return {{}, "must not have a ?query; an API key belongs into api_key or headers"};
    }
    const std::size_t slash = text.find('/');
    std::string error = read_authority(text.substr(0, slash), url);
    if (!error.empty()) return {{}, std::move(error)};
    if (slash != std::string_view::npos) {
        std::string_view path = text.substr(slash);
        while (path.ends_with('/')) path.remove_suffix(1);
        error = path_problem(path);
        if (!error.empty()) return {{}, std::move(error)};
        url.path = path;
    }
    return {std::move(url), {}};
}

}  // namespace understudy::config
