#include "proxy/admin.hpp"

#include "proxy/models.hpp"
#include "proxy/session.hpp"

#include "understudy_version.hpp"

namespace understudy::proxy {

using upstreams::Task;

namespace {

constexpr std::string_view kNoFields;
// Clients ask whether somebody is there (HEAD /), people what it is.
constexpr std::string_view kNameAndVersion =
    R"({"name":"understudy","version":")" UNDERSTUDY_VERSION "\"}\n";

bool wants_openmetrics(const Inbound& request) {
    return request.head.fields.find("accept").find("application/openmetrics-text") !=
           std::string_view::npos;
}

}  // namespace

Task<void> answer_admin(Session& session, const Inbound& request,
                        const std::shared_ptr<Runtime>& runtime) {
    constexpr std::string_view kText = "text/plain; charset=utf-8";
    switch (request.endpoint.kind) {
        case EndpointKind::root:
            co_await session.answer(200, "application/json", kNoFields, kNameAndVersion);
            break;
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
            co_await answer_models(session, request, runtime);
            break;
        case EndpointKind::model:
            co_await answer_model(session, request, runtime);
            break;
        case EndpointKind::proxied:
        case EndpointKind::unknown:
            break;
    }
}

}  // namespace understudy::proxy
