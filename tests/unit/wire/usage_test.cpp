#include "wire/answer.hpp"

#include <catch2/catch.hpp>

#include <string>
#include <vector>

using namespace understudy::wire;

namespace {

struct Row {
    const char* title;
    const char* json;
    Usage expected;
};

Usage counts(std::uint64_t prompt, std::uint64_t completion, std::uint64_t cache_read = 0,
             std::uint64_t cache_write = 0, std::uint64_t reasoning = 0) {
    return {prompt, completion, cache_read, cache_write, reasoning, std::nullopt};
}

void check(const std::vector<Row>& rows) {
    for (const Row& row : rows) {
        INFO(row.title);
        const auto usage = parse_usage(row.json);
        REQUIRE(usage);
        CHECK(usage->prompt == row.expected.prompt);
        CHECK(usage->completion == row.expected.completion);
        CHECK(usage->cache_read == row.expected.cache_read);
        CHECK(usage->cache_write == row.expected.cache_write);
        CHECK(usage->reasoning == row.expected.reasoning);
    }
}

std::optional<std::uint64_t> cost(const std::string& members) {
    const auto usage = parse_usage(R"({"prompt_tokens":1,)" + members + "}");
    REQUIRE(usage);
    return usage->reported_cost_pico_usd;
}

}  // namespace

TEST_CASE("Every dialect of usage is read into one meaning") {
    check({
        {"OpenAI chat",
         R"({"prompt_tokens":1420,"completion_tokens":212,"total_tokens":1632,)"
         R"("prompt_tokens_details":{"cached_tokens":1024,"cache_write_tokens":256,)"
         R"("audio_tokens":0},"completion_tokens_details":{"reasoning_tokens":192,)"
         R"("audio_tokens":0}})",
         counts(1420, 212, 1024, 256, 192)},
        {"OpenAI responses",
         R"({"input_tokens":50,"input_tokens_details":{"cached_tokens":10,)"
         R"("cache_write_tokens":5},"output_tokens":20,)"
         R"("output_tokens_details":{"reasoning_tokens":8},"total_tokens":70})",
         counts(50, 20, 10, 5, 8)},
        {"transcription",
         R"({"type":"tokens","input_tokens":14,"output_tokens":45,"total_tokens":59,)"
         R"("input_token_details":{"text_tokens":0,"audio_tokens":14}})",
         counts(14, 45)},
        {"embeddings", R"({"prompt_tokens":8,"total_tokens":8})", counts(8, 0)},
        {"DeepSeek",
         R"({"prompt_tokens":100,"completion_tokens":5,"total_tokens":105,)"
         R"("prompt_cache_hit_tokens":64,"prompt_cache_miss_tokens":36})",
         counts(100, 5, 64)},
        {"DeepSeek without a prompt",
         R"({"completion_tokens":5,"prompt_cache_hit_tokens":64,"prompt_cache_miss_tokens":36})",
         counts(100, 5, 64)},
        {"Mistral's typo",
         R"({"prompt_tokens":9,"completion_tokens":1,"prompt_token_details":{"cached_tokens":4}})",
         counts(9, 1, 4)},
        {"Mistral's own", R"({"prompt_tokens":9,"completion_tokens":1,"num_cached_tokens":4})",
         counts(9, 1, 4)},
        {"Moonshot", R"({"prompt_tokens":9,"completion_tokens":1,"cached_tokens":4})",
         counts(9, 1, 4)},
        {"Perplexity",
         R"({"prompt_tokens":9,"completion_tokens":7,"reasoning_tokens":4,"citation_tokens":90})",
         counts(9, 7, 0, 0, 4)},
        {"LiteLLM sends both names",
         R"({"prompt_tokens":100,"completion_tokens":5,"total_tokens":105,)"
         R"("cache_creation_input_tokens":20,"cache_read_input_tokens":30,)"
         R"("prompt_tokens_details":{"cached_tokens":30}})",
         counts(100, 5, 30, 20)},
        {"Anthropic's input never includes the cache",
         R"({"input_tokens":10,"cache_creation_input_tokens":20,)"
         R"("cache_read_input_tokens":3,"output_tokens":5})",
         counts(33, 5, 3, 20)},
        {"OpenAI's names win over others",
         R"({"input_tokens":1,"prompt_tokens":9,"input_tokens":2,"output_tokens":1,)"
         R"("completion_tokens":4})",
         counts(9, 4)},
        {"unless they say nothing",
         R"({"prompt_tokens":0,"completion_tokens":0,"input_tokens":10,"output_tokens":5})",
         counts(10, 5)},
        {"in whatever order",
         R"({"input_tokens":10,"output_tokens":5,"prompt_tokens":0,"completion_tokens":0})",
         counts(10, 5)},
        {"vLLM early",
         R"({"prompt_tokens":9,"total_tokens":9,"completion_tokens":null,)"
         R"("prompt_tokens_details":null})",
         counts(9, 0)},
        {"only a total", R"({"total_tokens":12})", counts(12, 0)},
        {"a total and a prompt", R"({"prompt_tokens":10,"total_tokens":12})", counts(10, 2)},
        {"a total and a completion", R"({"completion_tokens":10,"total_tokens":12})",
         counts(2, 10)},
        {"extras of Groq",
         R"({"queue_time":0.1,"prompt_tokens":9,"prompt_time":0.01,)"
         R"("completion_tokens":1,"total_tokens":10})",
         counts(9, 1)},
        {"floats", R"({"prompt_tokens":9.0,"completion_tokens":1e1})", counts(9, 10)},
        {"cache counts in the details under any name",
         R"({"prompt_tokens":100,"completion_tokens":5,"prompt_tokens_details":)"
         R"({"cache_read_tokens":30,"cache_creation_tokens":20}})",
         counts(100, 5, 30, 20)},
        {"and at the top",
         R"({"prompt_tokens":100,"completion_tokens":5,"cache_read_tokens":30,)"
         R"("cache_write_tokens":20})",
         counts(100, 5, 30, 20)},
        {"Anthropic's names in OpenAI's details",
         R"({"prompt_tokens":100,"completion_tokens":5,"prompt_tokens_details":)"
         R"({"cache_read_input_tokens":30,"cache_creation_input_tokens":20}})",
         counts(100, 5, 30, 20)},
        {"Anthropic by lifetime",
         R"({"input_tokens":10,"cache_creation_input_tokens":20,"cache_creation":)"
         R"({"ephemeral_5m_input_tokens":15,"ephemeral_1h_input_tokens":5},"output_tokens":5})",
         counts(30, 5, 0, 20)},
        {"an escaped name", R"({"prompt\u005ftokens":9})", counts(9, 0)},
    });
}

