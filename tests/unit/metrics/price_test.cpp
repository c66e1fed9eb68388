// The cost rules of the price reference, with its worked examples.
#include "metrics/price.hpp"

#include "metrics/text.hpp"

#include <catch2/catch.hpp>

#include <cstdint>
#include <limits>
#include <random>
#include <string>

using namespace understudy::metrics;

namespace {

/// Pico-dollars per token from dollars per million tokens, the unit of price lists.
constexpr std::int64_t per_million(double usd) {
    return static_cast<std::int64_t>(usd * 1e6 + 0.5);
}

ModelPrice terra() {
    ModelPrice price;
    price.provider = "openai";
    price.standard = {per_million(2), per_million(12), per_million(0.2), per_million(2.5), {}};
    price.priority = {per_million(4), per_million(24), {}, {}, {}};
    price.flex = {per_million(1), per_million(6), {}, {}, {}};
    ModelPrice::Tier tier;
    tier.above = 272'000;
    tier.standard = {per_million(4), per_million(18), per_million(0.4), per_million(5), {}};
    price.tiers.push_back(tier);
    return price;
}

ModelPrice simple(std::optional<std::int64_t> input, std::optional<std::int64_t> output) {
    ModelPrice price;
    price.standard.input = input;
    price.standard.output = output;
    return price;
}

}  // namespace

