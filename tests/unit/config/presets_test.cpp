// The table of presets, and names in LiteLLM's form.
#include "config/presets.hpp"
#include "config/address.hpp"

#include <catch2/catch.hpp>

#include <set>
#include <string>
#include <vector>

using namespace understudy::config;

TEST_CASE("Every preset of the documentation has a row, in its order of the start") {
    const std::vector<std::string_view> expected{
        "openai",    "anthropic", "gemini", "openrouter", "groq",      "mistral",     "deepseek",
        "azure",     "bedrock",   "xai",    "together",   "fireworks", "cerebras",    "moonshot",
        "dashscope", "zai",       "nvidia", "perplexity", "cohere",    "huggingface", "ollama",
        "lmstudio",  "llamacpp",  "vllm",   "sglang",     "litellm"};
    std::vector<std::string_view> names;
    for (const Preset& preset : presets()) names.push_back(preset.name);
    REQUIRE(names == expected);
    REQUIRE(find_preset("gro") == nullptr);
    REQUIRE(find_preset("") == nullptr);
}

TEST_CASE("No two presets share a name, a prefix or a key variable, and every base URL parses") {
    std::set<std::string_view> prefixes;
    std::set<std::string_view> variables;
    for (const Preset& preset : presets()) {
        INFO(preset.name);
        REQUIRE(find_preset(preset.name) == &preset);
        for (const auto prefix : preset.prefixes) REQUIRE(prefixes.insert(prefix).second);
        for (const auto variable : preset.key_variables) {
            REQUIRE(variables.insert(variable).second);
        }
        for (const auto host : preset.hosts) {
            REQUIRE(provider_of_host(host) == preset.price_provider);
            REQUIRE(provider_of_host("eu." + std::string(host)) == preset.price_provider);
            REQUIRE(provider_of_host("x" + std::string(host)) == "");
        }
        if (preset.base_url.empty()) continue;
        const auto url = parse_base_url(preset.base_url);
        REQUIRE(url);
        REQUIRE(url.value->text() == preset.base_url);
        REQUIRE(url.value->tls == (preset.kind == PresetKind::service));
        REQUIRE(preset.hosts.empty() == (preset.kind == PresetKind::local));
        if (preset.hosts.empty()) continue;
        REQUIRE(preset.hosts.front() == url.value->host);
        REQUIRE(api_path_of_host(url.value->host) == url.value->path);
    }
}

TEST_CASE("A model name in LiteLLM's form names a preset and a model") {
    struct Row {
        std::string_view name;
        std::string preset_and_model;  // "" nothing
    };
    const std::vector<Row> rows{
        {"openai/gpt-4o", "openai gpt-4o"},
        {"groq/llama-3.3-70b-versatile", "groq llama-3.3-70b-versatile"},
        {"openrouter/anthropic/claude-sonnet-4", "openrouter anthropic/claude-sonnet-4"},
        {"together_ai/meta-llama/Llama-3.3-70B", "together meta-llama/Llama-3.3-70B"},
        {"together/x", "together x"},
        {"fireworks_ai/accounts/fireworks/models/x", "fireworks accounts/fireworks/models/x"},
        {"nvidia_nim/meta/llama3-70b", "nvidia meta/llama3-70b"},
        {"hosted_vllm/Qwen/Qwen3", "vllm Qwen/Qwen3"},
        {"vllm/x", "vllm x"},
        {"ollama_chat/llama3", "ollama llama3"},
        {"ollama/llama3", "ollama llama3"},
        {"lm_studio/x", "lmstudio x"},
        {"litellm_proxy/my-alias", "litellm my-alias"},
        {"cohere_chat/command-a", "cohere command-a"},
        {"gemini/gemini-2.5-pro", "gemini gemini-2.5-pro"},
        {"azure/my-deployment", "azure my-deployment"},
        {"bedrock/us.anthropic.claude", "bedrock us.anthropic.claude"},
        {"gpt-4o", "openai gpt-4o"},
        {"claude-sonnet-4-5", "anthropic claude-sonnet-4-5"},
        {"gemini-2.5-pro", ""},  // Vertex AI in LiteLLM
        {"vertex_ai/gemini-2.5-pro", ""},
        {"groq/", ""},
        {"/x", ""},
        {"", ""},
        {"Groq/x", ""},
        {"groqq/x", ""},
    };
    for (const Row& row : rows) {
        INFO(row.name);
        const auto found = preset_of_model(row.name);
        const std::string text =
            found ? std::string(found->preset->name) + " " + found->model : std::string();
        REQUIRE(text == row.preset_and_model);
    }
}

TEST_CASE("Services that refuse names they do not know get none that clients are known to send") {
    // What OpenHands, Codex and clients of other makers' models add to a chat request.
    for (const char* provider : {"groq", "gemini", "mistral", "cerebras"}) {
        for (const char* member : {"prompt_cache_key", "prompt_cache_retention", "top_k"}) {
            CAPTURE(provider, member);
            CHECK(find_preset(provider)->quirks.drop.contains(member));
        }
    }
    for (const char* provider : {"groq", "gemini", "mistral"}) {
        for (const char* member : {"store", "verbosity", "thinking", "enable_thinking"}) {
            CAPTURE(provider, member);
            CHECK(find_preset(provider)->quirks.drop.contains(member));
        }
    }
    // What they do take stays.
    CHECK_FALSE(find_preset("groq")->quirks.drop.contains("service_tier"));
    CHECK_FALSE(find_preset("mistral")->quirks.drop.contains("metadata"));
    CHECK(find_preset("azure")->hosts.contains("openai.azure.us"));
}

TEST_CASE("A prefill is marked as each service wants it") {
    struct Row {
        const char* preset;
        PrefillKind kind;
        const char* path;
    };
    for (const Row& row :
         {Row{"openai", PrefillKind::none, ""}, Row{"anthropic", PrefillKind::none, ""},
          Row{"mistral", PrefillKind::prefix, ""}, Row{"deepseek", PrefillKind::prefix, "/beta"},
          Row{"moonshot", PrefillKind::partial, ""}, Row{"dashscope", PrefillKind::partial, ""},
          Row{"openrouter", PrefillKind::assistant, ""}, Row{"groq", PrefillKind::assistant, ""},
          Row{"ollama", PrefillKind::assistant, ""}, Row{"llamacpp", PrefillKind::assistant, ""},
          Row{"vllm", PrefillKind::continue_final_message, ""},
          Row{"sglang", PrefillKind::continue_final_message, ""}}) {
        CAPTURE(row.preset);
        CHECK(find_preset(row.preset)->prefill == row.kind);
        CHECK(find_preset(row.preset)->prefill_path == row.path);
    }
    // Where the servers' own grammars write what a schema demands.
    for (const char* local : {"ollama", "llamacpp", "vllm", "sglang"})
        CHECK(find_preset(local)->schema_from_start);
    CHECK_FALSE(find_preset("mistral")->schema_from_start);
}
