#include "config/presets.hpp"

namespace understudy::config {
namespace {

// Members of OpenAI's that strict servers refuse by name. Sources stand beside the rows.
constexpr std::string_view kNewTokens = "max_completion_tokens";

constexpr std::array kPresets{
    // Any compatible server. platform.openai.com/docs/api-reference/chat
    Preset{.name = "openai",
           .base_url = "https://api.openai.com/v1",
           .hosts = {"api.openai.com"},
           .key_variables = {"OPENAI_API_KEY"},
           .price_provider = "openai",
           .prefixes = {"openai", "text-completion-openai"}},
    // docs.anthropic.com/en/api/messages; in its OpenAI form (docs.anthropic.com/en/api/openai-sdk)
    // n must be 1, and what it does not know it ignores.
    Preset{.name = "anthropic",
           .base_url = "https://api.anthropic.com/v1",
           .native = {wire::Dialect::messages, "https://api.anthropic.com/v1", true},
           .hosts = {"api.anthropic.com"},
           .key_variables = {"ANTHROPIC_API_KEY"},
           .price_provider = "anthropic",
           .prefixes = {"anthropic"},
           .quirks = {.one_choice = true}},
    // ai.google.dev/api/generate-content; in its OpenAI form (ai.google.dev/gemini-api/docs/openai)
    // it refuses every name it does not know with 400
    // 'Unknown name "seed": Cannot find field' (github.com/Vali-98/ChatterUI/issues/227,
    // github.com/n4ze3m/page-assist/issues/418, github.com/ed-donner/agents/issues/45), other
    // makers' ways to ask for reasoning among them.
    Preset{
        .name = "gemini",
        .base_url = "https://generativelanguage.googleapis.com/v1beta/openai",
        .native = {wire::Dialect::gemini, "https://generativelanguage.googleapis.com/v1beta", true},
        .hosts = {"generativelanguage.googleapis.com"},
        .key_variables = {"GEMINI_API_KEY", "GOOGLE_API_KEY"},
        .price_provider = "gemini",
        .prefixes = {"gemini"},
        .quirks = {.drop = {"frequency_penalty",
                            "presence_penalty",
                            "seed",
                            "logit_bias",
                            "logprobs",
                            "top_logprobs",
                            "store",
                            "metadata",
                            "user",
                            "service_tier",
                            "prompt_cache_key",
                            "prompt_cache_retention",
                            "safety_identifier",
                            "prediction",
                            "verbosity",
                            "web_search_options",
                            "top_k",
                            "thinking",
                            "reasoning",
                            "enable_thinking"}}},
    // openrouter.ai/docs/api-reference/overview; reasoning:
    // openrouter.ai/docs/use-cases/reasoning-tokens; the overview has "Assistant Prefill" too
    Preset{.name = "openrouter",
           .base_url = "https://openrouter.ai/api/v1",
           .hosts = {"openrouter.ai"},
           .key_variables = {"OPENROUTER_API_KEY"},
           .price_provider = "openrouter",
           .prefixes = {"openrouter"},
           .prefill = PrefillKind::assistant,
           .reasoning = "reasoning",
           .takes_reasoning = true},
    // Prefill: console.groq.com/docs/prefilling.
    // console.groq.com/docs/openai: the first three and n above 1 give 400, as does every name it
    // does not know, "property 'prompt_cache_key' is unsupported"
    // (github.com/sipeed/picoclaw/pull/1196, github.com/eigent-ai/eigent/issues/1827,
    // github.com/fanenr/chatbot/issues/21); console.groq.com/docs/reasoning
    Preset{.name = "groq",
           .base_url = "https://api.groq.com/openai/v1",
           .hosts = {"api.groq.com"},
           .key_variables = {"GROQ_API_KEY"},
           .price_provider = "groq",
           .prefixes = {"groq"},
           .quirks = {.drop = {"logprobs", "logit_bias", "top_logprobs", "store", "metadata",
                               "modalities", "audio", "prediction", "web_search_options",
                               "prompt_cache_key", "prompt_cache_retention", "safety_identifier",
                               "verbosity", "top_k", "thinking", "enable_thinking"},
                      .one_choice = true},
           .prefill = PrefillKind::assistant,
           .reasoning = "reasoning"},
    // Ids of calls: github.com/mistralai/mistral-common, "must be a-z, A-Z, 0-9, with a length of
    // 9".
    // docs.mistral.ai/api: names it does not know give 422 extra_forbidden; it calls the seed
    // random_seed, knows max_tokens only, and reports usage in the last chunk unasked.
    // docs.mistral.ai/capabilities/completion/usage: `prefix` on the last assistant message, which
    // is
    // refused without it ("Expected last role User or Tool (or Assistant with prefix True)").
    Preset{.name = "mistral",
           .base_url = "https://api.mistral.ai/v1",
           .hosts = {"api.mistral.ai"},
           .key_variables = {"MISTRAL_API_KEY"},
           .price_provider = "mistral",
           .prefixes = {"mistral", "codestral"},
           .quirks = {.drop = {"stream_options", "store", "logit_bias", "user", "logprobs",
                               "top_logprobs", "service_tier", "modalities", "audio",
                               "web_search_options", "prompt_cache_key", "prompt_cache_retention",
                               "safety_identifier", "verbosity", "top_k", "thinking",
                               "enable_thinking"},
                      .max_tokens_from = {kNewTokens},
                      .rename = MemberRename{"seed", "random_seed"},
                      .bound = MemberBound{"temperature", 0, 1.5},
                      .refuses_stream_options = true,
                      .nine_letter_ids = true},
           .prefill = PrefillKind::prefix},
    // api-docs.deepseek.com/api/create-chat-completion, and /guides/anthropic_api;
    // api-docs.deepseek.com/guides/chat_prefix_completion: `prefix`, at the beta base URL only
    Preset{.name = "deepseek",
           .base_url = "https://api.deepseek.com",
           .native = {wire::Dialect::messages, "https://api.deepseek.com/anthropic/v1"},
           .hosts = {"api.deepseek.com"},
           .key_variables = {"DEEPSEEK_API_KEY"},
           .price_provider = "deepseek",
           .prefixes = {"deepseek"},
           .quirks = {.max_tokens_from = {kNewTokens}},
           .prefill = PrefillKind::prefix,
           .prefill_path = "/beta",
           .reasoning = "reasoning_content",
           .takes_reasoning = true},
    // learn.microsoft.com/azure/ai-foundry/openai/api-version-lifecycle
    Preset{.name = "azure",
           .base_url = "",
           .hosts = {"openai.azure.com", "cognitiveservices.azure.com", "openai.azure.us"},
           .key_variables = {"AZURE_API_KEY", "AZURE_OPENAI_API_KEY"},
           .price_provider = "azure",
           .prefixes = {"azure", "azure_ai"},
           .key_header = "api-key",
           .reasoning = "reasoning_content"},
    // docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html; each region has an
    // address of its own, and a key may be one of AWS's that signs (config/bedrock.hpp)
    Preset{.name = "bedrock",
           .base_url = "",
           .native = {wire::Dialect::converse, "", true},
           .key_variables = {"AWS_BEARER_TOKEN_BEDROCK"},
           .price_provider = "bedrock",
           .prefixes = {"bedrock", "bedrock_converse"}},
    // docs.x.ai/docs/api-reference
    Preset{.name = "xai",
           .base_url = "https://api.x.ai/v1",
           .hosts = {"api.x.ai"},
           .key_variables = {"XAI_API_KEY"},
           .price_provider = "xai",
           .prefixes = {"xai"},
           .reasoning = "reasoning_content"},
    // docs.together.ai/reference/chat-completions-1
    Preset{.name = "together",
           .base_url = "https://api.together.xyz/v1",
           .hosts = {"api.together.xyz", "api.together.ai"},
           .key_variables = {"TOGETHER_API_KEY", "TOGETHERAI_API_KEY"},
           .price_provider = "together_ai",
           .prefixes = {"together_ai", "together"},
           .quirks = {.max_tokens_from = {kNewTokens}},
           .reasoning = "reasoning"},
    // docs.fireworks.ai/tools-sdks/openai-compatibility
    Preset{.name = "fireworks",
           .base_url = "https://api.fireworks.ai/inference/v1",
           .hosts = {"api.fireworks.ai"},
           .key_variables = {"FIREWORKS_API_KEY", "FIREWORKS_AI_API_KEY"},
           .price_provider = "fireworks_ai",
           .prefixes = {"fireworks_ai", "fireworks"},
           .quirks = {.max_tokens_from = {kNewTokens}},
           .reasoning = "reasoning_content"},
    // inference-docs.cerebras.ai/resources/openai: the first five give 400; so do names it does
    // not know (github.com/mnfst/modelparams.dev/pull/115)
    Preset{.name = "cerebras",
           .base_url = "https://api.cerebras.ai/v1",
           .hosts = {"api.cerebras.ai"},
           .key_variables = {"CEREBRAS_API_KEY"},
           .price_provider = "cerebras",
           .prefixes = {"cerebras"},
           .quirks = {.drop = {"frequency_penalty", "presence_penalty", "logit_bias",
                               "parallel_tool_calls", "service_tier", "prompt_cache_key",
                               "prompt_cache_retention", "safety_identifier", "top_k"}},
           .reasoning = "reasoning"},
    // platform.moonshot.ai/docs/api/chat: temperature is 0 to 1
    // platform.moonshot.ai/docs/guide/use-partial-mode-feature-of-kimi-api: `partial`
    Preset{.name = "moonshot",
           .base_url = "https://api.moonshot.ai/v1",
           .hosts = {"api.moonshot.ai", "api.moonshot.cn"},
           .key_variables = {"MOONSHOT_API_KEY"},
           .price_provider = "moonshot",
           .prefixes = {"moonshot"},
           .quirks = {.max_tokens_from = {kNewTokens}, .bound = MemberBound{"temperature", 0, 1}},
           .prefill = PrefillKind::partial,
           .reasoning = "reasoning_content",
           .takes_reasoning = true},
    // alibabacloud.com/help/en/model-studio/compatibility-of-openai-with-dashscope
    // alibabacloud.com/help/en/model-studio/partial-mode: `partial`
    Preset{.name = "dashscope",
           .base_url = "https://dashscope-intl.aliyuncs.com/compatible-mode/v1",
           .hosts = {"dashscope-intl.aliyuncs.com", "dashscope.aliyuncs.com"},
           .key_variables = {"DASHSCOPE_API_KEY"},
           .price_provider = "dashscope",
           .prefixes = {"dashscope"},
           .quirks = {.max_tokens_from = {kNewTokens}},
           .prefill = PrefillKind::partial,
           .reasoning = "reasoning_content"},
    // docs.z.ai/api-reference/llm/chat-completion: temperature is 0 to 1
    Preset{.name = "zai",
           .base_url = "https://api.z.ai/api/paas/v4",
           .hosts = {"api.z.ai", "open.bigmodel.cn"},
           .key_variables = {"ZAI_API_KEY"},
           .price_provider = "zai",
           .prefixes = {"zai"},
           .quirks = {.max_tokens_from = {kNewTokens}, .bound = MemberBound{"temperature", 0, 1}},
           .reasoning = "reasoning_content"},
    // docs.api.nvidia.com/nim/reference
    Preset{.name = "nvidia",
           .base_url = "https://integrate.api.nvidia.com/v1",
           .hosts = {"integrate.api.nvidia.com"},
           .key_variables = {"NVIDIA_NIM_API_KEY", "NVIDIA_API_KEY"},
           .price_provider = "nvidia_nim",
           .prefixes = {"nvidia_nim", "nvidia"},
           .quirks = {.max_tokens_from = {kNewTokens}},
           .reasoning = "reasoning_content"},
    // docs.perplexity.ai/api-reference/chat-completions-post: usage is in every chunk;
    // docs.perplexity.ai/getting-started/pricing: reasoning tokens are billed beside the output
    Preset{.name = "perplexity",
           .base_url = "https://api.perplexity.ai",
           .hosts = {"api.perplexity.ai"},
           .key_variables = {"PERPLEXITYAI_API_KEY", "PERPLEXITY_API_KEY"},
           .price_provider = "perplexity",
           .prefixes = {"perplexity"},
           .quirks = {.max_tokens_from = {kNewTokens}, .reasoning_beside = true}},
    // docs.cohere.com/docs/compatibility-api, "unsupported parameters"
    Preset{.name = "cohere",
           .base_url = "https://api.cohere.ai/compatibility/v1",
           .hosts = {"api.cohere.ai", "api.cohere.com"},
           .key_variables = {"COHERE_API_KEY", "CO_API_KEY"},
           .price_provider = "cohere_chat",
           .prefixes = {"cohere_chat", "cohere"},
           .quirks = {.drop = {"store", "metadata", "logit_bias", "top_logprobs", "modalities",
                               "prediction", "audio", "service_tier", "parallel_tool_calls"},
                      .max_tokens_from = {kNewTokens},
                      .one_choice = true}},
    // huggingface.co/docs/inference-providers
    Preset{.name = "huggingface",
           .base_url = "https://router.huggingface.co/v1",
           .hosts = {"router.huggingface.co"},
           .key_variables = {"HF_TOKEN", "HUGGINGFACE_API_KEY"},
           .price_provider = "huggingface",
           .prefixes = {"huggingface"},
           .quirks = {.max_tokens_from = {kNewTokens}}},
    // github.com/ollama/ollama/blob/main/openai/openai.go: no max_completion_tokens
    Preset{.name = "ollama",
           .base_url = "http://127.0.0.1:11434/v1",
           .key_variables = {"OLLAMA_API_KEY"},
           .price_provider = "ollama",
           .prefixes = {"ollama_chat", "ollama"},
           .kind = PresetKind::local,
           .quirks = {.max_tokens_from = {kNewTokens}},
           .prefill = PrefillKind::assistant,
           .schema_from_start = true,
           .reasoning = "reasoning"},
    // lmstudio.ai/docs/developer/openai-compat: lists max_tokens only
    Preset{.name = "lmstudio",
           .base_url = "http://127.0.0.1:1234/v1",
           .key_variables = {"LM_STUDIO_API_KEY"},
           .prefixes = {"lm_studio", "lmstudio"},
           .kind = PresetKind::local,
           .quirks = {.max_tokens_from = {kNewTokens}},
           .reasoning = "reasoning"},
    // github.com/ggml-org/llama.cpp/blob/master/tools/server/README.md
    Preset{.name = "llamacpp",
           .base_url = "http://127.0.0.1:8080/v1",
           .key_variables = {"LLAMA_API_KEY"},
           .prefixes = {"llamacpp", "llamafile"},
           .kind = PresetKind::local,
           .quirks = {.max_tokens_from = {kNewTokens}},
           .prefill = PrefillKind::assistant,
           .schema_from_start = true,
           .reasoning = "reasoning_content"},
    // docs.vllm.ai/en/latest/serving/openai_compatible_server.html
    // Its two members for a prefill exclude each other there; their defaults open a new message.
    Preset{.name = "vllm",
           .base_url = "http://127.0.0.1:8000/v1",
           .key_variables = {"HOSTED_VLLM_API_KEY"},
           .prefixes = {"hosted_vllm", "vllm"},
           .kind = PresetKind::local,
           .prefill = PrefillKind::continue_final_message,
           .schema_from_start = true,
           .reasoning = "reasoning"},
    // docs.sglang.ai/backend/openai_api_completions.html
    Preset{.name = "sglang",
           .base_url = "http://127.0.0.1:30000/v1",
           .key_variables = {"SGLANG_API_KEY"},
           .prefixes = {"sglang"},
           .kind = PresetKind::local,
           .prefill = PrefillKind::continue_final_message,
           .schema_from_start = true,
           .reasoning = "reasoning_content"},
    // docs.litellm.ai/docs/proxy/quick_start; it translates for the providers behind it
    Preset{.name = "litellm",
           .base_url = "http://127.0.0.1:4000",
           .key_variables = {"LITELLM_PROXY_API_KEY"},
           .prefixes = {"litellm_proxy", "litellm"},
           .kind = PresetKind::local,
           .reasoning = "reasoning_content"},
};

// Where LiteLLM sends a name without prefix, by its family (docs.litellm.ai/docs/providers). Bare
// "gemini-..." is Vertex AI there, so it is not here.
struct Family {
    std::string_view begins;
    std::string_view preset;
};
constexpr std::array kFamilies{
    Family{"gpt-", "openai"},     Family{"chatgpt-", "openai"},      Family{"o1", "openai"},
    Family{"o3", "openai"},       Family{"o4-", "openai"},           Family{"ft:gpt-", "openai"},
    Family{"codex-", "openai"},   Family{"computer-use-", "openai"}, Family{"claude-", "anthropic"},
    Family{"command-", "cohere"},
};

const Preset* preset_of_prefix(std::string_view prefix) {
    for (const Preset& preset : kPresets) {
        if (preset.name == prefix || preset.prefixes.contains(prefix)) return &preset;
    }
    return nullptr;
}

}  // namespace

std::span<const Preset> presets() {
    return kPresets;
}

const Preset* find_preset(std::string_view name) {
    const auto at = std::find_if(kPresets.begin(), kPresets.end(),
                                 [&](const Preset& preset) { return preset.name == name; });
    return at == kPresets.end() ? nullptr : &*at;
}

std::optional<PresetModel> preset_of_model(std::string_view litellm_name) {
    const std::size_t slash = litellm_name.find('/');
    if (slash == std::string_view::npos) {
        for (const Family& family : kFamilies) {
            if (!litellm_name.starts_with(family.begins)) continue;
            return PresetModel{find_preset(family.preset), std::string(litellm_name)};
        }
        return std::nullopt;
    }
    const Preset* preset = preset_of_prefix(litellm_name.substr(0, slash));
    const std::string_view model = litellm_name.substr(slash + 1);
    if (preset == nullptr || model.empty()) return std::nullopt;
    return PresetModel{preset, std::string(model)};
}

}  // namespace understudy::config
