// What an upstream charges: one price for every model, or one for each glob over model names.
#include "config/read.hpp"

#include <algorithm>
#include <cmath>

namespace understudy::config {
namespace {

constexpr double kMaxUsdPerMillion = 1000;  // dearer than any model

// The dearest of a model's rates is at least this, unless it is given per token or per thousand:
// the cheapest embeddings cost some 0.004 USD per million (list prices of 2026), the dearest text
// 600, which per token is 0.0006.
constexpr double kLeastUsdPerMillion = 0.001;

void check_unit(const Value& value, double dearest) {
    if (dearest <= 0 || dearest >= kLeastUsdPerMillion) return;
    value.problem(
        "is far below what any model costs per million tokens, so it looks like a price per "
        "token; multiply by 1000000: 0.0000025 USD per token is `2.50` here");
}

metrics::ModelPrice read_one(const Value& value) {
    const Section keys(value, price_keys(), "a map of prices in USD per million tokens");
    metrics::ModelPrice price;
    double dearest = 0;
    const auto rate = [&](std::string_view key, std::optional<std::int64_t>& out) {
        const auto usd = read_number(keys, key, {0, kMaxUsdPerMillion});
        if (!usd) return;
        out = std::llround(*usd * 1e6);  // USD per million tokens -> pico-USD per token
        dearest = std::max(dearest, *usd);
    };
    keys.require("input", "USD per million prompt tokens");
    keys.require("output", "USD per million completion tokens");
    rate("input", price.standard.input);
    rate("output", price.standard.output);
    rate("cache_read", price.standard.cache_read);
    rate("cache_write", price.standard.cache_write);
    check_unit(value, dearest);
    return price;
}

bool is_map(const Member& member) {
    return member.value.kind == Element::Kind::map;
}

// A member that is a map is the price of a model; one of the four known keys holds a number.
bool by_model(const Element& node) {
    const auto known = [](const Member& member) {
        const auto keys = price_keys();
        return std::any_of(keys.begin(), keys.end(),
                           [&](const KeySpec& key) { return key.name == member.key; });
    };
    return std::any_of(node.members.begin(), node.members.end(), is_map) &&
           std::none_of(node.members.begin(), node.members.end(),
                        [&](const Member& m) { return known(m) && !is_map(m); });
}

void read_by_model(const Value& value, Upstream& upstream) {
    for (const auto& [member, price] : value.members("a map of prices by model")) {
        if (!is_model_name(member->key)) {
            price.problem("is not for a model name or a glob over model names");
        } else if (price.expect_map(
                       "the prices of a model, as in { input: 2.50, output: 10.00 }")) {
            upstream.prices.push_back({member->key, read_one(price)});
        }
    }
}

}  // namespace

void read_price(const Section& section, Upstream& upstream) {
    const auto value = section.get("price");
    if (!value) return;
    const Element& node = value->node();
    if (by_model(node)) {
        read_by_model(*value, upstream);
    } else if (std::any_of(node.members.begin(), node.members.end(), is_map)) {
        value->problem(
            "has prices for every model beside prices by model; to price the others, give them a "
            "glob: \"*\": { input: 2.50, output: 10.00 }");
    } else {
        upstream.price = read_one(*value);
    }
}

}  // namespace understudy::config
