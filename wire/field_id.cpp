#include "wire/field_id.hpp"

#include <cstddef>
#include <cstring>

namespace understudy::wire {
namespace {

std::uint64_t load(const char* p) noexcept {
    std::uint64_t word;
    std::memcpy(&word, p, sizeof word);
    return word;
}

// `lower` is lower-case letters and '-', at least eight of them. Setting bit 0x20 lowers a letter
// and leaves '-' alone, and no other octet of a token becomes one of these by it.
bool is(std::string_view name, std::string_view lower) noexcept {
    constexpr std::uint64_t kCase = 0x2020202020202020U;
    std::uint64_t different = 0;
    std::size_t at = 0;
    for (; at + 8 <= lower.size(); at += 8) {
        different |= (load(name.data() + at) | kCase) ^ load(lower.data() + at);
    }
    const std::size_t last = lower.size() - 8;  // overlaps what was compared: cheaper than a loop
    different |= (load(name.data() + last) | kCase) ^ load(lower.data() + last);
    return different == 0;
}

bool is_short(std::string_view name, std::string_view lower) noexcept {
    for (std::size_t i = 0; i < lower.size(); ++i) {
        if ((name[i] | 0x20) != lower[i]) return false;
    }
    return true;
}

FieldId either(std::string_view name, std::string_view lower, FieldId id) noexcept {
    return is(name, lower) ? id : FieldId::other;
}

FieldId identify_short(std::string_view name) noexcept {
    switch (name.size()) {
        case 2:
            if (is_short(name, "te")) return FieldId::te;
            break;
        case 3:
            if (is_short(name, "via")) return FieldId::via;
            break;
        case 4:
            if (is_short(name, "host")) return FieldId::host;
            break;
        case 6:
            if (is_short(name, "expect")) return FieldId::expect;
            if (is_short(name, "cookie")) return FieldId::cookie;
            if (is_short(name, "origin")) return FieldId::origin;
            break;
        case 7:
            if (is_short(name, "api-key")) return FieldId::api_key;
            if (is_short(name, "referer")) return FieldId::referer;
            if (is_short(name, "trailer")) return FieldId::trailer;
            if (is_short(name, "upgrade")) return FieldId::upgrade;
            break;
        default:
            break;
    }
    return FieldId::other;
}

// Nine letters and more, by length: most names need one comparison, or none.
FieldId identify_long(std::string_view name) noexcept {
    switch (name.size()) {
        case 9:
            return either(name, "x-api-key", FieldId::x_api_key);
        case 10:
            if (is(name, "connection")) return FieldId::connection;
            return either(name, "keep-alive", FieldId::keep_alive);
        case 12:
            if (is(name, "content-type")) return FieldId::content_type;
            return either(name, "x-request-id", FieldId::x_request_id);
        case 13:
            return either(name, "authorization", FieldId::authorization);
        case 14:
            if (is(name, "x-goog-api-key")) return FieldId::x_goog_api_key;
            if (is(name, "sec-fetch-site")) return FieldId::sec_fetch_site;
            if (is(name, "x-should-retry")) return FieldId::x_should_retry;
            return either(name, "content-length", FieldId::content_length);
        case 15:
            return either(name, "accept-encoding", FieldId::accept_encoding);
        case 16:
            if (is(name, "content-encoding")) return FieldId::content_encoding;
            return either(name, "proxy-connection", FieldId::proxy_connection);
        case 17:
            return either(name, "transfer-encoding", FieldId::transfer_encoding);
        case 18:
            return either(name, "proxy-authenticate", FieldId::proxy_authenticate);
        case 19:
            return either(name, "proxy-authorization", FieldId::proxy_authorization);
        case 20:
            return either(name, "x-litellm-session-id", FieldId::x_litellm_session_id);
        case 23:
            return either(name, "x-litellm-response-cost", FieldId::x_litellm_response_cost);
        case 25:
            return either(name, "ocp-apim-subscription-key", FieldId::ocp_apim_subscription_key);
        default:
            return FieldId::other;
    }
}

}  // namespace

FieldId identify(std::string_view name) noexcept {
    constexpr std::string_view kOurs = "x-understudy-";
    if (name.size() < 8) return identify_short(name);
    const auto id = identify_long(name);
    if (id != FieldId::other) return id;
    if ((name.front() | 0x20) == 'a') {
        constexpr std::string_view kCors = "access-control-";
        return name.size() > kCors.size() && is(name, kCors) ? FieldId::access_control : id;
    }
    if ((name.front() | 0x20) != 'x') return id;
    return name.size() >= kOurs.size() && is(name, kOurs) ? FieldId::x_understudy : FieldId::other;
}

}  // namespace understudy::wire
