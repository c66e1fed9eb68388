// From the name of a model to its price, and above all: not to another model's.
#include "metrics/price_table.hpp"
#include "metrics/packed_price.hpp"

#include <catch2/catch.hpp>

#include <memory>
#include <string>
#include <vector>

using namespace understudy::metrics;

namespace {

std::shared_ptr<PriceTable> table() {
    auto table = std::make_shared<PriceTable>();
    std::vector<std::string> lines;
    const auto put = [&](const char* name, const char* provider) {
        ModelPrice price;
        price.provider = provider;
        price.standard.input = static_cast<std::int64_t>(lines.size() + 1);
        lines.push_back(pack_price(name, price));
    };
    put("gpt-4o", "openai");
    put("gpt-4o-mini", "openai");
    put("gpt-4o-2024-05-13", "openai");
    put("gpt-5.6-luna", "openai");
    put("ft:gpt-4o-mini-2024-07-18", "openai");
    put("ft:gpt-3.5-turbo", "openai");
    put("groq/llama-4", "groq");
    put("gemini/gemini-2.5-flash", "gemini");
    put("gemini-2.5-flash", "vertex_ai");
    put("claude-haiku-4-5", "anthropic");
    put("mistral/mistral-small-latest", "mistral");
    put("openrouter/openai/gpt-4o", "openrouter");
    put("house-model", "");
    table->lay(join_price_lines(std::move(lines)), PriceOrigin::builtin, "built-in 1");
    return table;
}

struct Row {
    const char* why;
    const char* provider;
    const char* answered;
    const char* configured;
    const char* key;  // null: must stay unpriced
};

}  // namespace

TEST_CASE("a model name resolves to its own price or to none") {
    const auto row = GENERATE(values<Row>({
        {"exact name", "openai", "gpt-4o", "", "gpt-4o"},
        {"provider prefix", "groq", "llama-4", "", "groq/llama-4"},
        {"prefix before the bare name", "gemini", "gemini-2.5-flash", "",
         "gemini/gemini-2.5-flash"},
        {"bare name of another provider", "azure", "gpt-4o", "", nullptr},
        {"any provider", "", "gpt-4o", "", "gpt-4o"},
        {"an override belongs to everybody", "groq", "house-model", "", "house-model"},
        {"OpenRouter's ids hold a slash", "openrouter", "openai/gpt-4o", "",
         "openrouter/openai/gpt-4o"},
        {"dated answer", "openai", "gpt-4o-2024-08-06", "", "gpt-4o"},
        {"a dated key of its own wins", "openai", "gpt-4o-2024-05-13", "", "gpt-4o-2024-05-13"},
        {"compact date", "anthropic", "claude-haiku-4-5-20251001", "", "claude-haiku-4-5"},
        {"date with an at sign", "anthropic", "claude-haiku-4-5@20251001", "", "claude-haiku-4-5"},
        {"latest", "openai", "gpt-4o-latest", "", "gpt-4o"},
        {"a key that ends in latest", "mistral", "mistral-small-latest", "",
         "mistral/mistral-small-latest"},
        {"preview date", "gemini", "gemini-2.5-flash-preview-05-20", "", "gemini/gemini-2.5-flash"},
        {"the answer's model decides", "openai", "gpt-4o-mini-2024-07-18", "gpt-4o", "gpt-4o-mini"},
        {"else the configured one", "openai", "my-deployment", "gpt-4o", "gpt-4o"},
        {"no answered model at all", "openai", "", "gpt-4o", "gpt-4o"},
        {"fine-tune", "openai", "ft:gpt-3.5-turbo:acme::x1", "", "ft:gpt-3.5-turbo"},
        {"fine-tune of a dated base", "openai", "ft:gpt-4o-mini-2024-07-18:acme::x1", "",
         "ft:gpt-4o-mini-2024-07-18"},
        {"fine-tunes never cost what the base costs", "openai", "ft:gpt-4o:acme::x1", "", nullptr},
        {"never by prefix", "openai", "gpt-5.6", "", nullptr},
        {"never by extension", "openai", "gpt-4o-mini-tts", "", nullptr},
        {"never by substring", "openai", "luna", "", nullptr},
        {"not a date: month 13", "openai", "gpt-4o-2024-13-06", "", nullptr},
        {"not a date: letters", "openai", "gpt-4o-2024-0x-06", "", nullptr},
        {"not a date: last century", "openai", "gpt-4o-1924-08-06", "", nullptr},
        {"nothing left but the date", "openai", "-2024-08-06", "", nullptr},
        {"nothing left but latest", "openai", "-latest", "", nullptr},
        {"case counts", "openai", "GPT-4o", "", nullptr},
        {"both empty", "openai", "", "", nullptr},
    }));
    INFO(row.why);
    const auto prices = table();
    const auto* found = prices->resolve(row.provider, row.answered, row.configured);
    if (row.key == nullptr) {
        CHECK(found == nullptr);
    } else {
        REQUIRE(found != nullptr);
        CHECK(found == prices->find(row.key));
    }
}

