#include "proxy/web_guard.hpp"

#include "wire/append.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <cstring>

namespace understudy::proxy {

using wire::append_field;
using wire::FieldId;
using wire::iequals;

namespace {

constexpr std::size_t kLongestAddress = INET6_ADDRSTRLEN;
constexpr std::size_t kLongestShown = 200;

std::string lower(std::string_view text) {
    std::string out(text);
    for (char& c : out) {
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c | 0x20);
    }
    return out;
}

std::string_view without_port(std::string_view host) {
    if (host.starts_with('[')) return host.substr(0, host.find(']') + 1);
    return host.substr(0, host.find(':'));
}

bool is_loopback_v4(std::string_view text) {
    char copy[kLongestAddress + 1] = {};
    in_addr address{};
    if (text.size() > kLongestAddress) return false;
    std::memcpy(copy, text.data(), text.size());
    return inet_pton(AF_INET, copy, &address) == 1 && (ntohl(address.s_addr) >> 24) == 127;
}

bool is_loopback_v6(std::string_view text) {
    char copy[kLongestAddress + 1] = {};
    in6_addr address{};
    if (text.size() > kLongestAddress) return false;
    std::memcpy(copy, text.data(), text.size());
    if (inet_pton(AF_INET6, copy, &address) != 1) return false;
    return IN6_IS_ADDR_LOOPBACK(&address) ||
           (IN6_IS_ADDR_V4MAPPED(&address) && address.s6_addr[12] == 127);
}

// What stands behind "scheme://" in an Origin; empty for "null" and anything else.
std::string_view origin_host(std::string_view origin) {
    const auto scheme = origin.find("://");
    return scheme == std::string_view::npos ? std::string_view() : origin.substr(scheme + 3);
}

std::string shown(std::string_view text) {
    std::string out;
    for (const char c : text.substr(0, kLongestShown)) out += c >= ' ' && c < 0x7f ? c : '?';
    return out;
}

LocalError forbidden(std::string_view code, std::string message) {
    return {403, code, std::move(message)};
}

// Somebody followed a link to here: the answer is shown to them and to no page.
bool is_followed_link(const wire::RequestHead& head) {
    return head.method == "GET" && iequals(head.fields.find("sec-fetch-mode"), "navigate");
}

bool has_several(const wire::RequestHead& head) {
    const auto count = [&](FieldId id) {
        return std::count_if(head.fields.begin(), head.fields.end(),
                             [id](const auto& field) { return field.id == id; });
    };
    return count(FieldId::origin) > 1 || count(FieldId::sec_fetch_site) > 1;
}

LocalError bad_origin(std::string_view origin) {
    return forbidden("origin_not_allowed",
                     "Pages of the origin " + shown(origin) +
                         " may not call this proxy; if they should, add it to `cors.origins`.");
}

}  // namespace

bool is_loopback_host(std::string_view host) {
    auto name = without_port(host);
    if (name == "127.0.0.1" || name == "localhost") return true;
    if (name.starts_with('[') && name.ends_with(']')) {
        return is_loopback_v6(name.substr(1, name.size() - 2));
    }
    if (name.ends_with('.')) name.remove_suffix(1);
    constexpr std::string_view kName = "localhost";
    if (name.size() >= kName.size() && iequals(name.substr(name.size() - kName.size()), kName)) {
        return name.size() == kName.size() || name[name.size() - kName.size() - 1] == '.';
    }
    return is_loopback_v4(name);
}

WebGuard::WebGuard(const config::Config& config)
    : keys_(!config.keys.empty()),
      check_host_(!keys_ && std::all_of(config.listen.begin(), config.listen.end(),
                                        [](const auto& e) { return e.loopback(); })),
      check_admin_host_(!keys_ && config.admin && config.admin->loopback()),
      origins_(config.cors_origins) {
    for (const auto& host : config.hosts) hosts_.push_back(lower(host));
}

bool WebGuard::allows(std::string_view origin) const {
    const auto host = origin_host(origin);
    if (!host.empty() && is_loopback_host(host)) return true;
    return std::any_of(origins_.begin(), origins_.end(),
                       [origin](const auto& allowed) { return iequals(allowed, origin); });
}

bool WebGuard::named_as_ours(std::string_view host) const {
    if (is_loopback_host(host)) return true;
    if (hosts_.empty()) return false;
    auto name = lower(without_port(host));
    if (name.ends_with('.')) name.pop_back();
    return std::any_of(hosts_.begin(), hosts_.end(),
                       [&name](const auto& pattern) { return config::glob_match(pattern, name); });
}

std::optional<LocalError> WebGuard::check(const wire::RequestHead& head, bool on_admin) const {
    constexpr wire::FieldSet kByBrowsers{FieldId::origin, FieldId::sec_fetch_site};
    if (head.fields.present().intersects(kByBrowsers)) {
        const auto origin = head.fields.find(FieldId::origin);
        const bool refuse = !keys_ || is_preflight(head);
        if (refuse && has_several(head)) {
            return forbidden("origin_not_allowed", "More than one Origin or Sec-Fetch-Site.");
        }
        if (origin.data() != nullptr) {
            if (refuse && !allows(origin)) return bad_origin(origin);
        } else if (refuse && iequals(head.fields.find(FieldId::sec_fetch_site), "cross-site") &&
                   !is_followed_link(head)) {
            return forbidden("origin_not_allowed",
                             "A page of another site asked for this (Sec-Fetch-Site: cross-site) "
                             "without its origin; pages named in `cors.origins` may call with it.");
        }
    }
    // Only HTTP/1.0 has no Host, and no browser speaks that.
    const bool check_host = on_admin ? check_admin_host_ : check_host_;
    if (!check_host || head.host.empty() || named_as_ours(head.host)) return std::nullopt;
    return forbidden("host_not_allowed", "This proxy is not known as " + shown(head.host) +
                                             "; if that is a name of it, add it to `hosts`.");
}

bool is_preflight(const wire::RequestHead& head) {
    return head.method == "OPTIONS" && head.fields.contains(FieldId::origin) &&
           head.fields.contains("access-control-request-method");
}

std::string cors_fields(std::string_view origin) {
    std::string out;
    append_field(out, "access-control-allow-origin", origin);
    out.append(
        "vary: origin\r\n"
        "access-control-expose-headers: x-request-id, retry-after, x-should-retry, "
        "x-understudy-upstream, x-understudy-model, x-understudy-attempts, x-understudy-trace, "
        "x-understudy-cost-usd, x-understudy-price-version, x-understudy-dropped, "
        "x-understudy-budget-remaining-usd, ratelimit-limit, ratelimit-remaining, "
        "ratelimit-reset, x-ratelimit-limit-requests, x-ratelimit-remaining-requests, "
        "x-ratelimit-reset-requests, x-ratelimit-limit-tokens, x-ratelimit-remaining-tokens, "
        "x-ratelimit-reset-tokens\r\n");
    return out;
}

std::string preflight_fields(const wire::RequestHead& head) {
    auto out = cors_fields(head.fields.find(FieldId::origin));
    out.append("access-control-allow-methods: GET, HEAD, POST\r\n");
    // Named one by one, because "*" leaves out Authorization (Fetch standard).
    const auto asked = head.fields.find("access-control-request-headers");
    if (!asked.empty()) append_field(out, "access-control-allow-headers", asked);
    if (iequals(head.fields.find("access-control-request-private-network"), "true")) {
        append_field(out, "access-control-allow-private-network", "true");
    }
    out.append("access-control-max-age: 600\r\n");
    return out;
}

}  // namespace understudy::proxy
