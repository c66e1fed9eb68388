#include "proxy/admin.hpp"

#include "proxy/admission.hpp"
#include "proxy/api.hpp"
#include "proxy/models.hpp"
#include "proxy/session.hpp"

#include "understudy_version.hpp"

namespace understudy::proxy {

using net::Task;

namespace {

constexpr std::string_view kNoFields;
// Clients ask whether somebody is there (HEAD /), people what it is.
constexpr std::string_view kNameAndVersion =
    R"({"name":"understudy","version":")" UNDERSTUDY_VERSION "\"}\n";

bool lacks_ledger(const Shared& shared, const config::Config& config) {
    if (!config.ledger || !config.ledger->required) return false;
    return !shared.ledger || !shared.ledger->health().up;
}

bool wants_openmetrics(const Inbound& request) {
    return request.head.fields.find("accept").find("application/openmetrics-text") !=
           std::string_view::npos;
}

// Empty: it is. Without breakers and key pools every configured upstream counts as usable.
std::string_view not_ready(Session& session, Runtime& runtime) {
    if (session.worker().shared().draining) return "draining\n";
    const auto& shared = session.worker().shared();
    if (lacks_ledger(shared, runtime.config())) return "the ledger cannot be written\n";
    if (!any_route_usable(runtime, net::Clock::now())) return "no usable upstream\n";
    return {};
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
            const auto why = not_ready(session, *runtime);
            const auto said = why.empty() ? std::string_view("ready\n") : why;
            co_await session.answer(why.empty() ? 200 : 503, kText, kNoFields, said);
            break;
        }
        case EndpointKind::metrics: {
            const auto format = wants_openmetrics(request) ? metrics::Format::openmetrics
                                                           : metrics::Format::prometheus;
            const auto page = session.worker().shared().registry.render(format);
            co_await session.answer(200, metrics::Registry::content_type(format), kNoFields, page);
            break;
        }
        case EndpointKind::api:
            co_await answer_api(session, request, runtime);
            break;
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
