#include "config/preset_upstream.hpp"

#include "config/address.hpp"
#include "config/credential.hpp"
#include "config/text.hpp"

#include <algorithm>
#include <vector>

namespace understudy::config {
namespace {

bool mentions(const wire::BodyRewrite& body, std::string_view member) {
    const auto first = [&](const auto& pair) { return pair.first == member; };
    const auto either = [&](const auto& pair) {
        return pair.first == member || pair.second == member;
    };
    return std::any_of(body.set.begin(), body.set.end(), first) ||
           std::find(body.drop.begin(), body.drop.end(), member) != body.drop.end() ||
           std::any_of(body.rename.begin(), body.rename.end(), either);
}

}  // namespace

Upstream upstream_of(const Preset& preset) {
    Upstream upstream;
    upstream.name = preset.name;
    upstream.preset = &preset;
    upstream.dialect = preset.usual_dialect();
    upstream.base_url = *parse_base_url(preset.base_url_of(upstream.dialect)).value;
    upstream.price_provider = preset.price_provider;
    if (upstream.dialect == Dialect::chat) add_quirks(preset.quirks, upstream.body);
    return upstream;
}

std::optional<FoundKey> key_in_environment(const Preset& preset, const Environment& env) {
    for (const std::string_view variable : preset.key_variables) {
        auto value = env(variable);
        if (value && !value->empty()) return FoundKey{std::string(variable), std::move(*value)};
    }
    return std::nullopt;
}

std::optional<std::string> key_problem(const std::string& value) {
    if (auto why = credential_problem(value)) return why;
    if (is_visible_ascii(value)) return std::nullopt;
    return "has a space, a line break or another character that a key cannot have";
}

std::string variables_text(const Preset& preset) {
    const std::vector<std::string_view> words(preset.key_variables.begin(),
                                              preset.key_variables.end());
    return one_of(words);
}

void add_quirks(const Quirks& quirks, wire::BodyRewrite& body) {
    const wire::BodyRewrite own = body;
    const auto rename = [&](std::string_view from, std::string_view to) {
        if (!mentions(own, from)) body.rename.emplace_back(from, to);
    };
    for (const auto from : quirks.max_tokens_from) rename(from, "max_tokens");
    if (quirks.rename) rename(quirks.rename->from, quirks.rename->to);
    for (const auto member : quirks.drop) {
        if (!mentions(own, member)) body.drop.emplace_back(member);
    }
    const auto bound = [&](std::string_view member, double least, double most) {
        if (!mentions(own, member)) body.bounds.push_back({std::string(member), least, most});
    };
    if (quirks.bound) bound(quirks.bound->member, quirks.bound->least, quirks.bound->most);
    if (quirks.one_choice) bound("n", 1, 1);
}

bool is_dated_version(std::string_view api_version) {
    return !api_version.empty() && api_version.front() >= '0' && api_version.front() <= '9';
}

std::optional<std::string> place_azure(Upstream& upstream) {
    std::string& path = upstream.base_url.path;
    const bool dated = is_dated_version(upstream.api_version);
    if (path.empty() || path == "/openai") {
        path = dated ? "/openai" : "/openai/v1";
        upstream.model_in_path = dated;
    } else if (path.ends_with("/openai/deployments")) {
        path.resize(path.size() - std::string_view("/deployments").size());
        upstream.model_in_path = true;
    }
    const bool deployment =
        upstream.model_in_path || path.find("/openai/deployments/") != std::string::npos;
    if (!deployment || !upstream.api_version.empty()) return std::nullopt;
    return "names deployments, and those answer only with an api_version; add one, such as "
           "`api_version: 2024-10-21`, or write the resource alone for the v1 API";
}

}  // namespace understudy::config
