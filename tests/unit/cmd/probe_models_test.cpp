// Which model a probe asks for: tables over the configuration, the prices and lists of models.
#include "cmd/probe/models.hpp"

#include "config/load.hpp"
#include "config/preset_upstream.hpp"
#include "config/presets.hpp"
#include "config/prices.hpp"

#include <catch2/catch.hpp>

#include <memory>
#include <string>
#include <string_view>

using namespace understudy;
using namespace understudy::cmd::probe;

namespace {

config::Upstream preset(std::string_view name) {
    return config::upstream_of(*config::find_preset(name));
}

Names chosen(std::string_view provider, const Names& listed) {
    config::Upstream upstream;
    if (!provider.empty()) upstream = preset(provider);
    return choose_listed(upstream, *config::builtin_prices(), listed, 3);
}

std::shared_ptr<const config::Config> loaded(const std::string& yaml) {
    const auto none = [](std::string_view) -> std::optional<std::string> { return std::nullopt; };
    const auto result = config::load_text(yaml, "u.yaml", none, {});
    for (const auto& problem : result.problems) UNSCOPED_INFO(problem.text());
    REQUIRE(result.config);
    return result.config;
}

}  // namespace

TEST_CASE("Names that say embedding, speech or images are no models to chat with") {
    for (const char* name :
         {"gpt-4o-mini", "claude-haiku-4-5", "qwen3:8b", "meta-llama/Llama-3.3-70B-Instruct",
          "gemini-2.5-flash", "o3", "command-r7b-12-2024", "mistral-small-latest", "adapter-1"}) {
        INFO(name);
        CHECK(looks_like_chat(name));
    }
    for (const char* name : {"text-embedding-3-small",
                             "nomic-embed-text:latest",
                             "bge-m3",
                             "rerank-v3.5",
                             "whisper-large-v3",
                             "gpt-4o-mini-tts",
                             "gpt-4o-transcribe",
                             "gpt-4o-audio-preview",
                             "gpt-4o-realtime-preview",
                             "dall-e-3",
                             "gpt-image-1",
                             "imagen-4.0-generate",
                             "veo-3.0",
                             "sora-2",
                             "omni-moderation-latest",
                             "meta-llama/Llama-Guard-4-12B",
                             "davinci-002",
                             "babbage-002",
                             "gpt-3.5-turbo-instruct",
                             "stable-diffusion-xl",
                             "FLUX.1-schnell",
                             "text-embedding-ada-002",
                             "sonar-deep-research",
                             "openai/*",
                             "mistral-ocr-latest",
                             "all-MiniLM-L6-v2"}) {
        INFO(name);
        CHECK_FALSE(looks_like_chat(name));
    }
}

TEST_CASE("Of a list the cheapest model with a known price comes first, the unknown ones last") {
    CHECK(chosen("openai", {"zzz", "gpt-4o", "text-embedding-3-small", "gpt-4o-mini"}) ==
          Names{"gpt-4o-mini", "gpt-4o", "zzz"});
    CHECK(chosen("anthropic", {"claude-opus-4-5-20251101", "claude-haiku-4-5-20251001"}).front() ==
          "claude-haiku-4-5-20251001");
    CHECK(chosen("openrouter", {"new/free:free", "anthropic/claude-opus-4.5", "openai/gpt-4o-mini"})
              .front() == "openai/gpt-4o-mini");
    CHECK(chosen("groq", {"openai/gpt-oss-120b", "llama-3.1-8b-instant"}).front() ==
          "llama-3.1-8b-instant");
    CHECK(chosen("", {"nomic-embed-text", "b", "a", "c", "d"}) == Names{"b", "a", "c"});
    CHECK(chosen("vllm", {}).empty());
    CHECK(chosen("openai", {"whisper-1", "tts-1"}).empty());
}

TEST_CASE("A service without a list gets a chat model of its own from the price table") {
    const auto& prices = *config::builtin_prices();
    CHECK(choose_priced(preset("perplexity"), prices) == "sonar");
    CHECK_FALSE(choose_priced(preset("mistral"), prices).empty());
    CHECK(choose_priced(preset("mistral"), prices).find("embed") == std::string::npos);
    CHECK(choose_priced(preset("ollama"), prices).empty());
    CHECK(choose_priced(config::Upstream(), prices).empty());
}

TEST_CASE("What the configuration names for an upstream is found wherever it stands") {
    const auto config = loaded(
        "upstreams:\n"
        "  - { name: a, base_url: 'http://a.test/v1', model: own }\n"
        "  - { name: b, base_url: 'http://b.test/v1' }\n"
        "  - { name: c, base_url: 'http://c.test/v1' }\n"
        "routes:\n"
        "  - { model: literal, chain: [b, c/chained] }\n"
        "  - { model: 'glob-*', chain: [b, a] }\n"
        "  - { model: '*', chain: [a, c/other] }\n");
    CHECK(configured_models(*config, 0, "") == Names{"own"});
    CHECK(configured_models(*config, 1, "") == Names{"literal"});
    CHECK(configured_models(*config, 2, "") == Names{"chained", "other"});
    // --model: as a request for it would come to each; who is not in its chain is asked for it too.
    CHECK(configured_models(*config, 0, "glob-1") == Names{"own"});
    CHECK(configured_models(*config, 1, "glob-1") == Names{"glob-1"});
    CHECK(configured_models(*config, 2, "glob-1") == Names{"glob-1"});
    CHECK(configured_models(*config, 2, "literal") == Names{"chained"});
}

TEST_CASE("The start without a file asks OpenRouter by the names it has for others' models") {
    const auto env = [](std::string_view name) -> std::optional<std::string> {
        if (name == "OPENAI_API_KEY" || name == "OPENROUTER_API_KEY") return "k";
        return std::nullopt;
    };
    const auto result = config::load({}, env, {});
    REQUIRE(result.config);
    CHECK(configured_models(*result.config, 0, "").empty());
    CHECK(configured_models(*result.config, 0, "gpt-4o") == Names{"gpt-4o"});
    CHECK(configured_models(*result.config, 1, "gpt-4o") == Names{"openai/gpt-4o"});
}

TEST_CASE("A list has a model under the name's date, -latest or tag as well") {
    const Names listed{"gpt-4o-2024-08-06", "llama3:latest", "claude-3-haiku-20240307", "x-latest"};
    for (const char* name :
         {"gpt-4o-2024-08-06", "gpt-4o", "llama3", "llama3:latest", "claude-3-haiku", "x"}) {
        INFO(name);
        CHECK(lists(listed, name));
    }
    for (const char* name : {"gpt-4", "gpt-4o-mini", "llama", "claude-3", "GPT-4o", ""}) {
        INFO(name);
        CHECK_FALSE(lists(listed, name));
    }
}

TEST_CASE("The nearest names are those that hold it, then those with the fewest slips") {
    const Names listed{"whisper-1", "gpt-4o-mini", "o3", "openai/gpt-4o", "gpt-4.1"};
    CHECK(nearest_models("gpt-4o", listed) == Names{"gpt-4o-mini", "openai/gpt-4o", "gpt-4.1"});
    CHECK(nearest_models("gpt-4o-mimi", listed).front() == "gpt-4o-mini");
    CHECK(nearest_models("x", {}).empty());
}
