#include "config/implicit_upstream.hpp"
#include "config/presets.hpp"
#include "config/read.hpp"
#include "config/read_choice.hpp"

#include <algorithm>
#include <array>
#include <span>

namespace understudy::config {
namespace {

constexpr std::uint32_t kRetriesOfSingle = 2;  // nowhere else to go, so try the same entry again

// All classes that may be named: the others end a chain whatever the configuration says.
constexpr std::array kNameable{
    wire::FailureClass::connection,     wire::FailureClass::timeout,
    wire::FailureClass::rate_limit,     wire::FailureClass::quota,
    wire::FailureClass::server_error,   wire::FailureClass::malformed,
    wire::FailureClass::auth,           wire::FailureClass::not_found,
    wire::FailureClass::context_length, wire::FailureClass::content_filter,
    wire::FailureClass::bad_request,    wire::FailureClass::empty,
    wire::FailureClass::length,         wire::FailureClass::refusal,
    wire::FailureClass::invalid_json,   wire::FailureClass::invalid_tool_call};

void read_glob(const Section& section, const Config& config, Route& route) {
    const auto value = section.require("model", "a glob over model names, such as \"gpt-4o*\"");
    if (!value) return;
    const std::string* text = value->text("a glob over model names");
    if (text == nullptr) return;
    if (!is_model_name(*text)) {
        value->problem(value->shown() +
                       " is not a glob: use printable ASCII without comma and semicolon");
        return;
    }
    route.model = *text;
    for (const Route& other : config.routes) {
        if (other.model != route.model || other.when != route.when) continue;
        value->problem("another route already has the glob " + value->shown() +
                       (route.when.empty() ? "" : " and the same conditions") +
                       "; the first one takes all its requests");
    }
}

std::size_t find_upstream(const Config& config, std::string_view name) {
    const auto& upstreams = config.upstreams;
    const auto at = std::find_if(upstreams.begin(), upstreams.end(), [&](const Upstream& u) {
        return !name.empty() && u.name == name;
    });
    return static_cast<std::size_t>(at - upstreams.begin());
}

const UnusableProfile* find_unusable(const Config& config, std::string_view name) {
    for (const UnusableProfile& profile : config.unusable_profiles) {
        if (profile.name == name) return &profile;
    }
    return nullptr;
}

// The name is neither an upstream's nor, in front of a slash, a provider's.
void say_unknown(const Value& item, const Config& config, std::string_view name, bool model) {
    if (const UnusableProfile* profile = find_unusable(config, name)) {
        item.problem(item.shown() + " names a profile that cannot be used: " + profile->why);
        return;
    }
    std::vector<std::string_view> names;
    for (const Upstream& u : config.upstreams) {
        const bool listed = std::find(names.begin(), names.end(), u.name) != names.end();
        if (!u.name.empty() && !listed) names.push_back(u.name);
    }
    std::vector<std::string_view> known = names;
    for (const Preset& preset : presets()) {
        if (model) known.push_back(preset.name);
    }
    std::string hint = suggestion(name, known);
    if (hint.empty() && !names.empty()) hint = "; the upstreams are " + one_of(names);
    item.problem("there is no upstream for " + item.shown() + hint);
}

// The provider that `text` names where it names no upstream: "groq/llama" everywhere, and "groq"
// alone with `by_preset`.
const Preset* preset_named(const std::string& text, bool by_preset) {
    if (text.find('/') == std::string::npos) return by_preset ? find_preset(text) : nullptr;
    const auto there = preset_of_model(text);
    return there ? there->preset : nullptr;
}

std::optional<ChainEntry> read_entry(const Value& item, bool by_preset, Config& config) {
    const std::string* text = item.text("an upstream's name, or upstream/model");
    if (text == nullptr) return std::nullopt;
    const std::size_t slash = text->find('/');
    const bool has_model = slash != std::string::npos;
    const std::string name = text->substr(0, slash);
    ChainEntry entry;
    entry.text = *text;
    entry.upstream = find_upstream(config, name);
    if (entry.upstream == config.upstreams.size()) {
        const Preset* preset = preset_named(*text, by_preset);
        if (preset == nullptr || find_unusable(config, name) != nullptr) {
            say_unknown(item, config, name, has_model);
            return std::nullopt;
        }
        const auto made = implicit_upstream(item, name, *preset, config);
        if (!made) return std::nullopt;
        entry.upstream = *made;
    }
    entry.model = config.upstreams[entry.upstream].model;
    if (has_model) {
        const std::string model = text->substr(slash + 1);
        if (!is_model_name(model)) {
            item.problem(item.shown() + " has no model behind the slash; write upstream/model");
            return std::nullopt;
        }
        entry.model = model;
    }
    return entry;
}

// One entry that may join the chain: it does not stand there yet.
std::optional<ChainEntry> new_entry(const Value& item, bool by_preset, Config& config,
                                    const Route& route) {
    auto entry = read_entry(item, by_preset, config);
    if (!entry) return entry;
    const auto same = [&](const ChainEntry& other) {
        return other.upstream == entry->upstream && other.model == entry->model;
    };
    if (std::any_of(route.chain.begin(), route.chain.end(), same)) {
        item.problem(item.shown() +
                     " is in this chain twice; `retries` tries the same entry again");
    }
    return entry;
}

void read_chain(const Section& section, Config& config, Route& route) {
    const auto value = section.require("chain", "a list of upstreams");
    if (!value) return;
    const auto items = value->items("upstreams");
    if (value->node().kind == Element::Kind::list && items.empty()) {
        value->problem("is an empty list; name at least one upstream");
    }
    const auto read_one = [&](const Value& item) { return new_entry(item, false, config, route); };
    for (const Value& item : items) {
        if (item.node().kind == Element::Kind::map) {
            read_group(item, read_one, route);
        } else if (auto entry = read_one(item)) {
            route.chain.push_back(std::move(*entry));
        }
    }
}

// `num_retries` and its waits, where a profile is all there is.
void take_retries_of_profile(const Config& config, Route& route) {
    if (route.chain.size() != 1) return;
    for (const ProfileRoute& profile : config.profile_routes) {
        if (profile.upstream != route.chain.front().upstream) continue;
        route.retries = profile.retries;
        route.retry = profile.retry;
    }
}

// The class that answers with this status belong to, where the status alone decides it; empty
// where it does not.
std::string_view class_of_status(std::uint64_t status) {
    switch (status) {
        case 401:
        case 403:
            return "auth";
        case 402:
            return "quota";
        case 404:
            return "not_found";
        case 408:
        case 504:
            return "timeout";
        case 409:
        case 425:
            return "server_error";
        case 429:
        case 498:
            return "rate_limit";
        default:
            break;
    }
    if (status >= 500 && status < 600) return "server_error";
    return status >= 400 && status < 500 ? "bad_request" : std::string_view{};
}

// People write statuses, as other proxies have them: 429, 5xx.
std::string class_hint(const std::string& text, std::span<const std::string_view> names) {
    std::string digits = lower(text);
    if (digits.size() == 3 && digits.ends_with("xx")) digits.replace(1, 2, "00");
    const auto status = parse_integer(digits);
    const std::string_view name = status ? class_of_status(*status.value) : std::string_view{};
    if (name.empty()) return suggestion(text, names);
    return "; classes are named, not numbered: for " + text + " write " + std::string(name);
}

void read_fallback_on(const Section& section, Route& route) {
    const auto value = section.get("fallback_on");
    if (!value) return;
    std::vector<std::string_view> names;
    names.reserve(kNameable.size());
    for (const auto failure : kNameable) names.push_back(wire::name_of(failure));
    wire::FailureSet set;
    for (const Value& item : value->items("failure classes")) {
        const std::string* text = item.text("a failure class");
        if (text == nullptr) continue;
        if (*text == "budget" || *text == "client_closed") {
            item.problem(item.shown() + " always ends the chain; remove it");
        } else if (*text == "unsupported") {
            item.problem(item.shown() + " always moves on to the next entry; remove it");
        } else if (std::find(names.begin(), names.end(), *text) == names.end()) {
            item.problem(item.shown() + " is not one of " + one_of(names) +
                         (item.node().referenced ? "" : class_hint(*text, names)));
        } else {
            set.add(*wire::failure_class_from(*text));
        }
    }
    route.fallback_on = set;
}

void read_retry(const Section& section, const Config& config, Route& route) {
    route.retries = route.chain.size() == 1 ? kRetriesOfSingle : 0;
    take_retries_of_profile(config, route);
    if (const auto n = read_integer(section, "retries", {0, 10})) {
        route.retries = static_cast<std::uint32_t>(*n);
    }
    const auto value = section.get("retry");
    if (!value) return;
    const Section keys(*value, retry_keys(), "a map with base, max and max_retry_after");
    read(keys, "base", route.retry.base);
    read(keys, "max", route.retry.max);
    read(keys, "max_retry_after", route.retry.max_retry_after, kFromZero);
    if (route.retry.base > route.retry.max) {
        value->problem("base (" + format_duration(route.retry.base) + ") is longer than max (" +
                       format_duration(route.retry.max) + ")");
    }
}

// `p95` -> 95.
std::optional<double> parse_percentile(std::string_view text) {
    if (!text.starts_with('p')) return std::nullopt;
    const auto number = parse_number(text.substr(1));
    if (!number || *number.value <= 0 || *number.value >= 100) return std::nullopt;
    return number.value;
}

void read_hedge(const Section& section, Route& route) {
    const auto value = section.get("hedge");
    if (!value) return;
    Hedge hedge;
    const Section keys(*value, hedge_keys(), "a map with after and budget");
    const auto after = keys.require("after", "a percentile such as p95 or a duration such as 1.5s");
    const std::string* text =
        after ? after->text("a percentile such as p95 or a duration such as 1.5s") : nullptr;
    if (text != nullptr) {
        hedge.percentile = parse_percentile(*text);
        const auto duration = parse_duration(*text);
        if (duration && *duration.value >= kPositive.min && *duration.value <= kPositive.max) {
            hedge.after = duration.value;
        }
        if (!hedge.percentile && !hedge.after) {
            after->problem(after->shown() + " is neither a percentile (p95) nor a duration (1.5s)");
        }
    }
    if (const auto budget = keys.get("budget")) {
        const auto percent = parse(*budget, "a percentage such as 5%", &parse_percent);
        if (percent && (*percent <= 0 || *percent > 100)) {
            budget->problem(budget->shown() +
                            " is out of range; it must be above 0% and up to 100%");
        } else if (percent) {
            hedge.budget_percent = *percent;
        }
    }
    route.hedge = hedge;
}

void read_keepalive(const Section& section, Route& route) {
    const auto value = section.get("keepalive");
    if (!value) return;
    Duration every{15'000};
    read(section, "keepalive", every, {Duration{1'000}, Duration{3'600'000}});
    route.keepalive = every;
}

// A failure class and the entries that are tried instead of the rest of the chain.
void read_on(const Section& section, Config& config, Route& route) {
    const auto value = section.get("on");
    if (!value) return;
    const Section keys(*value, on_keys(), "a map of failure classes to chains");
    for (const KeySpec& key : on_keys()) {
        const auto entries = keys.get(key.name);
        if (!entries) continue;
        OnFailure& on = route.on.emplace_back();
        on.failure = *wire::failure_class_from(key.name);
        const auto items = entries->items("upstreams");
        if (entries->node().kind == Element::Kind::list && items.empty()) {
            entries->problem("is an empty list; name at least one upstream");
        }
        for (const Value& item : items) {
            if (auto entry = read_entry(item, false, config)) on.chain.push_back(std::move(*entry));
        }
    }
}

Route read_route(const Value& value, Config& config) {
    Route route;
    const Section section(value, route_keys(), "a map with model and chain");
    if (const auto when = section.get("when")) route.when = read_when(*when);
    read_glob(section, config, route);
    read_chain(section, config, route);
    read_fallback_on(section, route);
    read_retry(section, config, route);
    read(section, "deadline", route.deadline);
    using Entry = std::pair<std::string_view, Midstream>;
    constexpr std::array kWords{Entry{"continue", Midstream::continue_},
                                Entry{"error", Midstream::error}};
    read_word<Midstream>(section, "midstream", route.midstream, kWords);
    read_hedge(section, route);
    read_keepalive(section, route);
    read_on(section, config, route);
    return route;
}

}  // namespace

std::vector<Route> default_routes(const Config& config) {
    std::vector<Route> routes;
    for (const ProfileRoute& profile : config.profile_routes) {
        const Upstream& upstream = config.upstreams[profile.upstream];
        Route& route = routes.emplace_back();
        route.model = upstream.name;
        route.chain.push_back({profile.upstream, upstream.model, upstream.name});
        route.retries = profile.retries;
        route.retry = profile.retry;
        route.deadline = std::max(route.deadline, upstream.timeouts.total);
    }
    Route all;
    for (std::size_t i = 0; i < config.upstreams.size(); ++i) {
        const Upstream& upstream = config.upstreams[i];
        if (upstream.profile.empty()) all.chain.push_back({i, upstream.model, upstream.name});
    }
    all.retries = all.chain.size() == 1 ? kRetriesOfSingle : 0;
    if (!all.chain.empty() || routes.empty()) routes.push_back(std::move(all));
    return routes;
}

Route chain_route(Context& context, const std::vector<std::string>& names, Config& config) {
    Context words{"command line", "", context.env, {}, {}};
    Route route;
    for (const std::string& name : names) {
        Element element;
        element.kind = Element::Kind::scalar;
        element.text = element.written = name;
        auto entry = new_entry(Value(words, element, "--chain"), true, config, route);
        if (entry) route.chain.push_back(std::move(*entry));
    }
    route.retries = route.chain.size() == 1 ? kRetriesOfSingle : 0;
    Duration all{0};
    for (const ChainEntry& entry : route.chain) {
        const Upstream& upstream = config.upstreams[entry.upstream];
        if (upstream.profile.empty()) continue;
        all += upstream.timeouts.total;
    }
    route.deadline = std::max(route.deadline, all);  // each profile gets the time it asks for
    take_retries_of_profile(config, route);
    for (Problem& problem : words.problems) context.problems.push_back(std::move(problem));
    return route;
}

void read_routes(const Section& top, Config& config) {
    const auto value = top.get("routes");
    if (!value) return;
    config.routes_given = true;
    const auto items = value->items("routes");
    if (value->node().kind == Element::Kind::list && items.empty()) {
        value->problem(
            "is an empty list; remove the key to send every model through all upstreams");
    }
    for (const Value& item : items) config.routes.push_back(read_route(item, config));
}

}  // namespace understudy::config
