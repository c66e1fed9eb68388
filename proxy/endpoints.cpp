#include "proxy/endpoints.hpp"

#include <algorithm>
#include <array>

namespace understudy::proxy {

using wire::AnswerShape;

namespace {

struct Proxied {
    std::string_view path;
    AnswerShape shape;
    bool streams;
};

constexpr std::array<Proxied, 8> kExact{{
    {"/chat/completions", AnswerShape::chat, true},
    {"/completions", AnswerShape::completion, true},
    {"/embeddings", AnswerShape::embeddings, false},
    {"/responses", AnswerShape::responses, false},
    {"/responses/compact", AnswerShape::other_json, false},  // output without a status
    {"/moderations", AnswerShape::moderations, false},
    {"/audio/transcriptions", AnswerShape::transcription, false},
    {"/audio/translations", AnswerShape::transcription, false},
}};

bool plain_segment(std::string_view text) {
    return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               c == '-' || c == '_';
    });
}

bool below(std::string_view path, std::string_view prefix) {
    return path.starts_with(prefix) && plain_segment(path.substr(prefix.size()));
}

bool proxied(std::string_view path, Endpoint& endpoint) {
    for (const auto& p : kExact) {
        if (p.path != path) continue;
        endpoint.shape = p.shape;
        endpoint.streams = p.streams;
        return true;
    }
    if (below(path, "/images/")) {
        endpoint.shape = AnswerShape::images;
        return true;
    }
    if (below(path, "/audio/")) {
        // Speech is bytes: only status and completeness can be judged, unless it says it is JSON.
        endpoint.shape = AnswerShape::opaque;
        return true;
    }
    return false;
}

}  // namespace

Endpoint match_endpoint(std::string_view method, std::string_view target) {
    Endpoint endpoint;
    const auto query = target.find('?');
    std::string_view path = target.substr(0, query);
    const auto read_only = [&](EndpointKind kind) {
        endpoint.kind = kind;
        endpoint.allow = "GET, HEAD";
        endpoint.method_ok = method == "GET" || method == "HEAD";
    };
    if (path == "/" && (method == "GET" || method == "HEAD")) {
        read_only(EndpointKind::root);
        return endpoint;
    }
    if (path == "/healthz") {
        read_only(EndpointKind::healthz);
        return endpoint;
    }
    if (path == "/readyz") {
        read_only(EndpointKind::readyz);
        return endpoint;
    }
    if (path == "/metrics") {
        read_only(EndpointKind::metrics);
        return endpoint;
    }
    std::size_t cut = 0;
    if (path.starts_with("/v1/")) cut = 3;
    path.remove_prefix(cut);
    if (path == "/models") {
        read_only(EndpointKind::models);
    } else if (path.starts_with("/models/") && path.size() > 8) {
        read_only(EndpointKind::model);
        endpoint.argument = path.substr(8);
    } else if (proxied(path, endpoint)) {
        endpoint.kind = EndpointKind::proxied;
        endpoint.path = target.substr(cut);
        endpoint.allow = "POST";
        endpoint.method_ok = method == "POST";
    }
    return endpoint;
}

}  // namespace understudy::proxy