TEST_CASE("Counts that contradict each other are repaired") {
    check({
        {"xAI leaves reasoning out of completion",
         R"({"prompt_tokens":12,"completion_tokens":1,"total_tokens":303,)"
         R"("prompt_tokens_details":{"cached_tokens":11},)"
         R"("completion_tokens_details":{"reasoning_tokens":290}})",
         counts(12, 291, 11, 0, 290)},
        {"reasoning apart even when it is the smaller part",
         R"({"prompt_tokens":12,"completion_tokens":50,"total_tokens":72,)"
         R"("completion_tokens_details":{"reasoning_tokens":10}})",
         counts(12, 60, 0, 0, 10)},
        {"more reasoning than completion",
         R"({"prompt_tokens":12,"completion_tokens":1,)"
         R"("completion_tokens_details":{"reasoning_tokens":9}})",
         counts(12, 10, 0, 0, 9)},
        {"reasoning inside stays inside",
         R"({"prompt_tokens":12,"completion_tokens":50,"total_tokens":62,)"
         R"("completion_tokens_details":{"reasoning_tokens":10}})",
         counts(12, 50, 0, 0, 10)},
        {"more cached than prompt",
         R"({"prompt_tokens":5,"completion_tokens":1,)"
         R"("prompt_tokens_details":{"cached_tokens":100}})",
         counts(105, 1, 100)},
        {"more cached than prompt, and a total that says it is inside",
         R"({"prompt_tokens":100,"completion_tokens":5,"total_tokens":105,)"
         R"("prompt_tokens_details":{"cached_tokens":200}})",
         counts(100, 5, 100)},
        {"Portkey leaves the cache out of prompt but not of total",
         R"({"prompt_tokens":100,"completion_tokens":5,"total_tokens":155,)"
         R"("cache_creation_input_tokens":20,"cache_read_input_tokens":30})",
         counts(150, 5, 30, 20)},
        {"both apart",
         R"({"prompt_tokens":100,"completion_tokens":5,"total_tokens":145,)"
         R"("cached_tokens":30,"reasoning_tokens":10})",
         counts(130, 15, 30, 0, 10)},
        {"the total says that reasoning is inside, however large",
         R"({"prompt_tokens":10,"completion_tokens":5,"total_tokens":15,"reasoning_tokens":8})",
         counts(10, 5, 0, 0, 5)},
        {"what the total has beyond all parts is output",
         R"({"prompt_tokens":10,"completion_tokens":5,"total_tokens":40})", counts(10, 30)},
        {"beyond the reasoning too",
         R"({"prompt_tokens":10,"completion_tokens":5,"total_tokens":40,"reasoning_tokens":3})",
         counts(10, 30, 0, 0, 3)},
        {"a total that is too small tells nothing",
         R"({"prompt_tokens":10,"completion_tokens":5,"total_tokens":3,"reasoning_tokens":8})",
         counts(10, 13, 0, 0, 8)},
    });
}

