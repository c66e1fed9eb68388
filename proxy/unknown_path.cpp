#include "proxy/unknown_path.hpp"

#include "config/text.hpp"
#include "proxy/endpoints.hpp"

#include <algorithm>
#include <array>

namespace understudy::proxy {

namespace {

constexpr std::size_t kLongestShown = 200;

std::string_view path_of(std::string_view target) {
    return target.substr(0, target.find('?'));
}

bool served(std::string_view path) {
    return match_endpoint("POST", path).kind != EndpointKind::unknown;
}

using wire::Dialect;

// Paths that nothing is served at, by how they begin: whose clients ask for them, and what those
// can do. The first that fits.
struct Mistake {
    std::string_view prefix;
    Dialect dialect;
    std::string_view advice;
};
constexpr std::array kMistakes{
    Mistake{"/openai/", Dialect::chat,
            "That is Azure OpenAI's form of path: use the plain OpenAI client with the "
            "base URL ending in /v1, and name Azure as an upstream."},
    Mistake{"/v1/messages/batches", Dialect::messages,
            "Batches are not served here: send their requests one by one to /v1/messages."},
    Mistake{"/v1/messages/", Dialect::messages,
            "Of Anthropic's API this proxy serves /v1/messages and /v1/messages/count_tokens."},
    Mistake{"/v1/responses/", Dialect::responses,
            "Of OpenAI's Responses this proxy serves /v1/responses and /v1/responses/compact, as "
            "POST; answers are not kept."},
    Mistake{"/v1beta/openai", Dialect::chat,
            "That is Google's OpenAI form: the same is served at /v1."},
    Mistake{"/v1beta/v1", Dialect::gemini, {}},  // by what is served behind it
    Mistake{"/v1beta/", Dialect::gemini,
            "Of Gemini's API this proxy serves /v1beta/models and, of one model, "
            "/v1beta/models/{model}:generateContent, :streamGenerateContent and :countTokens."},
    Mistake{"/api/chat", Dialect::chat,
            "That is Ollama's native API: this serves OpenAI's, /v1/chat/completions."},
    Mistake{"/api/generate", Dialect::chat,
            "That is Ollama's native API: this serves OpenAI's, /v1/completions."},
    Mistake{"/api/tags", Dialect::chat,
            "That is Ollama's native API: models are listed at /v1/models."},
    Mistake{"/api/show", Dialect::chat,
            "That is Ollama's native API: models are listed at /v1/models."},
    Mistake{"/api/embed", Dialect::chat,
            "That is Ollama's native API: this serves OpenAI's, /v1/embeddings."},
};

const Mistake* known_mistake(std::string_view tidy) {
    for (const auto& mistake : kMistakes) {
        if (tidy.starts_with(mistake.prefix)) return &mistake;
    }
    return nullptr;
}

std::string meant(std::string_view path) {
    return "Did you mean " + std::string(path) + "?";
}

Dialect dialect_served_at(std::string_view path) {
    return match_endpoint("POST", path).dialect;
}

// Where the path goes on as one that is served: its front is what a base URL says too much. npos:
// nowhere.
std::size_t served_from(std::string_view path) {
    for (auto slash = path.find('/', 1); slash != std::string_view::npos;
         slash = path.find('/', slash + 1)) {
        const auto tail = path.substr(slash);
        const bool list = tail.starts_with("/models/") && tail.find(':') == std::string_view::npos;
        if (served(tail) && !list) return slash;
    }
    return std::string_view::npos;
}

// The served path of which this one is a misspelling; empty: of none, or it only stands behind too
// much.
std::string near_miss(std::string_view path, std::size_t served_from) {
    constexpr std::string_view kVersion = "/v1";
    if (served_from != std::string_view::npos) return {};
    const bool versioned = path.starts_with("/v1/");
    const auto found =
        config::nearest(versioned ? path.substr(kVersion.size()) : path, served_paths());
    if (!found) return {};
    auto whole = std::string(versioned ? kVersion : "").append(*found);
    return served(whole) ? whole : std::string(*found);
}

// What each API's libraries add to their base URL by themselves decides how that has to end.
std::string advice_about_base(std::string_view path, std::size_t from) {
    const auto front = std::string(path.substr(0, from));
    const auto tail = path.substr(from);
    const auto says = "The client's base URL seems to end in " + front;
    switch (dialect_served_at(tail)) {
        case Dialect::messages: {
            const bool whole = tail.starts_with("/v1/");
            return says +
                   ", to which Anthropic's libraries add /v1/messages; it should be without " +
                   front + ". " + meant(whole ? std::string(tail) : "/v1" + std::string(tail));
        }
        case Dialect::gemini: {
            const bool whole = tail.starts_with("/v1");
            return says + ", to which Google's libraries add /v1beta; it should be without " +
                   front + ". " + meant(whole ? std::string(tail) : "/v1beta" + std::string(tail));
        }
        default:
            break;
    }
    if (front == "/v1" && tail.starts_with("/v1/")) {
        return "The path has /v1 twice: the client's base URL should end in /v1 once, or without "
               "it where the client adds /v1 itself. " +
               meant(tail);
    }
    const std::string right =
        tail.starts_with("/v1/") ? std::string(tail) : "/v1" + std::string(tail);
    return says + ", to which it adds the rest; it should end in /v1. " + meant(right);
}

// Slashes doubled or at the end, and letters in another case; Google's verbs keep theirs.
std::string tidied(std::string_view path) {
    const auto verb = std::min(path.find(':'), path.size());
    const auto text = config::lower(path.substr(0, verb)).append(path.substr(verb));
    std::string out;
    for (const char c : text) {
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

Dialect dialect_of_path(std::string_view target) {
    const auto path = path_of(target);
    const auto at_or_below = [path](std::string_view front) {
        return path == front || (path.starts_with(front) && path[front.size()] == '/');
    };
    if (at_or_below("/v1/messages") || at_or_below("/messages")) return Dialect::messages;
    const bool verb = path.starts_with("/v1/models/") && path.find(':') != std::string_view::npos;
    if (verb || at_or_below("/v1beta/models")) return Dialect::gemini;
    const auto tidy = tidied(path.substr(0, kLongestShown));
    if (served(tidy)) return dialect_served_at(tidy);
    if (const auto* mistake = known_mistake(tidy)) return mistake->dialect;
    const auto from = served_from(tidy);
    if (const auto near = near_miss(tidy, from); !near.empty()) return dialect_served_at(near);
    return from == std::string::npos ? Dialect::chat : dialect_served_at(tidy.substr(from));
}

std::string guess_mistake(std::string_view target) {
    const auto path = path_of(target).substr(0, kLongestShown);
    const auto tidy = tidied(path);
    if (tidy != path && served(tidy)) return meant(tidy);
    const auto from = served_from(tidy);
    if (const auto near = near_miss(tidy, from); !near.empty()) return meant(near);
    const auto* const known = known_mistake(tidy);
    if (known != nullptr && !known->advice.empty()) return std::string(known->advice);
    if (from != std::string::npos) return advice_about_base(tidy, from);
    if (tidy == "/v1" || tidy == "/v1/chat") return meant("/v1/chat/completions");
    if (tidy.starts_with("/api"))
        return "Below /api/ there is usage, requests, sessions/{name} and upstreams.";
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
