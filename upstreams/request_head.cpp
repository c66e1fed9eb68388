#include "upstreams/request_head.hpp"

#include <algorithm>

namespace understudy::upstreams {

namespace {

using wire::iequals;

bool is_credential(std::string_view name) {
    return iequals(name, "authorization") || iequals(name, "x-api-key") ||
           iequals(name, "api-key") || iequals(name, "x-goog-api-key") ||
           iequals(name, "ocp-apim-subscription-key") || iequals(name, "cookie");
}

// The upstream is given credentials by the configuration, so the client's stay here.
bool has_own_credentials(const config::Upstream& upstream) {
    return upstream.api_key || std::any_of(upstream.headers.begin(), upstream.headers.end(),
                                           [](const auto& h) { return is_credential(h.name); });
}

bool starts_with_ours(std::string_view name) {
    constexpr std::string_view kPrefix = "x-understudy-";
    return name.size() >= kPrefix.size() && iequals(name.substr(0, kPrefix.size()), kPrefix);
}

// Fields that are ours to write, or that speak to us only.
bool replaced(std::string_view name) {
    switch (name.size()) {
        case 4:
            return iequals(name, "host");
        case 6:
            return iequals(name, "expect");
        case 12:
            return iequals(name, "x-request-id");
        case 14:
            return iequals(name, "content-length") || starts_with_ours(name);
        case 15:
            return iequals(name, "accept-encoding") || starts_with_ours(name);
        default:
            return starts_with_ours(name);
    }
}

bool configured(const config::Upstream& upstream, std::string_view name) {
    return std::any_of(upstream.headers.begin(), upstream.headers.end(),
                       [&](const auto& h) { return iequals(h.name, name); });
}

void field(std::string& out, std::string_view name, std::string_view value) {
    out.append(name).append(": ").append(value).append("\r\n");
}

}  // namespace

void write_request_head(const config::Upstream& upstream, const OutboundHead& request,
                        std::string& out) {
    out.append(request.method).append(1, ' ').append(upstream.base_url.path);
    out.append(request.path).append(" HTTP/1.1\r\n");
    if (!configured(upstream, "host")) field(out, "host", upstream.base_url.authority());
    if (request.client != nullptr) {
        const auto& fields = request.client->fields;
        const bool has_connection = fields.contains("connection");
        const bool credentials = request.forward_credentials && !has_own_credentials(upstream);
        for (const auto& f : fields) {
            if (wire::is_hop_by_hop(f.name) || replaced(f.name)) continue;
            if (is_credential(f.name) && !credentials) continue;
            if (has_connection && wire::named_by_connection(fields, f.name)) continue;
            if (!upstream.headers.empty() && configured(upstream, f.name)) continue;
            field(out, f.name, f.value);
        }
    }
    for (const auto& h : upstream.headers) field(out, h.name, h.value.reveal());
    if (upstream.api_key && !configured(upstream, "authorization")) {
        out.append("authorization: Bearer ").append(upstream.api_key->reveal()).append("\r\n");
    }
    if (!request.request_id.empty()) field(out, "x-request-id", request.request_id);
    // Compressed events arrive late and compressed answers cannot be judged without decoding.
    if (!configured(upstream, "accept-encoding")) field(out, "accept-encoding", "identity");
    if (request.has_body) {
        out.append("content-length: ").append(std::to_string(request.body_size)).append("\r\n");
    }
    out.append("\r\n");
}

}  // namespace understudy::upstreams
