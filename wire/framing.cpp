#include "wire/framing.hpp"

#include "wire/octets.hpp"

#include <algorithm>
#include <array>

namespace understudy::wire {
namespace {

constexpr std::string_view kHttp = "http://";
constexpr std::string_view kHttps = "https://";
constexpr std::size_t kMaxPortDigits = 5;
// 19 digits always fit in 64 bits, and no body is longer than that.
constexpr std::size_t kMaxLengthDigits = 19;

bool is_port(std::string_view text) noexcept {
    unsigned port = 0;
    if (text.size() > kMaxPortDigits) return false;
    for (const char c : text) {
        if (!is(c, kDigit)) return false;
        port = port * 10 + static_cast<unsigned>(c - '0');
    }
    return port <= 65535;
}

// A transfer coding that is registered (RFC 9112 7.2) but that nobody needs to relay here.
bool is_other_coding(std::string_view name) noexcept {
    constexpr std::array<std::string_view, 5> known{"gzip", "x-gzip", "deflate", "compress",
                                                    "x-compress"};
    return std::any_of(known.begin(), known.end(),
                       [name](std::string_view coding) { return iequals(name, coding); });
}

// Everything but the one word "chunked" is refused: any doubt about a transfer coding is a doubt
// about where the message ends. The distinction only chooses between 501 and 400.
HeadError check_coding(std::string_view value) noexcept {
    if (iequals(value, "chunked")) return HeadError::none;
    bool exists = false;
    bool chunked = false;
    bool in_order = true;
    for_each_element(value, [&](std::string_view coding) {
        in_order = in_order && !chunked;  // chunked is applied once and last (RFC 9112 6.1)
        const bool is_chunked = iequals(coding, "chunked");
        const bool other = is_other_coding(coding);
        chunked = chunked || is_chunked;
        exists = exists || other;
        in_order = in_order && (is_chunked || other);
        return in_order;
    });
    return exists && in_order ? HeadError::unsupported_coding : HeadError::bad_framing;
}

bool read_length(std::string_view value, std::uint64_t& length) noexcept {
    if (value.empty() || value.size() > kMaxLengthDigits) return false;
    length = 0;
    for (const char c : value) {
        if (!is(c, kDigit)) return false;
        length = length * 10 + static_cast<std::uint64_t>(c - '0');
    }
    return true;
}

// Labels with a dot between each two; one more may end it (an absolute name).
bool is_name(std::string_view text) noexcept {
    char before = '.';
    for (const char c : text) {
        if (!is(c, kHost) || (c == '.' && before == '.')) return false;
        before = c;
    }
    return !text.empty();
}

// What the fields declare, before the status or the request method is considered.
HeadError declared(const Noted& noted, int minor_version, Framing& framing) noexcept {
    framing = {};
    if (noted.lookalike) return HeadError::bad_framing;
    if (noted.codings != 0) {
        if (noted.codings > 1 || noted.lengths != 0 || minor_version == 0) {
            return HeadError::bad_framing;
        }
        framing.kind = BodyKind::chunked;
        return check_coding(noted.coding);
    }
    if (noted.lengths == 0) return HeadError::none;
    // Equal repetitions are refused too: they never occur in good faith.
    if (noted.lengths > 1 || !read_length(noted.length, framing.length)) {
        return HeadError::bad_framing;
    }
    framing.kind = BodyKind::length;
    return HeadError::none;
}

}  // namespace

bool is_host(std::string_view text) noexcept {
    if (text.starts_with('[')) {
        const auto close = text.find(']');
        if (close == std::string_view::npos || close < 3) return false;
        const auto address = text.substr(1, close - 1);
        const auto rest = text.substr(close + 1);
        return std::all_of(address.begin(), address.end(),
                           [](char c) { return is(c, kHex) || c == ':' || c == '.'; }) &&
               (rest.empty() || (rest.front() == ':' && is_port(rest.substr(1))));
    }
    const auto colon = text.find(':');
    const auto name = text.substr(0, colon);
    if (colon != std::string_view::npos && !is_port(text.substr(colon + 1))) return false;
    return is_name(name);
}

bool looks_like_framing(std::string_view name) noexcept {
    constexpr std::size_t kLongest = 19;  // "proxy-authorization"
    // The lengths of those of them that have a dash, from "keep-alive" on: this settles nearly all.
    constexpr std::uint32_t kLengths =
        1U << 10 | 1U << 14 | 1U << 16 | 1U << 17 | 1U << 18 | 1U << 19;
    if (name.size() > kLongest || ((kLengths >> name.size()) & 1U) == 0) return false;
    if (name.find('_') == std::string_view::npos) return false;
    std::array<char, kLongest> text{};
    std::replace_copy(name.begin(), name.end(), text.begin(), '_', '-');
    const auto meant = identify({text.data(), name.size()});
    return meant == FieldId::content_length || kHopByHop.contains(meant);
}

bool split_target(std::string_view text, Target& target) noexcept {
    if (text.starts_with('/')) {
        target = {{}, text};
        return true;
    }
    const auto scheme = istarts_with(text, kHttp)    ? kHttp
                        : istarts_with(text, kHttps) ? kHttps
                                                     : std::string_view{};
    if (scheme.empty()) return false;
    const auto rest = text.substr(scheme.size());
    const auto end = rest.find_first_of("/?");
    target.authority = rest.substr(0, end);
    if (!is_host(target.authority)) return false;
    if (end == std::string_view::npos) {
        target.path = text.substr(scheme.size() - 1, 1);
        return true;
    }
    target.path = rest.substr(end);
    // "http://host?query" has no path to slice; RFC 9110 4.2.3 asks senders for the "/".
    return target.path.front() == '/';
}

bool may_become_target(std::string_view begun) noexcept {
    if (begun.empty() || begun.front() == '/') return true;
    const auto agrees = [begun](std::string_view scheme) {
        const auto size = std::min(begun.size(), scheme.size());
        return iequals(begun.substr(0, size), scheme.substr(0, size));
    };
    return agrees(kHttp) || agrees(kHttps);
}

HeadError frame_request(const Noted& noted, int minor_version, Framing& framing) noexcept {
    return declared(noted, minor_version, framing);
}

HeadError frame_response(const Noted& noted, int minor_version, unsigned status,
                         bool to_head_request, Framing& framing, bool& reusable) noexcept {
    const auto error = declared(noted, minor_version, framing);
    if (error != HeadError::none) return error;
    const bool interim = status < 200;
    if (interim || status == 204) {
        // These never have a body (RFC 9112 6.3). One that declares bytes may well send them: in
        // front of the final head that cannot be told apart, behind a 204 the connection is spoilt.
        const bool declares_bytes = framing.kind == BodyKind::chunked || framing.length != 0;
        if (declares_bytes && interim) return HeadError::bad_framing;
        if (declares_bytes) reusable = false;
        framing = {};
    } else if (to_head_request || status == 304) {
        framing = {};
    } else if (framing.kind == BodyKind::none) {
        framing.kind = BodyKind::until_close;
        reusable = false;
    }
    return HeadError::none;
}

bool is_persistent(const Noted& noted, int minor_version) noexcept {
    return !noted.close && (minor_version == 1 || noted.keep_alive);
}

}  // namespace understudy::wire