TEST_CASE("a long prompt reprices the whole request (worked example 1)") {
    const TokenCounts tokens{90'000, 200'000, 10'000, 2'000, 0};
    CHECK(cost_pico_usd(terra(), tokens, "default") == 526'000'000'000);
    CHECK(format_usd(526'000'000'000) == "0.526");
}

TEST_CASE("cache reads and writes have prices of their own (worked example 2)") {
    ModelPrice sonnet;
    sonnet.standard = {per_million(2), per_million(10), per_million(0.2), per_million(2.5), {}};
    const auto cost = cost_pico_usd(sonnet, {120, 4'096, 2'048, 310, 0}, "");
    REQUIRE(cost);
    CHECK(format_usd(*cost) == "0.0092792");
}

TEST_CASE("reasoning without a price counts as output (worked example 3)") {
    ModelPrice grok = simple(per_million(0.3), per_million(0.5));
    grok.standard.cache_read = per_million(0.075);
    const auto cost = cost_pico_usd(grok, {1, 11, 0, 1, 290}, "");
    REQUIRE(cost);
    CHECK(*cost == 146'625'000);
    CHECK(format_usd(*cost) == "0.000146625");
}

TEST_CASE("the tier begins above its threshold, not at it") {
    CHECK(cost_pico_usd(terra(), {272'000, 0, 0, 0, 0}, "") == 272'000 * per_million(2));
    CHECK(cost_pico_usd(terra(), {272'001, 0, 0, 0, 0}, "") == 272'001 * per_million(4));
    // All prompt tokens count towards it, output does not.
    CHECK(cost_pico_usd(terra(), {272'000, 1, 0, 0, 0}, "") ==
          272'000 * per_million(4) + per_million(0.4));
    CHECK(cost_pico_usd(terra(), {1, 0, 0, 300'000, 0}, "") ==
          per_million(2) + 300'000 * per_million(12));
}

TEST_CASE("the highest tier that is exceeded applies") {
    ModelPrice price = simple(1, 0);
    for (const std::uint64_t above : {100, 200, 300}) {
        ModelPrice::Tier tier;
        tier.above = above;
        tier.standard.input = static_cast<std::int64_t>(above);
        price.tiers.push_back(tier);
    }
    CHECK(cost_pico_usd(price, {100, 0, 0, 0, 0}, "") == 100);
    CHECK(cost_pico_usd(price, {250, 0, 0, 0, 0}, "") == 250 * 200);
    CHECK(cost_pico_usd(price, {400, 0, 0, 0, 0}, "") == 400 * 300);
}

TEST_CASE("the service tier the answer names decides") {
    const TokenCounts tokens{1'000, 0, 0, 100, 0};
    struct Row {
        const char* service;
        std::int64_t cost;
    };
    const auto row = GENERATE(Row{"", 1'000 * 2 + 100 * 12}, Row{"default", 1'000 * 2 + 100 * 12},
                              Row{"standard", 1'000 * 2 + 100 * 12}, Row{"auto", 3'200},
                              Row{"priority", 1'000 * 4 + 100 * 24}, Row{"flex", 1'000 + 100 * 6},
                              Row{"PRIORITY", 3'200}, Row{"prioritys", 3'200});
    CAPTURE(row.service);
    CHECK(cost_pico_usd(terra(), tokens, row.service) == row.cost * 1'000'000);
}

TEST_CASE("each rate falls back by itself: tier and service, tier, service, base") {
    ModelPrice price = simple(1, 10);
    price.standard.cache_read = 100;
    price.priority.output = 20;
    ModelPrice::Tier tier;
    tier.above = 10;
    tier.standard.input = 3;
    tier.priority.input = 5;
    price.tiers.push_back(tier);
    // input from tier+service, output from service, cache_read from the base.
    CHECK(cost_pico_usd(price, {20, 1, 0, 2, 0}, "priority") == 20 * 5 + 100 + 2 * 20);
    // input from the tier, output from the base.
    CHECK(cost_pico_usd(price, {20, 1, 0, 2, 0}, "flex") == 20 * 3 + 100 + 2 * 10);
    // below the tier.
    CHECK(cost_pico_usd(price, {5, 1, 0, 2, 0}, "priority") == 5 + 100 + 2 * 20);
}

TEST_CASE("cached tokens without a price count as input") {
    CHECK(cost_pico_usd(simple(7, 1), {0, 3, 0, 0, 0}, "") == 21);
    CHECK(cost_pico_usd(simple(7, 1), {0, 0, 3, 0, 0}, "") == 21);
}

TEST_CASE("a cache write price of 0 means no surcharge, a cache read price of 0 means free") {
    ModelPrice price = simple(7, 1);
    price.standard.cache_write = 0;
    price.standard.cache_read = 0;
    CHECK(cost_pico_usd(price, {0, 0, 3, 0, 0}, "") == 21);
    CHECK(cost_pico_usd(price, {0, 3, 0, 0, 0}, "") == 0);
}

TEST_CASE("what is not known is never free of charge") {
    CHECK_FALSE(cost_pico_usd(ModelPrice{}, {1, 0, 0, 1, 0}, ""));
    CHECK_FALSE(cost_pico_usd(ModelPrice{}, {}, ""));
    CHECK_FALSE(cost_pico_usd(simple(1, {}), {1, 0, 0, 1, 0}, ""));
    CHECK_FALSE(cost_pico_usd(simple({}, 1), {1, 0, 0, 1, 0}, ""));
    CHECK_FALSE(cost_pico_usd(simple({}, 1), {0, 1, 0, 1, 0}, ""));
    CHECK_FALSE(cost_pico_usd(simple(1, {}), {1, 0, 0, 0, 5}, ""));
}

TEST_CASE("an embedding needs no output price, and a free model costs 0") {
    CHECK(cost_pico_usd(simple(5, {}), {4, 0, 0, 0, 0}, "") == 20);
    CHECK(cost_pico_usd(simple(0, 0), {4, 3, 2, 1, 1}, "") == 0);
    CHECK(cost_pico_usd(simple(5, 5), {}, "") == 0);
}

TEST_CASE("absurd counts and prices neither overflow nor go negative") {
    constexpr auto kHuge = std::numeric_limits<std::uint64_t>::max();
    constexpr auto kMost = std::numeric_limits<std::int64_t>::max();
    CHECK(cost_pico_usd(simple(kMost, kMost), {kHuge, kHuge, kHuge, kHuge, kHuge}, "") == kMost);
    CHECK(cost_pico_usd(simple(1, 1), {kHuge, 0, 0, 0, 0}, "") == 100'000'000);
    CHECK(cost_pico_usd(simple(-5, 3), {10, 0, 0, 1, 0}, "") == 3);
}

TEST_CASE("dollars are written with as many digits as needed") {
    struct Row {
        std::int64_t pico;
        const char* text;
    };
    const auto row =
        GENERATE(Row{0, "0"}, Row{1, "0.000000000001"}, Row{130, "0.00000000013"},
                 Row{1'000'000'000'000, "1"}, Row{1'500'000'000'000, "1.5"},
                 Row{10'000'000'000'000, "10"}, Row{146'625'000, "0.000146625"},
                 Row{-1, "-0.000000000001"}, Row{-2'500'000'000'000, "-2.5"},
                 Row{std::numeric_limits<std::int64_t>::max(), "9223372.036854775807"},
                 Row{std::numeric_limits<std::int64_t>::min(), "-9223372.036854775808"});
    CHECK(format_usd(row.pico) == row.text);
}

TEST_CASE("dollars are written as an exact decimal is, whatever the amount") {
    std::mt19937_64 random(7);
    std::int64_t power = 1;
    for (int i = 0; i < 20'000; ++i) {
        auto pico = static_cast<std::int64_t>(random() >> (1 + random() % 63));
        if (i % 3 == 0) pico = pico / power * power;
        power = power > std::numeric_limits<std::int64_t>::max() / 10 ? 1 : power * 10;
        std::string expected;
        append_decimal(expected, static_cast<std::uint64_t>(pico), 12);
        CAPTURE(pico);
        CHECK(format_usd(pico) == expected);
        if (pico != 0) CHECK(format_usd(-pico) == "-" + expected);
    }
}

TEST_CASE("a rate is found wherever a price may name it") {
    const auto rate = &Rates::cache_write;
    ModelPrice price = simple(10, 100);
    CHECK_FALSE(names_rate(price, rate));
    for (const auto service : {&ServiceRates::standard, &ServiceRates::priority,
                               &ServiceRates::flex, &ServiceRates::batch}) {
        auto one = price;
        (one.*service).cache_write = 0;
        CHECK(names_rate(one, rate));
        auto tiered = price;
        tiered.tiers.resize(2);
        CHECK_FALSE(names_rate(tiered, rate));
        (tiered.tiers.back().*service).cache_write = 1;
        CHECK(names_rate(tiered, rate));
    }
}

TEST_CASE("parts with a price of their own are taken out of what they are part of") {
    ModelPrice price = simple(10, 100);
    price.standard.cache_read = 1;
    price.standard.cache_write = 12;
    price.standard.cache_write_1h = 20;
    price.standard.audio_input = 40;
    price.standard.audio_cache_read = 4;
    price.standard.audio_output = 400;
    price.standard.image_input = 15;
    price.standard.image_output = 150;
    TokenCounts tokens{1'000, 100, 50, 500, 7};
    tokens.audio_input = 300;
    tokens.image_input = 200;
    tokens.audio_cache_read = 30;
    tokens.cache_write_1h = 20;
    tokens.audio_output = 40;
    tokens.image_output = 60;
    const std::int64_t whole = 300 * 40 + 200 * 15 + 500 * 10 + 30 * 4 + 70 * 1 + 20 * 20 +
                               30 * 12 + 40 * 400 + 60 * 150 + 400 * 100 + 7 * 100;
    CHECK(cost_pico_usd(price, tokens, "") == whole);
    // Without prices of their own they cost what the whole costs.
    CHECK(cost_pico_usd(simple(10, 100), tokens, "") == 1'150 * 10 + 507 * 100);
    // Parts never exceed their whole.
    TokenCounts wrong{10, 0, 0, 0, 0};
    wrong.audio_input = 8;
    wrong.image_input = 8;
    wrong.cache_write_1h = 5;
    CHECK(cost_pico_usd(price, wrong, "") == 8 * 40 + 2 * 15);
}

TEST_CASE("a write for an hour is never cheaper than one for minutes, audio of a cache than none") {
    ModelPrice price = simple(10, 1);
    TokenCounts tokens{0, 5, 8, 0, 0};
    tokens.cache_write_1h = 8;
    tokens.audio_cache_read = 5;
    CHECK(cost_pico_usd(price, tokens, "") == 13 * 10);
    price.standard.cache_read = 2;
    price.standard.cache_write_1h = 20;
    CHECK(cost_pico_usd(price, tokens, "") == 5 * 2 + 8 * 20);
    price.standard.cache_write = 30;
    CHECK(cost_pico_usd(price, tokens, "") == 5 * 2 + 8 * 30);
    price.standard.cache_write_1h = 40;
    ModelPrice::Tier tier;
    tier.above = 12;
    tier.standard.cache_write = 60;
    price.tiers.push_back(tier);
    CHECK(cost_pico_usd(price, tokens, "") == 5 * 2 + 8 * 60);
}

TEST_CASE("batches have rates of their own") {
    ModelPrice price = simple(10, 100);
    price.batch.input = 5;
    CHECK(cost_pico_usd(price, {4, 0, 0, 2, 0}, "batch") == 4 * 5 + 2 * 100);
    CHECK(cost_pico_usd(price, {4, 0, 0, 2, 0}, "batches") == 4 * 10 + 2 * 100);
}

TEST_CASE("what is paid for by the piece is added, or is all there is") {
    ModelPrice price = simple(10, 100);
    price.per_request = 5'000;
    CHECK(cost_pico_usd(price, {1, 0, 0, 1, 0}, "", {1, 0}) == 5'110);
    CHECK(cost_pico_usd(price, {1, 0, 0, 1, 0}, "") == 110);
    ModelPrice image;
    image.per_image = 40'000;
    CHECK(cost_pico_usd(image, {}, "", {1, 3}) == 120'000);
    CHECK(cost_pico_usd(image, {5, 0, 0, 0, 0}, "", {1, 3}) == 120'000);
    CHECK_FALSE(cost_pico_usd(image, {5, 0, 0, 0, 0}, ""));
    // An answer of a chat, whose pictures nobody counts.
    CHECK_FALSE(cost_pico_usd(image, {5, 0, 0, 7, 0}, "", {1, 0}));
    CHECK_FALSE(cost_pico_usd(image, {}, "", {1, 0}));
    auto and_request = image;
    and_request.per_request = 5'000;
    CHECK_FALSE(cost_pico_usd(and_request, {5, 0, 0, 7, 0}, "", {1, 0}));
    CHECK(cost_pico_usd(and_request, {}, "", {1, 1}) == 45'000);
    image.standard.input = 10;
    CHECK(cost_pico_usd(image, {5, 0, 0, 0, 0}, "", {1, 3}) == 50);
    CHECK(cost_pico_usd(image, {}, "", {1, 3}) == 120'000);
    CHECK(cost_pico_usd(simple(1, 1), {5, 0, 0, 0, 0}, "", {1, 3}) == 5);
}
