#include "config/context_window.hpp"

#include "config/prices.hpp"

#include <catch2/catch.hpp>

#include <memory>
#include <string>

using namespace understudy::config;

TEST_CASE("A window is the upstream's own, else the price table's, where the provider is known") {
    auto prices = parse_prices(R"({
        "gpt-9": {"litellm_provider":"openai","input_cost_per_token":1e-6,"max_input_tokens":128000,
                  "max_output_tokens":16384},
        "gpt-8": {"litellm_provider":"openai","input_cost_per_token":1e-6},
        "claude-9": {"litellm_provider":"openai","input_cost_per_token":1e-6,
                     "input_cost_per_token_above_200k_tokens":2e-6,"max_input_tokens":200000},
        "gemini-9": {"litellm_provider":"openai","input_cost_per_token":1e-6,
                     "input_cost_per_token_above_200k_tokens":2e-6,"max_input_tokens":1048576}
    })");
    Config config;
    config.prices = prices_over_builtin(std::move(prices.lines), "p.json");
    Upstream upstream;
    CHECK(context_window(config, upstream, "gpt-9") == 0);
    CHECK(max_output(config, upstream, "gpt-9") == 0);
    upstream.price_provider = "openai";
    CHECK(context_window(config, upstream, "gpt-9") == 128'000);
    CHECK(context_window(config, upstream, "gpt-9-2026-01-31") == 128'000);
    CHECK(context_window(config, upstream, "gpt-8") == 0);
    CHECK(max_output(config, upstream, "gpt-9") == 16'384);
    CHECK(max_output(config, upstream, "gpt-8") == 0);
    CHECK(max_output(config, upstream, "nobody") == 0);
    CHECK(context_window(config, upstream, "nobody") == 0);
    CHECK(context_window(config, upstream, "claude-9") == 0);  // longer prompts have a price
    CHECK(context_window(config, upstream, "gemini-9") == 1'048'576);
    upstream.price_provider = "anthropic";
    CHECK(context_window(config, upstream, "gpt-9") == 0);
    upstream.context_window = 4096;
    CHECK(context_window(config, upstream, "gpt-9") == 4096);
}

TEST_CASE("Where a limit of tokens is demanded, anybody's row for the model says which") {
    auto prices = parse_prices(R"({
        "acme-1": {"litellm_provider":"openai","input_cost_per_token":1e-6,
                   "max_output_tokens":7777},
        "anthropic/acme-2": {"litellm_provider":"anthropic","input_cost_per_token":1e-6,
                             "max_output_tokens":3333},
        "acme-3": {"litellm_provider":"openai","input_cost_per_token":1e-6},
        "claude-sonnet-4-5": {"litellm_provider":"anthropic","input_cost_per_token":3e-6,
                              "max_output_tokens":5555}
    })");
    Config config;
    config.prices = prices_over_builtin(std::move(prices.lines), "p.json");
    Upstream upstream;
    for (const std::string provider : {"", "anthropic", "deepseek"}) {
        INFO(provider);
        upstream.price_provider = provider;
        upstream.dialect = understudy::wire::Dialect::messages;
        CHECK(max_output(config, upstream, "acme-1") == 7777);
        CHECK(max_output(config, upstream, "acme-2") == 3333);
        CHECK(max_output(config, upstream, "acme-3") == 0);
        CHECK(max_output(config, upstream, "claude-sonnet-4-5-20250929") == 5555);
        CHECK(max_output(config, upstream, "gpt-4o") == 16'384);
        CHECK(max_output(config, upstream, "nobody") == 0);
        CHECK(context_window(config, upstream, "nobody") == 0);
    }
    // Elsewhere a server that nobody knows is told what the client says.
    upstream.price_provider = "";
    upstream.dialect = understudy::wire::Dialect::chat;
    CHECK(max_output(config, upstream, "acme-1") == 0);
}

TEST_CASE("The longest answer that is paid for is that of the row that prices it") {
    auto prices = parse_prices(R"({
        "gpt-9": {"litellm_provider":"openai","input_cost_per_token":1e-6,"max_output_tokens":16384},
        "acme-1": {"litellm_provider":"acme","input_cost_per_token":1e-6,"max_output_tokens":500},
        "acme-2": {"input_cost_per_token":1e-6,"max_output_tokens":700},
        "gpt-8": {"litellm_provider":"openai","input_cost_per_token":1e-6}
    })");
    Config config;
    config.prices = prices_over_builtin(std::move(prices.lines), "p.json");
    Upstream upstream;  // at an address that nobody knows
    const auto longest = [&](std::string_view model) {
        const auto* const price = config.prices->resolve(upstream.price_provider, model, model);
        return longest_answer(config, upstream, model, price);
    };
    CHECK(longest("gpt-9") == 16'384);
    CHECK(longest("gpt-9-2026-01-31") == 16'384);
    CHECK(longest("gpt-4o") == 16'384);
    CHECK(longest("acme-1") == 500);
    CHECK(longest("acme-2") == 700);
    CHECK(longest("gpt-8") == 0);
    CHECK(longest("nobody") == 0);
    // A price in the configuration does not say how long answers are.
    understudy::metrics::ModelPrice own;
    CHECK(longest_answer(config, upstream, "gpt-9", &own) == 16'384);
    upstream.price_provider = "anthropic";
    CHECK(longest("gpt-9") == 0);
    config.prices = nullptr;
    CHECK(longest_answer(config, upstream, "gpt-9", nullptr) == 0);
}
