#include "upstreams/azure_target.hpp"

#include <algorithm>

namespace understudy::upstreams {

namespace {

bool is_plain(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_' || c == '.' || c == '~';
}

}  // namespace

bool is_of_deployment(std::string_view path) {
    const auto name = path.substr(0, path.find('?'));
    return name != "/models" && name != "/responses" && name != "/moderations" &&
           !name.starts_with("/responses/") && !name.starts_with("/models/");
}

void append_deployment(std::string& out, std::string_view model) {
    constexpr std::string_view kHex = "0123456789ABCDEF";
    out.append("/deployments/");
    // "." and ".." would be taken for steps through the path even when encoded; no deployment has
    // such a name, so the service says that there is none.
    if (model == "." || model == "..") out.append(1, '_');
    for (const char c : model) {
        if (is_plain(c)) {
            out.append(1, c);
            continue;
        }
        const auto byte = static_cast<unsigned char>(c);
        out.append(1, '%').append(1, kHex[byte >> 4U]).append(1, kHex[byte & 15U]);
    }
}

void append_versioned(std::string& out, std::string_view path, std::string_view version) {
    const auto query = path.find('?');
    out.append(path.substr(0, query)).append("?api-version=").append(version);
    auto rest = query == std::string_view::npos ? std::string_view() : path.substr(query + 1);
    while (!rest.empty()) {
        const auto end = std::min(rest.find('&'), rest.size());
        const auto part = rest.substr(0, end);
        if (!part.empty() && !part.starts_with("api-version=")) out.append(1, '&').append(part);
        rest.remove_prefix(std::min(end + 1, rest.size()));
    }
}

}  // namespace understudy::upstreams
