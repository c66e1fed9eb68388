#include "proxy/path_model.hpp"

#include "wire/percent.hpp"

#include <algorithm>

namespace understudy::proxy {

namespace {

// Google's resource names are "models/NAME".
std::string_view without_collection(std::string_view name) {
    constexpr std::string_view kModels = "models/";
    if (name.starts_with(kModels)) name.remove_prefix(kModels.size());
    return name;
}

LocalError refusal(std::string message) {
    LocalError error(400, "invalid_request", std::move(message));
    error.param = "model";
    return error;
}

}  // namespace

std::optional<LocalError> take_model_of_path(Inbound& request) {
    auto& facts = request.facts;
    const auto name = wire::percent_decoded(request.endpoint.argument);
    const bool in_body = !facts.model_values.empty();
    if (in_body && (!facts.has_model || without_collection(facts.model) != name)) {
        return refusal("The path names the model; the body names another one. Leave it out there.");
    }
    const bool control = std::any_of(name.begin(), name.end(), [](char c) {
        return static_cast<unsigned char>(c) < ' ' || c == '\x7f';
    });
    if (name.empty() || control) return refusal("The path names no model.");
    facts.model = name;
    facts.has_model = true;
    facts.stream = request.endpoint.asks_events;
    facts.include_usage = true;  // it comes unasked
    return std::nullopt;
}

}  // namespace understudy::proxy