TEST_CASE("One impossible number makes the whole block none") {
    for (const char* member :
         {R"("completion_tokens":-3)",
          R"("completion_tokens":1.5)",
          R"("completion_tokens":"12")",
          R"("completion_tokens":100000001)",
          R"("completion_tokens":1e300)",
          R"("total_tokens":99999999999999999999)",
          R"("total_tokens":-1)",
          R"("completion_tokens":true)",
          R"("completion_tokens":[])",
          R"("completion_tokens":{})",
          R"("prompt_tokens_details":{"cached_tokens":-1})",
          R"("completion_tokens_details":{"reasoning_tokens":0.5})",
          R"("cache_read_input_tokens":"x")",
          R"("cost":-0.01)",
          R"("cost":10000.01)",
          R"("cost":"0.02")",
          R"("cost":"")",
          R"("cost":true)",
          R"("estimated_cost":"0.02")",
          R"("cost_in_usd_ticks":"5")",
          R"("cost":{"total_cost":"0.02"})",
          R"("cost":1,"cost_details":{"upstream_inference_cost":"1"})",
          R"("cost":1e30)",
          R"("cost_in_usd_ticks":-5)",
          R"("is_byok":true,"cost":1,"cost_details":{"upstream_inference_cost":-1})"}) {
        INFO(member);
        std::string block = R"({"prompt_tokens":9,)";
        CHECK_FALSE(parse_usage(block.append(member).append("}")));
    }
    for (const char* member : {R"("completion_tokens":100000000)", R"("completion_tokens":null)",
                               R"("cost":10000)", R"("cost":null)", R"("estimated_cost":{"usd":1})",
                               R"("queue_time":-0.5)", R"("type":"tokens")"}) {
        INFO(member);
        std::string block = R"({"prompt_tokens":9,)";
        CHECK(parse_usage(block.append(member).append("}")));
    }
}

