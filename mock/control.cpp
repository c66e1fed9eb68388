#include "mock/control.hpp"

#include "mock/answer.hpp"
#include "mock/errors.hpp"
#include "mock/faults.hpp"

#include <stdexcept>

namespace understudy::mock {
namespace {

Plan answer(unsigned status, std::string body) {
    Plan plan;
    plan.status = status;
    plan.body = std::move(body);
    return plan;
}

Plan refusal(unsigned status, std::string_view message) {
    return answer(status, error_document(Endpoint::control, status, message, "mock_control_error"));
}

std::string_view query_value(std::string_view query, std::string_view name) {
    while (!query.empty()) {
        const auto end = std::min(query.find('&'), query.size());
        const auto pair = query.substr(0, end);
        if (pair.starts_with(name) && pair.substr(name.size()).starts_with("="))
            return pair.substr(name.size() + 1);
        query.remove_prefix(std::min(end + 1, query.size()));
    }
    return {};
}

Plan log_answer(State& state, const HttpRequest& request) {
    if (!state.keep_log()) return refusal(409, "This simulated upstream runs with --no-log.");
    RequestLog::Filter filter;
    filter.model = query_value(request.query, "model");
    filter.since = parse_number(query_value(request.query, "since"), UINT64_MAX).value_or(0);
    return answer(200, state.log().json(filter));
}

Plan script_answer(State& state, const HttpRequest& request) {
    if (request.method == "GET") {
        Plan plan = answer(200, state.script_text());
        plan.content_type = "application/yaml";
        return plan;
    }
    try {
        state.set_script(request.method == "DELETE" ? std::string_view() : request.body);
    } catch (const std::invalid_argument& error) {
        return refusal(400, error.what());
    }
    return answer(200, "{\"ok\":true}\n");
}

std::string faults_json() {
    std::string list;
    for (const auto& fault : fault_table()) {
        list += join({list.empty() ? "" : ",\n", R"({"name":)", quoted(fault.name), R"(,"what":)",
                      quoted(fault.what), "}"});
    }
    return join({"{\"faults\":[\n", list, "]}\n"});
}

}  // namespace

Plan control_answer(State& state, const HttpRequest& request) {
    const auto what = request.path.substr(std::string_view("/control/").size());
    const bool get = request.method == "GET";
    const bool post = request.method == "POST";
    if (what == "log" && get) return log_answer(state, request);
    if (what == "stats" && get) return answer(200, state.stats_json());
    if (what == "faults" && get) return answer(200, faults_json());
    if (what == "script" && (get || post || request.method == "DELETE"))
        return script_answer(state, request);
    if (what == "reset" && post) {
        state.reset();
        return answer(200, "{\"ok\":true}\n");
    }
    return refusal(404,
                   "Known: GET log, GET stats, GET faults, POST reset, GET, POST and DELETE "
                   "script, all below /control/.");
}

void answer_housekeeping(Plan& plan, Endpoint endpoint, const HttpRequest& request) {
    if (plan.body || plan.status != 200) return;  // the script has decided
    if (endpoint == Endpoint::unknown) {
        plan.status = 404;
        plan.body = error_document(endpoint, plan.status,
                                   join({"Invalid URL (", request.method, " ", request.path, ")"}));
        return;
    }
    const bool lists = endpoint == Endpoint::models || endpoint == Endpoint::google_models;
    if (request.method != (lists || endpoint == Endpoint::health ? "GET" : "POST")) {
        plan.status = 405;
        plan.body = error_document(endpoint, plan.status,
                                   join({"Not allowed: ", request.method, " ", request.path}),
                                   "invalid_request_error", "", "method_not_supported");
    } else if (endpoint == Endpoint::health) {
        plan.body = "ok\n";
        plan.content_type = "text/plain";
    } else if (lists) {
        // OpenAI's and Anthropic's stand at the same path; Anthropic's clients send their version.
        const auto api = endpoint == Endpoint::google_models           ? Api::google
                         : !request.field("anthropic-version").empty() ? Api::anthropic
                                                                       : Api::openai;
        const auto at = request.path.rfind("/models/");
        plan.body = at == std::string_view::npos
                        ? models_document(api)
                        : model_document(api, request.path.substr(at + 8)) + "\n";
    }
}

}  // namespace understudy::mock
