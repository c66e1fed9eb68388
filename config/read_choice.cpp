#include "config/read_choice.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace understudy::config {
namespace {

constexpr std::uint64_t kMaxTokens = 1'000'000'000;
constexpr std::uint64_t kMaxWeight = 1'000'000;

void read_condition(const Section& section, std::string_view key, std::optional<bool>& out) {
    if (!section.get(key)) return;
    bool wanted = true;
    read(section, key, wanted);
    out = wanted;
}

void read_header_conditions(const Section& section, When& when) {
    const auto value = section.get("header");
    if (!value) return;
    for (const auto& [member, glob] : value->members("a map of header names and values")) {
        if (!is_token(member->key)) {
            glob.problem(in_quotes(member->key) + " is not a header name");
            continue;
        }
        const std::string* text = glob.text("the value to look for, or a glob such as \"blue*\"");
        if (text != nullptr) when.headers.emplace_back(lower(member->key), *text);
    }
}

// The entries of `any`, each with its weight: a list of names, or a map from name to weight.
void read_members(const Section& section, const ReadEntry& read_entry,
                  std::vector<ChainEntry>& out) {
    const auto any =
        section.require("any", "a list of upstreams, or a map of upstreams to weights");
    if (!any) return;
    if (any->node().kind != Element::Kind::map) {
        for (const Value& item : any->items("upstreams")) {
            if (auto entry = read_entry(item)) out.push_back(std::move(*entry));
        }
        return;
    }
    for (const auto& [member, weight] : any->members("a map of upstreams to weights")) {
        Element name;
        name.kind = Element::Kind::scalar;
        name.text = member->key;
        name.mark = member->mark;
        auto entry = read_entry(Value(any->context(), name, any->path()));
        const auto parsed = parse(weight, "a whole number, the weight", &parse_integer);
        if (parsed && (*parsed < 1 || *parsed > kMaxWeight)) {
            weight.problem(weight.shown() + " is out of range; a weight is 1 to 1000000");
        } else if (entry && parsed) {
            entry->weight = static_cast<std::uint32_t>(*parsed);
            out.push_back(std::move(*entry));
        }
    }
}

GroupOrder read_order(const Section& section, bool weights) {
    const auto by = section.get("by");
    if (!by) return GroupOrder::random;
    constexpr std::array<std::string_view, 4> kOrders{"random", "weight", "least_inflight",
                                                      "latency"};
    const std::string* text = by->text(one_of(kOrders));
    if (text == nullptr) return GroupOrder::random;
    if (*text == "least_inflight") return GroupOrder::least_inflight;
    if (*text == "latency" && weights) {
        by->problem("is latency, which knows no weights; write `any: [a, b]`");
    } else if (*text == "latency") {
        return GroupOrder::latency;
    } else if (*text != "random" && *text != "weight") {
        by->problem(by->shown() + " is not one of " + one_of(kOrders) + suggestion(*text, kOrders));
    } else if (*text == "random" && weights) {
        by->problem("is random, but there are weights; write `by: weight`");
    }
    return GroupOrder::random;
}

bool read_sticky(const Section& section) {
    const auto sticky = section.get("sticky");
    const std::string* text = sticky ? sticky->text("session") : nullptr;
    if (text == nullptr) return false;
    if (*text == "session") return true;
    sticky->problem(sticky->shown() + " is not `session`, the one thing a group can stick to");
    return false;
}

}  // namespace

When read_when(const Value& value) {
    When when;
    const Section section(value, when_keys(),
                          "a map with images, tools, prompt_tokens_over, header");
    read_condition(section, "images", when.images);
    read_condition(section, "tools", when.tools);
    if (const auto tokens = read_integer(section, "prompt_tokens_over", {1, kMaxTokens})) {
        when.prompt_tokens_over = *tokens;
    }
    read_header_conditions(section, when);
    if (value.node().kind == Element::Kind::map && value.node().members.empty()) {
        value.problem(
            "sets no condition; remove it, or name one of images, tools, "
            "prompt_tokens_over and header");
    }
    return when;
}

void read_group(const Value& item, const ReadEntry& read_entry, Route& route) {
    const Section section(item, group_keys(), "an upstream's name, or a group { any: [a, b] }");
    std::vector<ChainEntry> members;
    read_members(section, read_entry, members);
    const auto any = section.get("any");
    const auto order = read_order(section, any && any->node().kind == Element::Kind::map);
    const bool sticky = read_sticky(section);
    if (members.size() == 1) {
        item.problem("a group needs at least two upstreams; write the one without `any`");
    }
    for (std::size_t i = 1; i < members.size(); ++i) {
        const auto same = [&](const ChainEntry& other) {
            return other.upstream == members[i].upstream && other.model == members[i].model;
        };
        const auto end = members.begin() + static_cast<std::ptrdiff_t>(i);
        if (std::any_of(members.begin(), end, same)) {
            item.problem(in_quotes(members[i].text) + " is in this group twice");
        }
    }
    std::uint32_t tier = 1;
    for (const ChainEntry& entry : route.chain) tier = std::max(tier, entry.tier + 1);
    for (ChainEntry& entry : members) {
        entry.tier = tier;
        entry.order = order;
        entry.sticky = sticky;
        route.chain.push_back(std::move(entry));
    }
}

}  // namespace understudy::config