TEST_CASE("OpenRouter's fee comes beside the provider's cost only where the key is one's own") {
    CHECK(cost(R"("cost":0.05,"is_byok":true,"cost_details":{"upstream_inference_cost":0.95})") ==
          1'000'000'000'000U);
    CHECK(cost(R"("cost_details":{"upstream_inference_cost":0.95},"is_byok":true,"cost":0.05)") ==
          1'000'000'000'000U);
    CHECK(cost(R"("cost":0.5,"is_byok":false,"cost_details":{"upstream_inference_cost":0.5})") ==
          500'000'000'000U);
    CHECK(cost(R"("cost":0.5,"cost_details":{"upstream_inference_cost":null})") ==
          500'000'000'000U);
    CHECK(cost(R"("cost":0.5,"is_byok":true,"cost_details":{"upstream_inference_cost":null})") ==
          500'000'000'000U);
}

TEST_CASE("A block that says nothing is no usage") {
    for (const char* json :
         {"", "null", "{}", "[]", "5", "\"x\"",
          R"({"prompt_tokens":0,"completion_tokens":0,"total_tokens":0})",
          R"({"type":"duration","seconds":12})", R"({"prompt_tokens":null})", R"({"cost":0})",
          R"({"prompt_tokens":5)", R"({"prompt_tokens":5} x)"}) {
        CAPTURE(json);
        CHECK_FALSE(parse_usage(json));
    }
}

TEST_CASE("The upstream's own price is kept beside the counts") {
    CHECK(cost(R"("cost":0.00014662)") == 146'620'000U);
    CHECK(cost(R"("cost":1)") == 1'000'000'000'000U);
    CHECK(cost(R"("cost":0)") == 0U);
    CHECK(cost(R"("cost":{"input_tokens_cost":0.1,"total_cost":0.005})") == 5'000'000'000U);
    CHECK(cost(R"("cost_in_usd_ticks":1466250)") == 146'625'000U);
    CHECK(cost(R"("estimated_cost":0.25)") == 250'000'000'000U);
    CHECK(parse_usage(R"({"prompt_tokens":0,"total_tokens":0,"cost":0.04})")
              ->reported_cost_pico_usd == 40'000'000'000U);
    CHECK(cost(R"("cost":2,"estimated_cost":1)") == 2'000'000'000'000U);
    CHECK(cost(R"("estimated_cost":1,"cost":2)") == 2'000'000'000'000U);
    CHECK_FALSE(cost(R"("cost":null)"));
    CHECK_FALSE(cost(R"("x":1)"));
}

TEST_CASE("The last block that says something wins, and what it lacks keeps its value") {
    const auto merged = [](const char* first, const char* second) {
        auto usage = parse_usage(first);
        const auto later = parse_usage(second);
        REQUIRE(usage);
        if (later) merge_usage(*usage, *later);
        return *usage;
    };
    CHECK(merged(R"({"prompt_tokens":12,"completion_tokens":9})",
                 R"({"prompt_tokens":12,"completion_tokens":5})") == counts(12, 5));
    CHECK(merged(R"({"input_tokens":25,"cache_read_input_tokens":4,"output_tokens":1})",
                 R"({"output_tokens":15})") == counts(29, 15, 4));
    CHECK(merged(R"({"prompt_tokens":50,"completion_tokens":9,"cached_tokens":40})",
                 R"({"prompt_tokens":50,"completion_tokens":9,"cached_tokens":0})") ==
          counts(50, 9));
    CHECK(merged(R"({"prompt_tokens":50,"completion_tokens":9,"cached_tokens":40})",
                 R"({"prompt_tokens":50,"completion_tokens":0})") == counts(50, 0, 40));
    CHECK(merged(R"({"prompt_tokens":50,"completion_tokens":9})",
                 R"({"prompt_tokens":0,"completion_tokens":0})") == counts(50, 9));
    CHECK(merged(R"({"prompt_tokens":50,"completion_tokens":9})",
                 R"({"prompt_tokens":-1,"completion_tokens":10})") == counts(50, 9));
    auto paid = merged(R"({"prompt_tokens":50,"completion_tokens":9})",
                       R"({"prompt_tokens":0,"completion_tokens":0,"cost":0.04})");
    CHECK(paid.prompt == 50);
    CHECK(paid.reported_cost_pico_usd == 40'000'000'000U);
    Usage priced = counts(1, 1);
    priced.reported_cost_pico_usd = 7;
    Usage cheaper = counts(1, 1);
    cheaper.reported_cost_pico_usd = 5;
    merge_usage(priced, cheaper);
    CHECK(priced.reported_cost_pico_usd == 5U);
    merge_usage(priced, counts(1, 2));
    CHECK(priced.reported_cost_pico_usd == 5U);
    CHECK(priced.completion == 2);
}
