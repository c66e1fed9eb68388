// `price` of an upstream: for every model, or by model.
#include "config/describe.hpp"
#include "tests/unit/config/support.hpp"

#include <catch2/catch.hpp>

using namespace understudy::config;
using namespace understudy::config::test;

namespace {

bool one_with(const std::vector<std::string>& texts, std::string_view part) {
    return texts.size() == 1 && texts.front().find(part) != std::string::npos;
}

std::vector<std::string> price_warnings(const std::string& yaml) {
    std::vector<std::string> out;
    const auto loaded = load_yaml(yaml);
    REQUIRE(loaded.config);
    for (const auto& text : loaded.config->warnings) {
        if (text.find(".price: ") != std::string::npos) out.push_back(text);
    }
    return out;
}

}  // namespace

TEST_CASE("Of prices by model the most specific glob counts, and the table where none matches") {
    const auto loaded = load_yaml(upstream_with(
        "price: { '*mini*': { input: 1, output: 1 }, 'gpt-4o*': { input: 2, output: 2 }, "
        "'gpt-4o-mini-x': { input: 3, output: 3 }, 'o?': { input: 4, output: 4 } }"));
    REQUIRE(loaded.config);
    const Upstream& one = loaded.config->upstreams.front();
    CHECK_FALSE(one.price);
    const auto input = [&](std::string_view answered, std::string_view asked) {
        const auto* price = one.configured_price(answered, asked);
        return price == nullptr ? -1 : *price->standard.input / 1'000'000;
    };
    CHECK(input("gpt-4o", "gpt-4o") == 2);
    CHECK(input("gpt-4o-2024-08-06", "gpt-4o") == 2);
    CHECK(input("gpt-4o-mini", "gpt-4o-mini") == 2);  // more characters that are no wildcard
    CHECK(input("other-mini-1", "other") == 1);
    CHECK(input("gpt-4o-mini-x", "gpt-4o") == 3);
    CHECK(input("", "o3") == 4);
    CHECK(input("claude", "claude") == -1);
}

TEST_CASE("A price that is far too small is one per token, in every rate and both forms") {
    for (const char* price :
         {"{ input: 0.0000025, output: 0.00001 }", "{ input: 0.00000015, output: 0.0000006 }",
          "{ input: 0.0000025, output: 0.00001, cache_read: 0.00000125 }",
          "{ input: 0, output: 0.0006 }", "{ 'gpt-*': { input: 0.0000025, output: 0.00001 } }"}) {
        CAPTURE(price);
        CHECK(one_with(problems_of(upstream_with(std::string("price: ") + price)),
                       "looks like a price per token"));
    }
    for (const char* price : {"{ input: 0, output: 0 }", "{ input: 0.004, output: 0 }",
                              "{ input: 0.15, output: 0.60, cache_read: 0.0001 }"}) {
        CAPTURE(price);
        CHECK(problems_of(upstream_with(std::string("price: ") + price)).empty());
    }
}

TEST_CASE("A mixture of the two forms of price is refused with the way to write it") {
    CHECK(one_with(problems_of(upstream_with(
                       "price: { input: 1, output: 2, 'o3*': { input: 1, output: 2 } }")),
                   "\"*\": {"));
    CHECK(one_with(problems_of(upstream_with("price: { 'o3*': { input: 1 } }")),
                   "upstreams[0].price.o3*"));
}

TEST_CASE("One price for several models is warned of, one for one model is not") {
    const std::string price = "price: { input: 1, output: 2 }";
    CHECK(one_with(price_warnings(upstream_with(price)), "every model"));
    CHECK(price_warnings(upstream_with("model: only\n    " + price)).empty());
    CHECK(price_warnings(upstream_with(price) + "routes: [{ model: gpt-4o, chain: [one] }]\n")
              .empty());
    CHECK(
        price_warnings(upstream_with(price) + "routes: [{ model: 'gpt-*', chain: [one/gpt-4o] }]\n")
            .empty());
    CHECK(one_with(
        price_warnings(upstream_with(price) + "routes: [{ model: a, chain: [one/x, one/y] }]\n"),
        "every model"));
    CHECK(price_warnings(upstream_with("price: { '*': { input: 1, output: 2 } }")).empty());
}
