#include "proxy/unknown_path.hpp"

#include "proxy/endpoints.hpp"

#include <algorithm>
#include <array>
#include <optional>

namespace understudy::proxy {

namespace {

constexpr std::size_t kLongestShown = 200;

std::string_view path_of(std::string_view target) {
    return target.substr(0, target.find('?'));
}

std::string lower(std::string_view text) {
    std::string out(text);
    for (char& c : out) {
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c | 0x20);
    }
    return out;
}

bool served(std::string_view path) {
    return match_endpoint("POST", path).kind != EndpointKind::unknown;
}

// The paths of APIs that are not spoken here, by how they begin, and what their clients can do.
struct Foreign {
    std::string_view prefix;
    std::string_view advice;
};
constexpr std::array kForeign{
    Foreign{"/openai/",
            "That is Azure OpenAI's form of path: use the plain OpenAI client with the "
            "base URL ending in /v1, and name Azure as an upstream."},
    Foreign{"/v1/messages/batches",
            "Batches are not served here: send their requests one by one to /v1/messages."},
    Foreign{"/v1beta/openai", "That is Google's OpenAI form: the same is served at /v1."},
    Foreign{"/v1beta/",
            "Of Gemini's API this proxy serves /v1beta/models and, of one model, "
            "/v1beta/models/{model}:generateContent, :streamGenerateContent and :countTokens."},
    Foreign{"/api/chat", "That is Ollama's native API: use its OpenAI form, /v1/chat/completions."},
    Foreign{"/api/generate", "That is Ollama's native API: use its OpenAI form, /v1/completions."},
    Foreign{"/api/tags", "That is Ollama's native API: models are listed at /v1/models."},
    Foreign{"/api/embed", "That is Ollama's native API: use its OpenAI form, /v1/embeddings."},
};

std::string meant(std::string_view path) {
    return "Did you mean " + std::string(path) + "?";
}

// A path that would be served if some of its front were not there: a base URL that says too much.
std::optional<std::string> served_tail(std::string_view path) {
    for (auto slash = path.find('/', 1); slash != std::string_view::npos;
         slash = path.find('/', slash + 1)) {
        const auto tail = path.substr(slash);
        if (!served(tail) || tail.starts_with("/models/")) continue;
        const auto front = std::string(path.substr(0, slash));
        const std::string right =
            tail.starts_with("/v1/") ? std::string(tail) : "/v1" + std::string(tail);
        return "The client's base URL seems to end in " + front +
               ", to which it adds the rest; it should end in /v1. " + meant(right);
    }
    return std::nullopt;
}

// Slashes doubled or at the end, and letters in another case.
std::string tidied(std::string_view path) {
    std::string out;
    for (const char c : lower(path)) {
        if (c != '/' || !out.ends_with('/')) out += c;
    }
    while (out.size() > 1 && out.ends_with('/')) out.pop_back();
    return out;
}

}  // namespace

std::string shown_path(std::string_view target) {
    const auto path = path_of(target);
    std::string out;
    for (const char c : path.substr(0, kLongestShown)) out += c > ' ' && c < 0x7f ? c : '?';
    if (path.size() > kLongestShown) out += "...";
    return out;
}

wire::Dialect dialect_of_path(std::string_view target) {
    const auto path = path_of(target);
    const auto at_or_below = [path](std::string_view front) {
        return path == front || (path.starts_with(front) && path[front.size()] == '/');
    };
    if (at_or_below("/v1/messages") || at_or_below("/messages")) return wire::Dialect::messages;
    const bool verb = path.starts_with("/v1/models/") && path.find(':') != std::string_view::npos;
    return verb || at_or_below("/v1beta/models") ? wire::Dialect::gemini : wire::Dialect::chat;
}

std::string guess_mistake(std::string_view target) {
    const auto path = path_of(target).substr(0, kLongestShown);
    const auto tidy = tidied(path);
    for (const auto& foreign : kForeign) {
        if (tidy.starts_with(foreign.prefix)) return std::string(foreign.advice);
    }
    if (tidy != path && served(tidy)) return meant(tidy);
    if (const auto tail = served_tail(tidy)) return *tail;
    if (tidy == "/v1" || tidy == "/v1/chat") return meant("/v1/chat/completions");
    return {};
}

LocalError unknown_path(std::string_view target) {
    std::string message = "Nothing is served at " + shown_path(target) + ". ";
    const auto guess = guess_mistake(target);
    message += guess.empty() ? "Clients use /v1/chat/completions and its relatives; docs/"
                               "operations.md lists the paths."
                             : guess;
    LocalError error(404, "not_found", std::move(message));
    error.dialect = dialect_of_path(target);
    return error;
}

LocalError at_other_listener(std::string_view target, bool on_admin) {
    LocalError error(404, "not_found",
                     shown_path(target) + " is not served by this listener. " +
                         (on_admin ? "It is the `admin` one, for /metrics, /healthz and /readyz: "
                                     "send requests to an address of `listen`."
                                   : "The configuration has an `admin` listener: ask there."));
    error.dialect = dialect_of_path(target);
    return error;
}

LocalError wrong_method(std::string_view method, std::string_view target, std::string_view allow) {
    LocalError error(
        405, "method_not_allowed",
        shown_path(target) + " takes " + std::string(allow) + ", not " + shown_path(method) + '.');
    error.allow = allow;
    error.dialect = dialect_of_path(target);
    return error;
}

bool wants_websocket(const wire::Fields& fields) {
    return fields.contains(wire::FieldId::upgrade) &&
           wire::istarts_with(fields.find(wire::FieldId::upgrade), "websocket");
}

LocalError websocket_refused() {
    LocalError error(426, "upgrade_refused",
                     "WebSockets are not served here: send the request as a POST over HTTP/1.1; "
                     "answers stream as server-sent events.");
    error.upgrade = "HTTP/1.1";
    return error;
}

}  // namespace understudy::proxy
