#include "config/prices.hpp"

#include <catch2/catch.hpp>

using namespace understudy::config;
namespace metrics = understudy::metrics;
using Notes = std::vector<std::string>;

TEST_CASE("An entry's rates, tiers and service tiers land in their places") {
    const PriceFile file = parse_prices(R"({"acme/large-2": {
      "litellm_provider": "acme", "mode": "chat", "max_input_tokens": 1000000.0,
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
      "input_cost_per_token_batches": 1e-06, "input_cost_per_audio_token": 1,
      "input_dbu_cost_per_token": 1, "search_context_cost_per_query": {"input_cost_per_token": 5},
      "provider_specific_entry": {"us": 1.1}, "supports_vision": true}})");
    REQUIRE(file.error.empty());
    REQUIRE(file.notes == Notes{});
    const metrics::ModelPrice* price = file.table.find("acme/large-2");
    REQUIRE(price != nullptr);
    REQUIRE(price->provider == "acme");
    REQUIRE(price->standard ==
            metrics::Rates{2'000'000, 10'000'000, 200'000, 2'500'000, 11'000'000});
    REQUIRE(price->priority.input == 4'000'000);
    REQUIRE(price->flex.output == 5'000'000);
    REQUIRE_FALSE(price->flex.input);
    REQUIRE(price->tiers.size() == 2);
    REQUIRE(price->tiers[0].above == 200'000);
    REQUIRE(price->tiers[0].standard.output == 15'000'000);
    REQUIRE(price->tiers[0].priority.input == 8'000'000);
    REQUIRE_FALSE(price->tiers[0].standard.cache_write);
    REQUIRE(price->tiers[1].above == 1'000'000);
}

TEST_CASE("tiered_pricing becomes a base price and tiers") {
    const PriceFile file = parse_prices(R"({"dashscope/q": {"litellm_provider": "dashscope",
      "tiered_pricing": [
        {"range": [0, 32000.0], "input_cost_per_token": 1e-06, "output_cost_per_token": 5e-06},
        {"input_cost_per_token": 2e-06, "output_cost_per_token": 9e-06, "range": [32000, 128000],
         "output_cost_per_reasoning_token": 1e-05}]}})");
    const metrics::ModelPrice* price = file.table.find("dashscope/q");
    REQUIRE(price != nullptr);
    REQUIRE(price->standard.input == 1'000'000);
    REQUIRE(price->tiers.size() == 1);
    REQUIRE(price->tiers[0].above == 32'000);
    REQUIRE(price->tiers[0].standard.output == 9'000'000);
    REQUIRE(price->tiers[0].standard.reasoning == 10'000'000);
}

TEST_CASE("What is no price entry is passed over") {
    const PriceFile file = parse_prices(R"({"sample_spec": {"litellm_provider": "x",
        "input_cost_per_token": 1e-6}, "fallback_generalizations": {"rules": [{"a": [1]}]},
      "last_updated": "2026-01-01", "list": [1, {"input_cost_per_token": 1}],
      "no-provider": {"input_cost_per_token": 1e-6},
      "per-image": {"litellm_provider": "x", "output_cost_per_image": 0.01},
      "prose": {"litellm_provider": "x", "input_cost_per_token": "the price",
                "output_cost_per_token": 1e-6},
      "legacy": {"litellm_provider": "x", "input_cost_per_token": 1e-6,
                 "input_cost_per_token_cache_hit": 1e-7}})");
    REQUIRE(file.error.empty());
    REQUIRE(file.table.size() == 2);
    REQUIRE(file.table.find("prose")->standard.output == 1'000'000);
    REQUIRE(file.table.find("legacy")->standard.cache_read == 100'000);
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
    REQUIRE(file.table.find("ok") != nullptr);
    REQUIRE(file.table.find("wandb") == nullptr);
    REQUIRE(file.table.find("negative") == nullptr);
    REQUIRE(file.table.size() == 7);
    REQUIRE(
        file.notes ==
        Notes{"price of \"wandb\": refused, it is negative or above USD 1000 per million tokens",
              "price of \"negative\": refused, it is negative or above USD 1000 per million "
              "tokens",
              "price of \"cached\": used as it is, but its cache_read costs more than its input",
              "price of \"written\": used as it is, but its cache_write costs less than its "
              "input",
              "price of \"tier\": used as it is, but a long prompt costs less than a short one",
              "price of \"priority\": used as it is, but its priority price is not 1 to 4 "
              "times the standard one",
              "price of \"flex\": used as it is, but its flex price is not 0.25 to 1 times the "
              "standard one"});
}

TEST_CASE("What is no price file is an error") {
    REQUIRE(parse_prices("{\"a\": ").error == "is not JSON (near byte 7)");
    REQUIRE(parse_prices("[1, 2]").error == "is not a JSON object of models");
    REQUIRE(parse_prices("{}").error == "has no usable price");
    REQUIRE(parse_prices(std::string(100'000, '[')).error.starts_with("is not JSON"));
}

TEST_CASE("The built-in table is whole and gives the costs worked out by hand") {
    const PriceFile file = parse_prices(builtin_prices_json());
    REQUIRE(file.error.empty());
    for (const std::string& note : file.notes) {
        CAPTURE(note);
        REQUIRE(note.find("refused") == std::string::npos);
    }
    const auto table = builtin_prices();
    REQUIRE(table.get() == builtin_prices().get());
    REQUIRE(table->size() >= 130);
    REQUIRE(table->find("o1-pro")->standard.output == 600'000'000);

    // 300,000 prompt tokens are above the 272k tier of this model.
    const metrics::ModelPrice* terra = table->resolve("openai", "gpt-5.6-terra", "");
    REQUIRE(terra != nullptr);
    REQUIRE(metrics::cost_pico_usd(*terra, {90'000, 200'000, 10'000, 2'000, 0}, "default") ==
            526'000'000'000);
}
