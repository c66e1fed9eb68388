#include "mock/script.hpp"

#include "config/config.hpp"
#include "mock/faults.hpp"

#include <yaml-cpp/yaml.h>

#include <functional>
#include <stdexcept>
#include <unordered_map>

namespace understudy::mock {
namespace {

[[noreturn]] void refuse(const YAML::Node& node, std::string_view what) {
    throw std::invalid_argument(
        join({"script line ", std::to_string(node.Mark().line + 1), ": ", what}));
}

std::string text_of(const YAML::Node& node) {
    if (!node.IsScalar()) refuse(node, "expected a text");
    return node.Scalar();
}

std::uint64_t count_of(const YAML::Node& node) {
    const auto value = parse_number(text_of(node), 1'000'000'000);
    if (!value) refuse(node, "expected a number, 0 or more");
    return *value;
}

bool flag_of(const YAML::Node& node) {
    const auto text = text_of(node);
    if (text != "true" && text != "false") refuse(node, "expected true or false");
    return text == "true";
}

Duration time_of(const YAML::Node& node) {
    const auto value = parse_duration(text_of(node));
    if (!value) refuse(node, "expected a duration such as 250ms, 2s or 1m");
    return *value;
}

/// "5%", or a fraction such as 0.05.
double chance_of(const YAML::Node& node) {
    auto text = text_of(node);
    const bool percent = text.ends_with('%');
    if (percent) text.pop_back();
    try {
        std::size_t used = 0;
        const double value = std::stod(text, &used) / (percent ? 100 : 1);
        if (used == text.size() && value >= 0 && value <= 1) return value;
    } catch (const std::exception&) {  // not a number: refused below
    }
    refuse(node, "expected a chance such as 5% or 0.05");
}

using Setter = std::function<void(Rule&, const YAML::Node&)>;
using Setters = std::unordered_map<std::string, Setter>;

void set_break(Rule& rule, Break breaks, const YAML::Node& after) {
    rule.behaviour.plan.breaks = breaks;
    rule.behaviour.plan.break_after = count_of(after);
}

const Setters& match_setters() {
    static const Setters setters{
        {"model", [](Rule& r, const YAML::Node& v) { r.model = text_of(v); }},
        {"path", [](Rule& r, const YAML::Node& v) { r.path = text_of(v); }},
        {"stream", [](Rule& r, const YAML::Node& v) { r.stream = flag_of(v); }},
        {"nth", [](Rule& r, const YAML::Node& v) { r.nth = count_of(v); }},
        {"every", [](Rule& r, const YAML::Node& v) { r.every = count_of(v); }},
        {"chance", [](Rule& r, const YAML::Node& v) { r.chance = chance_of(v); }},
    };
    return setters;
}

void set_headers(Rule& rule, const YAML::Node& node) {
    if (!node.IsMap()) refuse(node, "expected a map of header names and values");
    for (const auto& field : node)
        rule.behaviour.plan.headers.emplace_back(field.first.Scalar(), text_of(field.second));
}

void set_events(Rule& rule, const YAML::Node& node) {
    if (!node.IsSequence()) refuse(node, "expected a list of events");
    auto& events = rule.behaviour.plan.events.emplace();
    for (const auto& event : node) {
        auto text = text_of(event);
        // A bare document is the usual case; anything that is already an event stays as it is.
        const bool raw = text.starts_with("data:") || text.starts_with("event:") ||
                         text.starts_with(":") || text.ends_with("\n\n");
        events.push_back(raw ? std::move(text) : join({"data: ", text, "\n\n"}));
    }
}

void set_status(Rule& rule, const YAML::Node& node) {
    Plan& plan = rule.behaviour.plan;
    const auto status = count_of(node);
    if (status < 200 || status > 599) refuse(node, "expected a status from 200 to 599");
    plan.status = static_cast<unsigned>(status);
    if (plan.status >= 300 && !plan.body && !plan.refusal)
        plan.refusal = Refusal{Refusal::Cause::status, plan.status};
}

void set_flag_break(Rule& rule, const YAML::Node& node, Break breaks) {
    if (!flag_of(node)) return;
    rule.behaviour.plan.breaks = breaks;
    rule.behaviour.plan.break_after.reset();
}

/// Fields of a rule; `do`, `match` and `status` are read first, so that these refine them.
const Setters& rule_setters() {
    static const Setters setters{
        {"times", [](Rule& r, const YAML::Node& v) { r.times = count_of(v); }},
        {"headers", set_headers},
        {"body", [](Rule& r, const YAML::Node& v) { r.behaviour.plan.body = text_of(v); }},
        {"content_type",
         [](Rule& r, const YAML::Node& v) { r.behaviour.plan.content_type = text_of(v); }},
        {"delay", [](Rule& r, const YAML::Node& v) { r.behaviour.plan.before_head = time_of(v); }},
        {"first_delay",
         [](Rule& r, const YAML::Node& v) { r.behaviour.plan.before_first = time_of(v); }},
        {"event_delay",
         [](Rule& r, const YAML::Node& v) { r.behaviour.plan.between = time_of(v); }},
        {"words", [](Rule& r, const YAML::Node& v) { r.behaviour.plan.words = count_of(v); }},
        {"events", set_events},
        {"cut_after", [](Rule& r, const YAML::Node& v) { set_break(r, Break::close, v); }},
        {"reset_after", [](Rule& r, const YAML::Node& v) { set_break(r, Break::reset, v); }},
        {"stall_after", [](Rule& r, const YAML::Node& v) { set_break(r, Break::stall, v); }},
        {"stall", [](Rule& r, const YAML::Node& v) { r.behaviour.plan.stall = time_of(v); }},
        {"reset", [](Rule& r, const YAML::Node& v) { set_flag_break(r, v, Break::reset); }},
        {"close", [](Rule& r, const YAML::Node& v) { set_flag_break(r, v, Break::close); }},
    };
    return setters;
}

void apply(const Setters& setters, Rule& rule, const YAML::Node& key, const YAML::Node& value) {
    const auto found = setters.find(key.Scalar());
    if (found != setters.end()) return found->second(rule, value);
    std::string known;
    for (const auto& [name, setter] : setters) known += join({known.empty() ? "" : ", ", name});
    refuse(key, join({"unknown key '", key.Scalar(), "'; known are ", known}));
}

Rule rule_from(const YAML::Node& node) {
    if (!node.IsMap())
        refuse(node, "a rule is a map such as {match: {model: gpt-4o}, do: \"503\"}");
    Rule rule;
    if (const auto match = node["match"]) {
        if (!match.IsMap()) refuse(match, "match is a map such as {model: \"gpt-4o*\"}");
        for (const auto& member : match) apply(match_setters(), rule, member.first, member.second);
    }
    rule.behaviour.plan.stall = std::chrono::seconds(30);
    if (const auto name = node["do"]) {
        const auto behaviour = behaviour_named(text_of(name));
        if (!behaviour) refuse(name, join({"'", name.Scalar(), "' is not a fault's name"}));
        rule.behaviour = *behaviour;
    }
    rule.behaviour.healthy = false;
    if (const auto status = node["status"]) set_status(rule, status);
    for (const auto& member : node) {
        const auto& key = member.first.Scalar();
        if (key != "match" && key != "do" && key != "status")
            apply(rule_setters(), rule, member.first, member.second);
    }
    return rule;
}

bool fits(const std::string& glob, std::string_view text) {
    return glob.empty() || config::glob_match(glob, text);
}

}  // namespace

Script Script::parse(std::string_view yaml) {
    Script script;
    script.text_ = yaml;
    try {
        const YAML::Node document = YAML::Load(script.text_);
        if (document.IsNull()) return script;
        if (document.IsMap()) {
            for (const auto& member : document) {
                if (member.first.Scalar() != "rules")
                    refuse(member.first, "a script is a list of rules, or a map with `rules`");
            }
        }
        const YAML::Node rules = document.IsMap() ? document["rules"] : document;
        if (!rules || rules.IsNull()) return script;
        if (!rules.IsSequence()) refuse(rules, "expected a list of rules");
        for (const auto& rule : rules) script.rules_.push_back(rule_from(rule));
    } catch (const YAML::Exception& error) {
        throw std::invalid_argument(
            join({"script line ", std::to_string(error.mark.line + 1), ": ", error.msg}));
    }
    return script;
}

std::optional<Script::Choice> Script::choose(const RequestTraits& request) {
    for (std::size_t i = 0; i < rules_.size(); ++i) {
        Rule& rule = rules_[i];
        if (!fits(rule.model, request.model) || !fits(rule.path, request.path)) continue;
        if (rule.stream && *rule.stream != request.stream) continue;
        ++rule.matched;
        if (rule.nth != 0 && rule.matched != rule.nth) continue;
        if (rule.every != 0 && rule.matched % rule.every != 0) continue;
        if (rule.times != 0 && rule.used >= rule.times) continue;
        if (rule.chance < 1 && std::uniform_real_distribution<double>()(random_) >= rule.chance)
            continue;
        ++rule.used;
        return Choice{i + 1, &rule.behaviour};
    }
    return std::nullopt;
}

void Script::reset() {
    for (Rule& rule : rules_) rule.matched = rule.used = 0;
    random_.seed(kSeed);
}

}  // namespace understudy::mock
