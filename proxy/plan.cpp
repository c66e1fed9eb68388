#include "proxy/plan.hpp"

#include "proxy/auth.hpp"
#include "proxy/other_models.hpp"
#include "proxy/path_model.hpp"
#include "proxy/record.hpp"
#include "upstreams/hop_mark.hpp"
#include "wire/answer_traits.hpp"

#include <algorithm>

namespace understudy::proxy {

namespace {

// An empty name is none.
bool names_model(const Inbound& request) {
    return request.facts.has_model && !request.facts.model.empty();
}

constexpr std::size_t kLongestModel = 256;

std::string_view trim(std::string_view text) {
    while (text.starts_with(' ') || text.starts_with('\t')) text.remove_prefix(1);
    while (text.ends_with(' ') || text.ends_with('\t')) text.remove_suffix(1);
    return text;
}

bool is_multipart(std::string_view content_type) {
    return wire::istarts_with(content_type, "multipart/form-data");
}

LocalError bad_request(std::string message, std::string_view code = "invalid_request") {
    return {400, code, std::move(message)};
}

// What is decided upon must be what every upstream would read.
std::optional<LocalError> check_members(const Inbound& request) {
    const auto member = request.facts.ambiguous;
    if (request.facts.odd_stream) {
        auto error = bad_request(
            "\"stream\" is neither true nor false, nor a word or number that servers take for one "
            "of them. Send true or false.");
        error.param = "stream";
        return error;
    }
    if (member.empty()) return std::nullopt;
    const std::string name(member);
    auto error = bad_request("The body has \"" + name +
                             "\" more than once or in another spelling; servers differ in which "
                             "one they read. Send it once, as \"" +
                             name + "\".");
    error.param = member;
    return error;
}

std::optional<LocalError> scan_body(Inbound& request) {
    auto& facts = request.facts;
    const auto content_type = request.head.fields.find(wire::FieldId::content_type);
    if (is_multipart(content_type)) {
        const auto boundary = wire::multipart_boundary(content_type);
        if (boundary.empty() || !wire::scan_multipart(request.body, boundary, facts)) {
            return bad_request("The multipart body does not contain its boundary.");
        }
        if (facts.odd_part != nullptr) {
            return bad_request("A part of the form has " + std::string(facts.odd_part) +
                               ", which servers read differently. Send plain part headers: lines "
                               "that end in CRLF, one Content-Disposition with one name.");
        }
        return std::nullopt;
    }
    const auto* const clear = request.clear.empty() ? nullptr : &request.clear;
    const auto problem = wire::scan_request(request.body, facts, clear);
    if (!problem) return std::nullopt;
    return bad_request("The request body is not one JSON object: " + std::string(problem->what) +
                           " at byte " + std::to_string(problem->offset) + '.',
                       "invalid_json");
}

std::optional<LocalError> choose_chain(const Inbound& request, const OrderGroups& order_groups,
                                       Plan& plan) {
    const auto& route = *plan.route;
    auto& chain = plan.chain;
    if (request.chain.data() == nullptr) {
        for (const auto& entry : route.entries) chain.push_back(&entry);
        if (route.grouped) order_groups({chain.data(), chain.size()});
    }
    // A reordering or a subset of what the route allows, named as the configuration names it.
    auto rest = request.chain;
    while (!rest.empty()) {
        const auto comma = rest.find(',');
        const auto name = trim(rest.substr(0, comma));
        rest = comma == std::string_view::npos ? std::string_view() : rest.substr(comma + 1);
        const auto found = std::find_if(
            route.entries.begin(), route.entries.end(),
            [&](const auto& e) { return e.entry->text == name || e.upstream->name == name; });
        if (found == route.entries.end()) {
            return bad_request("x-understudy-chain: \"" + attempt_name(name, "") +
                                   "\" is not in this route's chain.",
                               "invalid_chain");
        }
        if (std::find(chain.begin(), chain.end(), &*found) != chain.end()) {
            return bad_request(
                "x-understudy-chain: \"" + attempt_name(name, "") + "\" is named twice.",
                "invalid_chain");
        }
        chain.push_back(&*found);
    }
    if (chain.empty()) return bad_request("x-understudy-chain names no upstream.", "invalid_chain");
    if (!names_model(request) && !chain.front()->model) {
        auto error = bad_request("The request names no model.", "model_required");
        error.param = "model";
        return error;
    }
    return std::nullopt;
}

}  // namespace

std::string_view session_of(const Inbound& request) {
    if (!request.session.empty()) return request.session;
    for (const std::string_view name : {"prompt_cache_key", "user"}) {
        for (const auto& member : request.facts.members) {
            if (!wire::key_equals(member.key.of(request.body), name)) continue;
            const auto value = member.value.of(request.body);
            if (value.size() > 2 && value.front() == '"') return value;
        }
    }
    return {};
}

std::optional<LocalError> make_plan(Inbound& request, const Runtime& runtime,
                                    const OrderGroups& order_groups, Plan& plan) {
    request.chain = {};
    request.deadline.reset();
    request.session_budget.reset();
    request.may_fall_back = true;
    if (upstreams::in_a_loop(request.head.fields)) {
        LocalError error(508, "loop_detected",
                         "This request came back to the proxy that sent it out: the base_url of an "
                         "upstream leads here again. Point base_url at the provider.");
        error.no_retry = true;
        return error;
    }
    if (auto problem = read_overrides(request); !problem.empty()) return bad_request(problem);
    if (auto error = scan_body(request)) return error;
    if (auto error = check_members(request)) return error;
    if (wire::traits_of(request.endpoint.shape).model_in_path) {
        if (auto error = take_model_of_path(request)) return error;
    }
    const auto& model = request.facts.model;
    if (model.size() > kLongestModel) {
        auto error = bad_request("The model's name is longer than 256 bytes.");
        error.param = "model";
        return error;
    }
    if (runtime.conditional()) {
        const auto content = wire::read_content(request.body, request.facts);
        plan.route = runtime.route_for(model, content, request.head.fields);
    } else {
        plan.route = runtime.route_for(model);
    }
    if (plan.route == nullptr && !names_model(request)) {
        auto error = bad_request("The request names no model.", "model_required");
        error.param = "model";
        return error;
    }
    if (auto error = authorize(request, model)) return error;
    if (auto error = authorize_other_models(request)) return error;
    if (plan.route == nullptr) {
        std::string known;
        for (const auto& route : runtime.config().routes) {
            known += (known.empty() ? "" : ", ") + route.model;
        }
        LocalError error(404, "model_not_found",
                         "No route takes the model \"" + model + "\". Known: " + known + '.');
        error.param = "model";
        return error;
    }
    if (auto error = choose_chain(request, order_groups, plan)) return error;
    auto limit = plan.route->route->deadline;
    if (request.deadline) limit = std::min(limit, *request.deadline);
    plan.deadline = request.received_at + limit;
    return std::nullopt;
}

}  // namespace understudy::proxy