TEST_CASE("a model at an address that nobody knows costs what its maker takes, or what all take") {
    std::vector<std::string> lines;
    const auto put = [&](const char* name, const char* provider, std::int64_t input) {
        ModelPrice price;
        price.provider = provider;
        price.standard.input = input;
        price.standard.output = 2 * input;
        price.max_prompt = lines.size();  // no price: rows may differ in it
        lines.push_back(pack_price(name, price));
    };
    put("xai/grok-3-mini", "xai", 300);
    put("azure_ai/grok-3-mini", "azure_ai", 250);
    put("groq/llama-3.3-70b-versatile", "groq", 590);
    put("together_ai/gpt-oss-20b", "together_ai", 50);
    put("deepinfra/gpt-oss-20b", "deepinfra", 50);
    put("together_ai/gpt-oss-120b", "together_ai", 150);
    put("cerebras/gpt-oss-120b", "cerebras", 350);
    put("ollama/llama3", "ollama", 0);
    put("openrouter/some/model", "openrouter", 0);
    put("mistral/mistral-large-latest", "mistral", 500);
    put("azure/mistral-large-latest", "azure", 8000);
    put("gpt-4o", "openai", 2500);
    put("azure/gpt-4o", "azure", 2750);
    PriceTable prices;
    prices.lay(join_price_lines(std::move(lines)), PriceOrigin::builtin, "built-in 1");
    const auto row = GENERATE(values<std::pair<const char*, const char*>>({
        {"grok-3-mini", "xai/grok-3-mini"},
        {"grok-3-mini-2026-01-01", "xai/grok-3-mini"},
        {"mistral-large-latest", "mistral/mistral-large-latest"},
        {"llama-3.3-70b-versatile", "groq/llama-3.3-70b-versatile"},
        {"gpt-oss-20b", "deepinfra/gpt-oss-20b"},
        {"gpt-oss-120b", nullptr},
        {"llama3", nullptr},
        {"some/model", nullptr},
        {"gpt-4o", "gpt-4o"},
        {"mini", nullptr},
    }));
    INFO(row.first);
    const auto* const found = prices.resolve("", row.first, "");
    CHECK((found != nullptr) == (row.second != nullptr));
    if (row.second != nullptr && found != nullptr) {
        CHECK(found->standard.input == prices.find(row.second)->standard.input);
    }
    // Who is known has the own price or none.
    CHECK(prices.resolve("groq", "grok-3-mini", "") == nullptr);
    // A file's word goes before the table's, by whichever name it calls the model.
    ModelPrice dearer;
    dearer.provider = "openai";
    dearer.standard.input = dearer.standard.output = 9000;
    prices.lay(join_price_lines({pack_price("openai/gpt-4o", dearer)}), PriceOrigin::file, "f 1");
    for (const auto* model : {"gpt-4o", "gpt-4o-2024-11-20"}) {
        REQUIRE(prices.resolve("", model, "") != nullptr);
        CHECK(prices.resolve("", model, "")->standard.input == 9000);
    }
}

