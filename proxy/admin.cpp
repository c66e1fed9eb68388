#include "proxy/admin.hpp"

#include "proxy/auth.hpp"
#include "proxy/session.hpp"
#include "wire/json_scan.hpp"

#include <set>

namespace understudy::proxy {

using upstreams::Task;

namespace {

constexpr std::string_view kNoFields;

// Names a client may ask for: literal route patterns, and the models chains name where the route's
// pattern lets a client ask for them.
std::set<std::string> model_names(const config::Config& config, const Inbound& request) {
    std::set<std::string> names;
    const auto offer = [&](const std::string& name) {
        if (config.route_for(name) != nullptr && !authorize(request, name)) names.insert(name);
    };
    for (const auto& route : config.routes) {
        if (route.model.find_first_of("*?") == std::string::npos) offer(route.model);
        for (const auto& entry : route.chain) {
            const auto& upstream = config.upstreams[entry.upstream];
            if (entry.model) {
                offer(*entry.model);
            } else if (upstream.model) {
                offer(*upstream.model);
            }
        }
    }
    return names;
}

std::string model_object(const std::string& name) {
    return "{\"id\":" + wire::encode_string(name) +
           ",\"object\":\"model\",\"created\":0,\"owned_by\":\"understudy\"}";
}

std::string percent_decode(std::string_view text) {
    const auto digit = [](char c) -> int {
        if (c >= '0' && c <= '9') return c - '0';
        if (c >= 'a' && c <= 'f') return c - 'a' + 10;
        if (c >= 'A' && c <= 'F') return c - 'A' + 10;
        return -1;
    };
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '%' && i + 2 < text.size() && digit(text[i + 1]) >= 0 &&
            digit(text[i + 2]) >= 0) {
            out += static_cast<char>(digit(text[i + 1]) * 16 + digit(text[i + 2]));
            i += 2;
        } else {
            out += text[i];
        }
    }
    return out;
}

bool wants_openmetrics(const Inbound& request) {
    return request.head.fields.find("accept").find("application/openmetrics-text") !=
           std::string_view::npos;
}

Task<void> answer_models(Session& session, const Inbound& request, const config::Config& config) {
    std::string body = "{\"object\":\"list\",\"data\":[";
    bool first = true;
    for (const auto& name : model_names(config, request)) {
        if (!first) body += ',';
        first = false;
        body += model_object(name);
    }
    body += "]}";
    co_await session.answer(200, "application/json", kNoFields, body);
}

Task<void> answer_model(Session& session, const Inbound& request, const config::Config& config) {
    const auto name = percent_decode(request.endpoint.argument);
    // Any name that a route takes can be asked for, listed or not.
    if (config.route_for(name) != nullptr && !authorize(request, name)) {
        const auto body = model_object(name);
        co_await session.answer(200, "application/json", kNoFields, body);
        co_return;
    }
    LocalError error(404, "model_not_found", "No route takes the model \"" + name + "\".");
    error.param = "model";
    co_await session.answer(error);
}

}  // namespace

Task<void> answer_admin(Session& session, const Inbound& request, Runtime& runtime) {
    constexpr std::string_view kText = "text/plain; charset=utf-8";
    switch (request.endpoint.kind) {
        case EndpointKind::healthz:
            co_await session.answer(200, kText, kNoFields, "ok\n");
            break;
        case EndpointKind::readyz: {
            // Without a breaker every configured upstream counts as usable.
            const bool draining = session.worker().shared().draining;
            co_await session.answer(draining ? 503 : 200, kText, kNoFields,
                                    draining ? "draining\n" : "ready\n");
            break;
        }
        case EndpointKind::metrics: {
            const auto format = wants_openmetrics(request) ? metrics::Format::openmetrics
                                                           : metrics::Format::prometheus;
            const auto page = session.worker().shared().registry.render(format);
            co_await session.answer(200, metrics::Registry::content_type(format), kNoFields, page);
            break;
        }
        case EndpointKind::models:
            co_await answer_models(session, request, runtime.config());
            break;
        case EndpointKind::model:
            co_await answer_model(session, request, runtime.config());
            break;
        case EndpointKind::proxied:
        case EndpointKind::unknown:
            break;
    }
}

}  // namespace understudy::proxy
