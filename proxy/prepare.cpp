// The part of the failover engine that understands a request: its body, its route, its chain.
#include "proxy/auth.hpp"
#include "proxy/failover.hpp"
#include "proxy/other_models.hpp"
#include "proxy/session.hpp"
#include "proxy/tiers.hpp"
#include "upstreams/hop_mark.hpp"

#include <algorithm>

namespace understudy::proxy {

using upstreams::Clock;

namespace {

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

}  // namespace

// What is decided upon must be what every upstream would read.
std::optional<LocalError> Failover::check_members() const {
    const auto member = request_.facts.ambiguous;
    if (member.empty()) return std::nullopt;
    const std::string name(member);
    auto error = bad_request("The body has \"" + name +
                             "\" more than once or in another spelling; servers differ in which "
                             "one they read. Send it once, as \"" +
                             name + "\".");
    error.param = member;
    return error;
}

std::optional<LocalError> Failover::scan_body() {
    auto& facts = request_.facts;
    const auto content_type = request_.head.fields.find(wire::FieldId::content_type);
    if (is_multipart(content_type)) {
        const auto boundary = wire::multipart_boundary(content_type);
        if (boundary.empty() || !wire::scan_multipart(request_.body, boundary, facts)) {
            return bad_request("The multipart body does not contain its boundary.");
        }
        return std::nullopt;
    }
    const auto* const clear = request_.clear.empty() ? nullptr : &request_.clear;
    const auto problem = wire::scan_request(request_.body, facts, clear);
    if (!problem) return std::nullopt;
    return bad_request("The request body is not one JSON object: " + std::string(problem->what) +
                           " at byte " + std::to_string(problem->offset) + '.',
                       "invalid_json");
}

// Reads everything that decides where the request goes. The error is the client's.
std::optional<LocalError> Failover::understand() {
    if (session_.worker().shared().draining) {
        LocalError error(503, "draining", "This proxy is shutting down; try again elsewhere.");
        error.retry_after = std::chrono::seconds(1);
        return error;
    }
    request_.chain = {};
    request_.deadline.reset();
    request_.may_fall_back = true;
    if (upstreams::in_a_loop(request_.head.fields)) {
        return LocalError(
            508, "loop_detected",
            "This request came back to the proxy that sent it out: the base_url of an "
            "upstream leads here again. Point base_url at the provider.");
    }
    if (auto problem = read_overrides(request_); !problem.empty()) return bad_request(problem);
    if (auto error = scan_body()) return error;
    if (auto error = check_members()) return error;
    const auto& model = request_.facts.model;
    if (model.size() > kLongestModel) {
        auto error = bad_request("The model's name is longer than 256 bytes.");
        error.param = "model";
        return error;
    }
    if (runtime_.conditional()) {
        const auto content = wire::read_content(request_.body, request_.facts);
        route_ = runtime_.route_for(model, content, request_.head.fields);
    } else {
        route_ = runtime_.route_for(model);
    }
    if (route_ == nullptr && !request_.facts.has_model) {
        auto error = bad_request("The request names no model.", "model_required");
        error.param = "model";
        return error;
    }
    if (auto error = authorize(request_, model)) return error;
    if (auto error = authorize_other_models(request_)) return error;
    if (route_ == nullptr) {
        std::string known;
        for (const auto& route : runtime_.config().routes) {
            known += (known.empty() ? "" : ", ") + route.model;
        }
        LocalError error(404, "model_not_found",
                         "No route takes the model \"" + model + "\". Known: " + known + '.');
        error.param = "model";
        return error;
    }
    if (auto error = choose_chain()) return error;
    auto limit = route_->route->deadline;
    if (request_.deadline) limit = std::min(limit, *request_.deadline);
    deadline_ = request_.received_at + limit;
    return std::nullopt;
}

std::optional<LocalError> Failover::choose_chain() {
    if (request_.chain.data() == nullptr) {
        for (const auto& entry : route_->entries) chain_.push_back(&entry);
        if (route_->grouped) {
            draw_order({chain_.data(), chain_.size()}, [&] { return session_.worker().jitter(); });
        }
    }
    // A reordering or a subset of what the route allows, named as the configuration names it.
    auto rest = request_.chain;
    while (!rest.empty()) {
        const auto comma = rest.find(',');
        const auto name = trim(rest.substr(0, comma));
        rest = comma == std::string_view::npos ? std::string_view() : rest.substr(comma + 1);
        const auto found = std::find_if(
            route_->entries.begin(), route_->entries.end(),
            [&](const auto& e) { return e.entry->text == name || e.upstream->name == name; });
        if (found == route_->entries.end()) {
            return bad_request("x-understudy-chain: \"" + attempt_name(name, "") +
                                   "\" is not in this route's chain.",
                               "invalid_chain");
        }
        if (std::find(chain_.begin(), chain_.end(), &*found) != chain_.end()) {
            return bad_request(
                "x-understudy-chain: \"" + attempt_name(name, "") + "\" is named twice.",
                "invalid_chain");
        }
        chain_.push_back(&*found);
    }
    if (chain_.empty())
        return bad_request("x-understudy-chain names no upstream.", "invalid_chain");
    if (!request_.facts.has_model && !chain_.front()->model) {
        auto error = bad_request("The request names no model.", "model_required");
        error.param = "model";
        return error;
    }
    return std::nullopt;
}

}  // namespace understudy::proxy
