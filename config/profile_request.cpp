#include "config/profile_request.hpp"

#include "config/preset_upstream.hpp"
#include "config/presets.hpp"
#include "config/read.hpp"
#include "config/text.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>

namespace understudy::config {
namespace {

constexpr std::string_view kNewTokens = "max_completion_tokens";
constexpr std::string_view kOldTokens = "max_tokens";

// Models that take `reasoning_effort` and, at their makers', no sampling members beside it, by how
// their names begin (platform.openai.com/docs/guides/reasoning,
// ai.google.dev/gemini-api/docs/openai). The SDK writes an effort into every profile and sends it
// to models that reason only: others answer 400. So a model that is not listed is not sent one.
constexpr std::array<std::string_view, 10> kReasoning{
    "o1",         "o3",       "o4-mini", "gpt-5",       "codex-mini",
    "gemini-2.5", "gemini-3", "grok-4",  "nova-2-lite", "claude-opus-4-5"};
constexpr std::string_view kDefaultEffort = "high";

bool reasons(std::string_view model) {
    const std::string name = lower(model.substr(model.rfind('/') + 1));
    return std::any_of(kReasoning.begin(), kReasoning.end(),
                       [&](std::string_view begins) { return name.starts_with(begins); });
}

bool is_preset(const Upstream& upstream, std::string_view name) {
    return upstream.preset != nullptr && upstream.preset->name == name;
}

void set(Upstream& upstream, std::string_view member, const nlohmann::json& value) {
    auto& all = upstream.body.set;
    std::erase_if(all, [&](const auto& pair) { return pair.first == member; });
    all.emplace_back(member, value.dump());
}

// Whether this service refuses the member, and leaving it out is what `drop_params` asks for.
bool is_refused(const Upstream& upstream, std::string_view member, bool drop_params) {
    if (!drop_params || upstream.preset == nullptr) return false;
    if (upstream.preset->quirks.drop.contains(member)) return true;
    return member == "top_k" &&
           (is_preset(upstream, "azure") || upstream.base_url.host == "api.openai.com");
}

void set_sampling(ProfileReader& reader, bool drop_params, Upstream& upstream) {
    const bool fixed = drop_params && reasons(*upstream.model);
    for (const char* member : {"temperature", "top_p", "top_k"}) {
        const auto value = reader.number(member);
        if (!value) continue;
        if (fixed || is_refused(upstream, member, drop_params)) {
            reader.note(member, "is left out: " + *upstream.model + " does not take it");
            continue;
        }
        const bool whole = std::string_view(member) == "top_k" && *value < 1e9;
        if (whole) {
            set(upstream, member, static_cast<std::uint64_t>(*value));  // written as 40.0 there
        } else {
            set(upstream, member, *value);
        }
    }
    if (const auto seed = reader.whole("seed")) {
        if (is_refused(upstream, "seed", drop_params)) {
            reader.note("seed", "is left out: " + *upstream.model + " does not take it");
        } else {
            set(upstream, "seed", *seed);
        }
    }
}

// One bound under the name that the service knows; the client's, under whichever name, goes.
void set_max_tokens(ProfileReader& reader, Upstream& upstream) {
    const auto most = reader.whole("max_output_tokens");
    if (!most) return;
    if (*most == 0) {
        reader.problem("max_output_tokens", "must be at least 1");
        return;
    }
    const bool old =
        upstream.preset != nullptr && upstream.preset->quirks.max_tokens_from.contains(kNewTokens);
    set(upstream, old ? kOldTokens : kNewTokens, *most);
    upstream.body.drop.emplace_back(old ? kNewTokens : kOldTokens);
}

void set_effort(ProfileReader& reader, bool drop_params, Upstream& upstream) {
    const auto effort = reader.text("reasoning_effort");
    if (!effort || *effort == "none") return;
    if (reasons(*upstream.model) && !is_refused(upstream, "reasoning_effort", drop_params)) {
        set(upstream, "reasoning_effort", *effort);
    } else if (*effort != kDefaultEffort) {
        reader.note("reasoning_effort", "is left out: " + *upstream.model +
                                            " is not known to take it; put it into "
                                            "litellm_extra_body to send it anyway");
    }
}

void set_extra_body(ProfileReader& reader, Upstream& upstream) {
    const auto* extra = reader.map("litellm_extra_body");
    if (extra == nullptr) return;
    for (const auto& [member, value] : extra->items()) {
        const std::string path = "litellm_extra_body." + member;
        if (const auto why = reserved_member(member); !why.empty() || member.empty()) {
            reader.problem(path, member.empty() ? "names no member of the body"
                                                : "cannot be changed here: " + std::string(why));
            continue;
        }
        std::erase(upstream.body.drop, member);
        set(upstream, member, value);
    }
}

void add_header(ProfileReader& reader, const std::string& path, const std::string& name,
                const std::string& value, Upstream& upstream) {
    const std::string key = lower(name);
    const auto same = [&](const HeaderSetting& other) { return lower(other.name) == key; };
    if (!is_token(name)) {
        reader.problem(path, "is not a header name");
    } else if (is_refused_header(key)) {
        reader.problem(path,
                       "cannot be set: Understudy decides this header for every request itself");
    } else if (key == "authorization" && upstream.api_key) {
        reader.problem(path, "api_key already sets this header; remove one of the two");
    } else if (std::any_of(upstream.headers.begin(), upstream.headers.end(), same)) {
        reader.problem(path, "this header is given twice (names differ only in case)");
    } else if (const auto why = header_value_problem(value); !why.empty()) {
        reader.problem(path, std::string(why));
    } else {
        upstream.headers.push_back({name, Secret(value)});
    }
}

void set_headers(ProfileReader& reader, Upstream& upstream) {
    if (const auto* headers = reader.map("extra_headers")) {
        for (const auto& [name, value] : headers->items()) {
            const std::string path = "extra_headers." + name;
            if (value.is_string()) {
                add_header(reader, path, name, value.get<std::string>(), upstream);
            } else {
                reader.problem(path, "is not a text");
            }
        }
    }
    const auto site = reader.text("openrouter_site_url"), app = reader.text("openrouter_app_name");
    if (!is_preset(upstream, "openrouter")) return;
    const auto given = [&](std::string_view key) {
        return std::any_of(upstream.headers.begin(), upstream.headers.end(),
                           [&](const HeaderSetting& other) { return lower(other.name) == key; });
    };
    if (site && !given("http-referer")) {
        add_header(reader, "openrouter_site_url", "HTTP-Referer", *site, upstream);
    }
    if (app && !given("x-title")) {
        add_header(reader, "openrouter_app_name", "X-Title", *app, upstream);
    }
}

}  // namespace

void read_request_members(ProfileReader& reader, Upstream& upstream) {
    const bool drop_params = reader.boolean("drop_params").value_or(true);
    if (!upstream.model) return;  // its place is unknown, and said to be
    set_sampling(reader, drop_params, upstream);
    set_max_tokens(reader, upstream);
    set_effort(reader, drop_params, upstream);
    set_extra_body(reader, upstream);
    set_headers(reader, upstream);
    if (upstream.preset == nullptr) return;
    Quirks quirks = upstream.preset->quirks;
    if (!drop_params) quirks.drop = {};
    add_quirks(quirks, upstream.body);
}

}  // namespace understudy::config