TEST_CASE("what is laid over a table replaces prices whole, and keeps what a model may read") {
    const auto prices = std::make_shared<PriceTable>();
    ModelPrice old;
    old.standard = {1, 2, 3, 4, 5};
    old.max_prompt = 1'000;
    old.max_output = 100;
    const auto below = join_price_lines({pack_price("gpt-4o", old), pack_price("other", old)});
    prices->lay_static(below, PriceOrigin::builtin, "built-in 1");
    CHECK(prices->find("gpt-4o")->origin == PriceOrigin::builtin);
    const auto own = std::make_shared<PriceTable>();
    own->lay_static(below, PriceOrigin::builtin, "built-in 1");
    ModelPrice cheaper;
    cheaper.standard.input = 1'000;
    cheaper.max_output = 50;
    own->lay(join_price_lines({pack_price("gpt-4o", cheaper), pack_price("new", cheaper)}),
             PriceOrigin::file, "own.json 2");
    CHECK(own->size() == 3);
    const auto* found = own->find("gpt-4o");
    REQUIRE(found != nullptr);
    CHECK(found == own->find("gpt-4o"));
    CHECK(found->standard == Rates{1'000, {}, {}, {}, {}});
    CHECK(found->origin == PriceOrigin::file);
    CHECK(found->max_prompt == 1'000);
    CHECK(found->max_output == 50);
    CHECK(own->find("other")->origin == PriceOrigin::builtin);
    CHECK(own->find("gpt-4") == nullptr);
    CHECK(own->version(PriceOrigin::file) == "own.json 2");
    CHECK(own->version(PriceOrigin::builtin) == "built-in 1");
    CHECK(prices->version(PriceOrigin::file).empty());
    std::string visited;
    own->for_each([&](std::string_view key, const ModelPrice& price) {
        visited.append(key).append(price.origin == PriceOrigin::file ? "! " : " ");
    });
    CHECK(visited == "gpt-4o! new! other ");
}

TEST_CASE("what a file has for a model is the price of each of its names, dated or not") {
    ModelPrice price;
    price.standard.input = 1;
    PriceTable prices;
    prices.lay(
        join_price_lines({pack_price("gpt-4o", price), pack_price("gpt-4o-2024-11-20", price),
                          pack_price("gpt-4o-mini", price)}),
        PriceOrigin::builtin, "b");
    price.standard.input = 2;
    prices.lay(join_price_lines({pack_price("gpt-4o", price)}), PriceOrigin::file, "f");
    struct Row {
        std::string_view answered, configured;
        int input;
    };
    for (const Row row : {Row{"gpt-4o-2024-11-20", "gpt-4o", 2}, Row{"gpt-4o-2024-11-20", "", 2},
                          Row{"gpt-4o-latest", "", 2}, Row{"gpt-4o-mini", "", 1},
                          Row{"gpt-4o-mini", "gpt-4o-mini", 1}, Row{"nobody", "gpt-4o", 2}}) {
        INFO(row.answered << " asked for as " << row.configured);
        const auto* const found = prices.resolve("", row.answered, row.configured);
        REQUIRE(found != nullptr);
        CHECK(found->standard.input == row.input);
    }
}

TEST_CASE("a file's spelling of a name goes before the table's") {
    ModelPrice price;
    price.provider = "groq";
    price.standard.input = 1;
    PriceTable prices;
    prices.lay(join_price_lines({pack_price("groq/llama", price)}), PriceOrigin::builtin, "b");
    price.standard.input = 2;
    prices.lay(join_price_lines({pack_price("llama", price)}), PriceOrigin::file, "f");
    CHECK(prices.resolve("groq", "llama", "")->standard.input == 2);
    CHECK(prices.resolve("xai", "llama", "") == nullptr);
    price.provider = "cohere";
    PriceTable other;
    other.lay(join_price_lines({pack_price("embed", price)}), PriceOrigin::builtin, "b");
    CHECK(other.resolve("cohere_chat", "embed", "") != nullptr);
}
