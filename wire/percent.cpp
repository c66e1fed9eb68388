#include "wire/percent.hpp"

#include <algorithm>

namespace understudy::wire {
namespace {

int hex(char c) noexcept {
    if (c >= '0' && c <= '9') return c - '0';
    const char l = static_cast<char>(c | 0x20);
    return l >= 'a' && l <= 'f' ? l - 'a' + 10 : -1;
}

/// The unreserved characters of RFC 3986 2.3.
bool is_plain(char c) noexcept {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_' || c == '.' || c == '~';
}

void append_part(std::string& out, std::string_view part) {
    constexpr std::string_view kHex = "0123456789ABCDEF";
    if (part == "." || part == "..") out.append(1, '_');
    for (const char c : part) {
        if (is_plain(c)) {
            out.append(1, c);
            continue;
        }
        const auto byte = static_cast<unsigned char>(c);
        out.append(1, '%').append(1, kHex[byte >> 4U]).append(1, kHex[byte & 15U]);
    }
}

}  // namespace

std::string percent_decoded(std::string_view text) {
    std::string out;
    out.reserve(text.size());
    for (std::size_t i = 0; i < text.size(); ++i) {
        const int high = text[i] == '%' && i + 2 < text.size() ? hex(text[i + 1]) : -1;
        const int low = high >= 0 ? hex(text[i + 2]) : -1;
        out += low >= 0 ? static_cast<char>(high * 16 + low) : text[i];
        if (low >= 0) i += 2;
    }
    return out;
}

void append_name_in_path(std::string& out, std::string_view name, bool keep_slashes) {
    while (keep_slashes) {
        const auto slash = name.find('/');
        if (slash == std::string_view::npos) break;
        append_part(out, name.substr(0, slash));
        out.append(1, '/');
        name.remove_prefix(slash + 1);
    }
    append_part(out, name);
}

}  // namespace understudy::wire
