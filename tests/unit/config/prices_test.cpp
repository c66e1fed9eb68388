#include "config/prices.hpp"

#include "metrics/packed_price.hpp"
#include "tests/unit/config/support.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <map>
#include <optional>

using namespace understudy::config;
namespace metrics = understudy::metrics;
using Notes = std::vector<std::string>;

namespace {

std::optional<metrics::ModelPrice> price_in(const PriceFile& file, std::string_view key) {
    const auto line = metrics::find_price_line(file.lines, key);
    if (line.empty()) return std::nullopt;
    return metrics::unpack_price(line);
}

std::ptrdiff_t count(const PriceFile& file) {
    return std::count(file.lines.begin(), file.lines.end(), '\n');
}

}  // namespace

TEST_CASE("An entry's rates, tiers and service tiers land in their places") {
    const PriceFile file = parse_prices(R"({"acme/large-2": {
      "litellm_provider": "acme", "mode": "chat", "max_input_tokens": 1000000.0, "max_output_tokens": 64000,
      "input_cost_per_token": 2e-06, "output_cost_per_token": 1e-05,
      "cache_read_input_token_cost": 2e-07, "cache_creation_input_token_cost": 2.5e-06,
      "cache_creation_input_token_cost_above_1hr": 4e-06,
      "cache_creation_input_token_cost_above_1hr_above_200k_tokens": 8e-06,
      "output_cost_per_reasoning_token": 1.1e-05,
      "input_cost_per_token_above_200k_tokens": 4e-06,
      "output_cost_per_token_above_200k_tokens": 1.5e-05,
      "input_cost_per_token_above_1000k_tokens": 9e-06,
      "input_cost_per_token_above_200k_tokens_priority": 8e-06,
      "input_cost_per_token_priority": 4e-06, "output_cost_per_token_flex": 5e-06,
      "input_cost_per_token_batches": 1e-06, "input_cost_per_audio_token": 4e-05,
      "cache_read_input_audio_token_cost": 4e-07, "output_cost_per_audio_token": 8e-05,
      "input_cost_per_image_token": 3e-06, "output_cost_per_image_token": 3e-05,
      "input_cost_per_request": 0.005, "output_cost_per_image": 0.04,
      "input_dbu_cost_per_token": 1, "search_context_cost_per_query": {"input_cost_per_token": 5},
      "provider_specific_entry": {"us": 1.1}, "supports_vision": true}})");
    REQUIRE(file.error.empty());
    REQUIRE(file.notes == Notes{});
    const auto price = price_in(file, "acme/large-2");
    REQUIRE(price);
    REQUIRE(price->provider == "acme");
    metrics::Rates rates{2'000'000, 10'000'000, 200'000, 2'500'000, 11'000'000};
    rates.cache_write_1h = 4'000'000;
    rates.audio_input = 40'000'000;
    rates.audio_cache_read = 400'000;
    rates.audio_output = 80'000'000;
    rates.image_input = 3'000'000;
    rates.image_output = 30'000'000;
    REQUIRE(price->standard == rates);
    REQUIRE(price->batch == metrics::Rates{1'000'000, {}, {}, {}, {}});
    REQUIRE(price->per_request == 5'000'000'000);
    REQUIRE_FALSE(price->per_image);  // of what a chat model reads: counted as tokens
    REQUIRE(price->max_prompt == 1'000'000);
    REQUIRE(price->max_output == 64'000);
    REQUIRE(price->priority.input == 4'000'000);
    REQUIRE(price->flex.output == 5'000'000);
    REQUIRE_FALSE(price->flex.input);
    REQUIRE(price->tiers.size() == 2);
    REQUIRE(price->tiers[0].above == 200'000);
    REQUIRE(price->tiers[0].standard.output == 15'000'000);
    REQUIRE(price->tiers[0].priority.input == 8'000'000);
    REQUIRE_FALSE(price->tiers[0].standard.cache_write);
    REQUIRE(price->tiers[0].standard.cache_write_1h == 8'000'000);
    REQUIRE(price->tiers[1].above == 1'000'000);
}

TEST_CASE("tiered_pricing becomes a base price and tiers") {
    const PriceFile file = parse_prices(R"({"dashscope/q": {"litellm_provider": "dashscope",
      "tiered_pricing": [
        {"range": [0, 32000.0], "input_cost_per_token": 1e-06, "output_cost_per_token": 5e-06},
        {"input_cost_per_token": 2e-06, "output_cost_per_token": 9e-06, "range": [32000, 128000],
         "output_cost_per_reasoning_token": 1e-05}]}})");
    const auto price = price_in(file, "dashscope/q");
    REQUIRE(price);
    REQUIRE(price->standard.input == 1'000'000);
    REQUIRE(price->tiers.size() == 1);
    REQUIRE(price->tiers[0].above == 32'000);
    REQUIRE(price->tiers[0].standard.output == 9'000'000);
    REQUIRE(price->tiers[0].standard.reasoning == 10'000'000);
}

TEST_CASE("What is no price entry is passed over") {
    const PriceFile file = parse_prices(R"({"sample_spec": {"litellm_provider": "x",
        "input_cost_per_token": "the price"}, "fallback_generalizations": {"rules": [{"a": [1]}]},
      "last_updated": "2026-01-01", "list": [1, {"input_cost_per_token": 1}],
      "any-provider": {"input_cost_per_token": 1e-6, "output_cost_per_token": null},
      "per-image": {"litellm_provider": "x", "mode": "image_generation",
                    "input_cost_per_image": 0.01},
      "per-second": {"litellm_provider": "x", "output_cost_per_second": 0.01},
      "newest": {"alias_of": "legacy"}, "nowhere": {"alias_of": "gone"},
      "legacy": {"litellm_provider": "x", "input_cost_per_token": 1e-6, "x": {"mode": 1},
                 "input_cost_per_token_cache_hit": 1e-7}})");
    REQUIRE(file.error.empty());
    REQUIRE(count(file) == 4);
    REQUIRE(price_in(file, "any-provider")->standard == metrics::Rates{1'000'000, {}, {}, {}, {}});
    REQUIRE(price_in(file, "per-image")->per_image == 10'000'000'000);
    REQUIRE(price_in(file, "legacy")->standard.cache_read == 100'000);
    REQUIRE(price_in(file, "newest") == price_in(file, "legacy"));
}

TEST_CASE("A member of the wrong kind is named with its model") {
    struct Row {
        const char* members;
        const char* error;
    };
    for (const Row& row : std::initializer_list<Row>{
             {R"("input_cost_per_token": "0.1")",
              R"(has a text for "m", input_cost_per_token, where a number belongs)"},
             {R"("output_cost_per_token_above_200k_tokens_flex": true)",
              R"(has true or false for "m", output_cost_per_token_above_200k_tokens_flex, where a )"
              "number belongs"},
             {R"("max_input_tokens": [1])",
              R"(has a list for "m", max_input_tokens, where a number belongs)"},
             {R"("input_cost_per_request": {})",
              R"(has an object for "m", input_cost_per_request, where a number belongs)"},
             {R"("litellm_provider": 5)",
              R"(has a number for "m", litellm_provider, where a text belongs)"},
             {R"("tiered_pricing": 5)",
              R"(has a number for "m", tiered_pricing, where a list belongs)"},
             {R"("tiered_pricing": [{"range": [0, 1], "input_cost_per_token": "x"}])",
              R"(has a text for "m", tiered_pricing, input_cost_per_token, where a number )"
              "belongs"}}) {
        const auto text =
            std::string(R"({"n": {"input_cost_per_token": 1e-6}, "m": {)") + row.members + "}}";
        CHECK(parse_prices(text).error == row.error);
    }
}

TEST_CASE("Prices that cannot be are refused, odd ones are noted") {
    const PriceFile file = parse_prices(R"({
      "ok": {"litellm_provider": "x", "input_cost_per_token": 1e-3, "output_cost_per_token": 0},
      "wandb": {"litellm_provider": "x", "input_cost_per_token": 0.135},
      "negative": {"litellm_provider": "x", "input_cost_per_token": -1e-6},
      "cached": {"litellm_provider": "x", "input_cost_per_token": 1e-6,
                 "cache_read_input_token_cost": 2e-6},
      "written": {"litellm_provider": "x", "input_cost_per_token": 1e-6,
                  "cache_creation_input_token_cost": 5e-7},
      "surcharge": {"litellm_provider": "x", "input_cost_per_token": 1e-6,
                    "cache_creation_input_token_cost": 0},
      "tier": {"litellm_provider": "x", "input_cost_per_token": 2e-6,
               "input_cost_per_token_above_128k_tokens": 1e-6},
      "priority": {"litellm_provider": "x", "input_cost_per_token": 1e-6,
                   "input_cost_per_token_priority": 5e-5},
      "flex": {"litellm_provider": "x", "input_cost_per_token": 1e-6,
               "input_cost_per_token_flex": 2e-6}})");
    REQUIRE(file.error.empty());
    REQUIRE(price_in(file, "ok"));
    REQUIRE_FALSE(price_in(file, "wandb"));
    REQUIRE_FALSE(price_in(file, "negative"));
    REQUIRE(count(file) == 7);
    REQUIRE(
        file.notes ==
        Notes{"price of \"wandb\": refused, it is negative or above USD 1000 per million tokens "
              "or for one piece",
              "price of \"negative\": refused, it is negative or above USD 1000 per million "
              "tokens or for one piece",
              "price of \"cached\": used as it is, but its cache_read costs more than its input",
              "price of \"written\": used as it is, but its cache_write costs less than its "
              "input",
              "price of \"tier\": used as it is, but a long prompt costs less than a short one",
              "price of \"priority\": used as it is, but its priority price is not 1 to 4 "
              "times the standard one",
              "price of \"flex\": used as it is, but its flex price is not 0.25 to 1 times the "
              "standard one"});
}

TEST_CASE("A list becomes the lines that the script makes of it") {
    const PriceFile file = parse_prices(test::read_source("tests/unit/config/golden/prices.json"));
    REQUIRE(file.error.empty());
    REQUIRE(file.lines == test::read_source("tests/unit/config/golden/prices.lines"));
    REQUIRE(file.notes.size() == 1);
}

TEST_CASE("What is no price file is an error") {
    REQUIRE(parse_prices("{\"a\": ").error == "is not JSON (near byte 7)");
    REQUIRE(parse_prices("[1, 2]").error == "is not a JSON object of models");
    REQUIRE(parse_prices("{}").error == "has no usable price");
    REQUIRE(parse_prices(std::string(100'000, '[')).error.starts_with("is not JSON"));
}

TEST_CASE("The built-in table is in order, and every line of it can be read") {
    std::string_view rest = builtin_price_lines(), last;
    std::size_t models = 0, routes = 0;
    while (!rest.empty()) {
        const auto line = rest.substr(0, rest.find('\n'));
        rest.remove_prefix(line.size() + 1);
        INFO(line);
        const auto key = metrics::key_of_line(line);
        const auto price = metrics::unpack_price(line);
        const bool priced =
            price.standard.input || price.standard.output || price.per_request || price.per_image;
        if (last >= key || !priced || price.provider.empty()) FAIL("out of order, or no price");
        if (metrics::pack_price(key, price) != line) FAIL("not what it says");
        if (metrics::find_price_line(builtin_price_lines(), key) != line) FAIL("not found");
        if (key.starts_with("openrouter/")) ++routes;
        ++models;
        last = key;
    }
    CHECK(models > 2500);
    CHECK(routes > 400);
    CHECK(builtin_price_digest().size() == 8);
}

TEST_CASE("Each provider's models are found at an address that nobody knows") {
    const auto table = builtin_prices();
    std::map<std::string, std::pair<int, int>, std::less<>> found;  // of how many, by provider
    table->for_each([&](std::string_view key, const metrics::ModelPrice&) {
        const auto slash = key.find('/');
        if (slash == key.npos) return;
        auto& [of_them, all] = found[std::string(key.substr(0, slash))];
        ++all;
        if (table->resolve("", key.substr(slash + 1), "") != nullptr) ++of_them;
    });
    for (const auto& [provider, counts] : found) {
        CAPTURE(provider, counts.first, counts.second);
        // What is free to run is not free for sure where somebody else runs it.
        const bool free = provider == "ollama" || provider == "nvidia_nim";
        const bool no_provider = free || provider == "max-x-max";
        CHECK((4 * counts.first > counts.second) == !no_provider);
    }
    for (const auto& [model, row] :
         {std::pair{"gemini-2.5-flash", "gemini/gemini-2.5-flash"},
          std::pair{"mistral-large-latest", "mistral/mistral-large-latest"},
          std::pair{"grok-3-mini", "xai/grok-3-mini"},
          std::pair{"llama-3.3-70b-versatile", "groq/llama-3.3-70b-versatile"},
          std::pair{"gpt-4o", "gpt-4o"}}) {
        INFO(model);
        CHECK(table->resolve("", model, "") == table->find(row));
    }
    CHECK(table->resolve("", "gpt-oss-120b", "") == nullptr);  // each host has its own price
}

TEST_CASE("The built-in table gives the costs worked out by hand") {
    const auto table = builtin_prices();
    REQUIRE(table.get() == builtin_prices().get());
    REQUIRE(table->find("o1-pro")->standard.output == 600'000'000);
    REQUIRE(table->version(metrics::PriceOrigin::builtin).starts_with("built-in "));

    // 300,000 prompt tokens are above the 272k tier of this model.
    const metrics::ModelPrice* terra = table->resolve("openai", "gpt-5.6-terra", "");
    REQUIRE(terra != nullptr);
    REQUIRE(metrics::cost_pico_usd(*terra, {90'000, 200'000, 10'000, 2'000, 0}, "default") ==
            526'000'000'000);
    const auto* grok = table->resolve("xai", "grok-3-mini", "");
    REQUIRE(grok != nullptr);
    REQUIRE(metrics::cost_pico_usd(*grok, {1, 11, 0, 1, 290}, "") == 146'625'000);
    const auto* sonnet = table->resolve("anthropic", "claude-sonnet-5", "");
    REQUIRE(sonnet != nullptr);
    REQUIRE(metrics::cost_pico_usd(*sonnet, {120, 4'096, 2'048, 310, 0}, "") == 9'279'200'000);
    // An hour's write costs twice its input.
    metrics::TokenCounts written{0, 0, 1'000, 0, 0};
    written.cache_write_1h = 600;
    REQUIRE(metrics::cost_pico_usd(*sonnet, written, "") == 3'400'000'000);
}
