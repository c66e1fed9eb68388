#include "proxy/endpoints.hpp"

#include "wire/answer_traits.hpp"

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

constexpr std::array<Proxied, 11> kExact{{
    {"/chat/completions", AnswerShape::chat, true},
    {"/completions", AnswerShape::completion, true},
    {"/embeddings", AnswerShape::embeddings, false},
    {"/responses", AnswerShape::responses, false},
    {"/messages", AnswerShape::messages, false},
    {"/messages/count_tokens", AnswerShape::messages_count, false},
    {"/responses/compact", AnswerShape::compaction, false},
    {"/moderations", AnswerShape::moderations, false},
    {"/audio/transcriptions", AnswerShape::transcription, false},
    {"/audio/translations", AnswerShape::transcription, false},
    {"/audio/speech", AnswerShape::speech, false},
}};

constexpr std::array<std::string_view, 7> kOthers{
    "/models", "/images/generations", "/images/edits", "/images/variations", "/healthz", "/readyz",
    "/metrics"};

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
        // What is not known may be bytes: only status and completeness can be judged, unless it
        // says it is JSON.
        endpoint.shape = AnswerShape::opaque;
        return true;
    }
    return false;
}

// Of several `alt` the last one: what none of them says is a list.
bool asks_for_events(std::string_view query) {
    bool events = false;
    while (!query.empty()) {
        const auto end = std::min(query.find('&'), query.size());
        const auto pair = query.substr(0, end);
        for (const std::string_view name : {"alt=", "$alt="}) {
            if (pair.starts_with(name)) events = pair.substr(name.size()) == "sse";
        }
        query.remove_prefix(std::min(end + 1, query.size()));
    }
    return events;
}

// Other paths below /api/ are other people's: Ollama's own API, OpenRouter's base URL.
bool own_api(std::string_view path) {
    constexpr std::string_view kFront = "/api/";
    constexpr std::array<std::string_view, 4> kOurs{"usage", "requests", "sessions", "upstreams"};
    if (!path.starts_with(kFront)) return false;
    path.remove_prefix(kFront.size());
    return std::find(kOurs.begin(), kOurs.end(), path.substr(0, path.find('/'))) != kOurs.end();
}

// Google's "/models/{model}:verb"; `path` without its query, `query` without the mark.
bool google(std::string_view path, std::string_view query, Endpoint& endpoint) {
    constexpr std::string_view kModels = "/models/";
    if (!path.starts_with(kModels)) return false;
    const auto colon = path.rfind(':');
    if (colon == std::string_view::npos || colon <= kModels.size()) return false;
    const auto verb = path.substr(colon + 1);
    if (verb == "generateContent") {
        endpoint.shape = AnswerShape::gemini;
    } else if (verb == "streamGenerateContent") {
        endpoint.asks_events = asks_for_events(query);
        endpoint.shape = endpoint.asks_events ? AnswerShape::gemini : AnswerShape::gemini_list;
    } else if (verb == "countTokens") {
        endpoint.shape = AnswerShape::gemini_count;
    } else {
        return false;
    }
    endpoint.argument = path.substr(kModels.size(), colon - kModels.size());
    return true;
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
    if (own_api(path)) {
        read_only(EndpointKind::api);
        return endpoint;
    }
    const bool beta = path.starts_with("/v1beta/");  // of Google's paths only
    const std::size_t cut = beta ? 7 : path.starts_with("/v1/") ? 3 : 0;
    path.remove_prefix(cut);
    const auto rest = target.substr(cut + path.size());
    const bool action = google(path, rest.substr(std::min<std::size_t>(1, rest.size())), endpoint);
    if (beta) endpoint.dialect = wire::Dialect::gemini;
    // Where a list is asked for, a colon is part of a name ("ft:gpt-4o:org::id").
    const auto asks_action = [&] {
        return (beta || method == "POST") && path.find(':') != std::string_view::npos;
    };
    if (action || (!beta && proxied(path, endpoint))) {
        endpoint.kind = EndpointKind::proxied;
        endpoint.dialect = wire::traits_of(endpoint.shape).dialect;
        endpoint.path = target.substr(cut);
        if (action) endpoint.action = endpoint.path.substr(path.rfind(':'));
        endpoint.allow = "POST";
        endpoint.method_ok = method == "POST";
    } else if (path == "/models") {
        read_only(EndpointKind::models);
    } else if (path.starts_with("/models/") && path.size() > 8 && !asks_action()) {
        read_only(EndpointKind::model);
        endpoint.argument = path.substr(8);
    }
    return endpoint;
}

std::span<const std::string_view> served_paths() {
    static constexpr auto kPaths = [] {
        std::array<std::string_view, kExact.size() + kOthers.size()> paths;
        std::size_t next = 0;
        for (const auto& proxied : kExact) paths[next++] = proxied.path;
        for (const auto& other : kOthers) paths[next++] = other;
        return paths;
    }();
    return kPaths;
}

}  // namespace understudy::proxy
