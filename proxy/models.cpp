#include "proxy/models.hpp"

#include "proxy/auth.hpp"
#include "proxy/session.hpp"
#include "wire/json_scan.hpp"
#include "wire/percent.hpp"

#include <map>

namespace understudy::proxy {

using net::Clock;
using net::Task;

namespace {

constexpr std::string_view kNoFields;
constexpr std::string_view kOwner = "understudy";
constexpr std::chrono::milliseconds kPatience{2000};  // for lists that were never had

bool is_open(const config::Route& route) {
    return route.model.find_first_of("*?") != std::string::npos;
}

bool may_use(const Inbound& request, const std::string& name) {
    return !authorize(request, name);
}

/// Calls action(entry, route) for every entry that sends what the client asks for, whatever it is.
template <class Action>
void each_open_entry(const Runtime& runtime, Action&& action) {
    for (const auto& route : runtime.routes()) {
        if (!is_open(*route.route)) continue;
        for (const auto& entry : route.entries) {
            // Azure lists models, but is asked for deployments.
            if (!entry.model && !entry.upstream->model_in_path) action(entry, route);
        }
    }
}

// Hears of the lists as long as it lives.
class Waiting {
  public:
    explicit Waiting(Session& session) : session_(session) {
        session.worker().model_lists().add_waiter(session.signal());
    }
    ~Waiting() { session_.worker().model_lists().remove_waiter(session_.signal()); }
    Waiting(const Waiting&) = delete;
    Waiting& operator=(const Waiting&) = delete;

  private:
    Session& session_;
};

// Asks for the lists that are missing or old, and waits a little for those that were never had.
Task<void> gather_lists(Session& session, const Inbound& request,
                        const std::shared_ptr<Runtime>& runtime) {
    auto& lists = session.worker().model_lists();
    const Waiting waiting(session);
    net::Timer timer(
        session.worker().context().timers, [](void* s) { static_cast<net::Signal*>(s)->notify(); },
        &session.signal());
    timer.set(Clock::now() + kPatience);
    each_open_entry(*runtime, [&](const RuntimeEntry& entry, const RuntimeRoute&) {
        lists.want(runtime, entry, request);
    });
    for (;;) {
        bool awaited = false;
        each_open_entry(*runtime, [&](const RuntimeEntry& entry, const RuntimeRoute&) {
            awaited = awaited || lists.awaited(*runtime, entry, request);
        });
        if (!awaited || timer.expired() || session.client_gone()) co_return;
        co_await session.signal().wait();
    }
}

// Every name with who has it.
std::map<std::string, std::string_view> all_names(Session& session, const Inbound& request,
                                                  const Runtime& runtime) {
    std::map<std::string, std::string_view> names;
    for (const auto& name : configured_names(runtime.config(), request)) names[name] = kOwner;
    auto& lists = session.worker().model_lists();
    each_open_entry(runtime, [&](const RuntimeEntry& entry, const RuntimeRoute& route) {
        for (const auto& name : lists.names(runtime, entry, request)) {
            // Another route may take it, and send it somewhere else.
            if (runtime.route_for(name) != &route || !may_use(request, name)) continue;
            names.emplace(name, entry.upstream->name);
        }
    });
    return names;
}

// Whose lists the client reads: Anthropic's libraries send the version of its API with everything,
// Google's their key in a header of its own.
wire::Dialect list_dialect(const Inbound& request) {
    const auto& fields = request.head.fields;
    if (request.endpoint.dialect != wire::Dialect::chat) return request.endpoint.dialect;
    if (fields.contains(wire::FieldId::x_goog_api_key)) return wire::Dialect::gemini;
    const bool anthropic = fields.find("anthropic-version").data() != nullptr;
    return anthropic ? wire::Dialect::messages : wire::Dialect::chat;
}

std::string model_object(wire::Dialect dialect, const std::string& name, std::string_view owner) {
    const auto quoted = wire::encode_string(name);
    switch (dialect) {
        case wire::Dialect::messages:
            return "{\"type\":\"model\",\"id\":" + quoted + ",\"display_name\":" + quoted +
                   ",\"created_at\":\"1970-01-01T00:00:00Z\"}";
        case wire::Dialect::gemini:
            return "{\"name\":" + wire::encode_string("models/" + name) +
                   ",\"displayName\":" + quoted +
                   R"(,"supportedGenerationMethods":["generateContent","countTokens"]})";
        default:
            return "{\"id\":" + quoted + R"(,"object":"model","created":0,"owned_by":)" +
                   wire::encode_string(owner) + '}';
    }
}

std::string model_list(wire::Dialect dialect,
                       const std::map<std::string, std::string_view>& names) {
    std::string items;
    for (const auto& [name, owner] : names) {
        items += (items.empty() ? "" : ",") + model_object(dialect, name, owner);
    }
    if (dialect == wire::Dialect::gemini) return "{\"models\":[" + items + "]}";
    if (dialect != wire::Dialect::messages) {
        return R"({"object":"list","data":[)" + items + "]}";
    }
    const auto edge = [](const std::string& name) { return wire::encode_string(name); };
    const bool none = names.empty();
    return "{\"data\":[" + items + R"(],"has_more":false,"first_id":)" +
           (none ? "null" : edge(names.begin()->first)) +
           ",\"last_id\":" + (none ? "null" : edge(names.rbegin()->first)) + '}';
}

}  // namespace

std::set<std::string> configured_names(const config::Config& config, const Inbound& request) {
    std::set<std::string> names;
    for (const auto& route : config.routes) {
        const auto offer = [&](const std::string& name) {
            if (config.route_for(name) == &route && may_use(request, name)) names.insert(name);
        };
        if (!is_open(route)) {
            offer(route.model);
        } else if (const auto& first = route.chain.front(); first.model) {
            offer(*first.model);
        }
    }
    return names;
}

Task<void> answer_models(Session& session, const Inbound& request,
                         const std::shared_ptr<Runtime>& runtime) {
    co_await gather_lists(session, request, runtime);
    const auto names = all_names(session, request, *runtime);
    const auto body = model_list(list_dialect(request), names);
    co_await session.answer(200, "application/json", kNoFields, body);
}

Task<void> answer_model(Session& session, const Inbound& request,
                        const std::shared_ptr<Runtime>& runtime) {
    const auto name = wire::percent_decoded(request.endpoint.argument);
    const bool routed = runtime->route_for(name) != nullptr && may_use(request, name);
    std::string_view owner;
    if (routed && configured_names(runtime->config(), request).contains(name)) {
        owner = kOwner;
    } else if (routed && session.worker().shared().answered.contains(name)) {
        owner = kOwner;
    } else if (routed) {
        co_await gather_lists(session, request, runtime);
        const auto names = all_names(session, request, *runtime);
        const auto found = names.find(name);
        if (found != names.end()) owner = found->second;
    }
    if (!owner.empty()) {
        const auto body = model_object(list_dialect(request), name, owner);
        co_await session.answer(200, "application/json", kNoFields, body);
        co_return;
    }
    LocalError error(404, "model_not_found",
                     "No model \"" + name +
                         "\" is known here: neither a route nor an upstream's list names it, and "
                         "no upstream has answered it yet. GET /v1/models lists what is known.");
    error.param = "model";
    co_await session.answer(error);
}

}  // namespace understudy::proxy
