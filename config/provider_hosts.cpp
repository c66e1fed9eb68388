// Which service answers at a host; decides which names the price table is asked for.
#include "config/address.hpp"

#include <array>

namespace understudy::config {
namespace {

struct KnownHost {
    std::string_view host;      // this host, and every host that ends with "." and this
    std::string_view provider;  // litellm_provider
    std::string_view path;      // of the OpenAI-compatible API
};

constexpr std::array kKnownHosts{
    KnownHost{"api.openai.com", "openai", "/v1"},
    KnownHost{"openai.azure.com", "azure", ""},
    KnownHost{"cognitiveservices.azure.com", "azure", ""},
    KnownHost{"services.ai.azure.com", "azure_ai", ""},
    KnownHost{"api.anthropic.com", "anthropic", "/v1"},
    KnownHost{"generativelanguage.googleapis.com", "gemini", "/v1beta/openai"},
    KnownHost{"api.groq.com", "groq", "/openai/v1"},
    KnownHost{"api.mistral.ai", "mistral", "/v1"},
    KnownHost{"api.deepseek.com", "deepseek", ""},
    KnownHost{"openrouter.ai", "openrouter", "/api/v1"},
    KnownHost{"api.x.ai", "xai", "/v1"},
    KnownHost{"api.together.xyz", "together_ai", "/v1"},
    KnownHost{"api.together.ai", "together_ai", "/v1"},
    KnownHost{"api.fireworks.ai", "fireworks_ai", "/inference/v1"},
    KnownHost{"api.perplexity.ai", "perplexity", ""},
    KnownHost{"api.cerebras.ai", "cerebras", "/v1"},
    KnownHost{"api.cohere.com", "cohere_chat", "/compatibility/v1"},
    KnownHost{"api.cohere.ai", "cohere_chat", "/compatibility/v1"},
    KnownHost{"dashscope.aliyuncs.com", "dashscope", "/compatible-mode/v1"},
    KnownHost{"dashscope-intl.aliyuncs.com", "dashscope", "/compatible-mode/v1"},
    KnownHost{"api.moonshot.ai", "moonshot", "/v1"},
    KnownHost{"api.moonshot.cn", "moonshot", "/v1"},
    KnownHost{"api.z.ai", "zai", "/api/paas/v4"},
    KnownHost{"open.bigmodel.cn", "zai", "/api/paas/v4"},
    KnownHost{"api.minimax.io", "minimax", "/v1"},
    KnownHost{"api.sambanova.ai", "sambanova", "/v1"},
    KnownHost{"integrate.api.nvidia.com", "nvidia_nim", "/v1"},
    KnownHost{"api.deepinfra.com", "deepinfra", "/v1/openai"},
};

const KnownHost* find(std::string_view host) {
    for (const KnownHost& known : kKnownHosts) {
        if (!host.ends_with(known.host)) continue;
        const std::size_t before = host.size() - known.host.size();
        if (before == 0 || host[before - 1] == '.') return &known;
    }
    return nullptr;
}

}  // namespace

std::string provider_of_host(std::string_view host) {
    const KnownHost* known = find(host);
    return known == nullptr ? std::string{} : std::string(known->provider);
}

std::string_view api_path_of_host(std::string_view host) {
    const KnownHost* known = find(host);
    return known == nullptr ? std::string_view{} : known->path;
}

std::string_view likelier_path(std::string_view host, std::string_view path) {
    const std::string_view usual = api_path_of_host(host);
    if (path == usual) return {};
    const bool front = usual.starts_with(path) && (path.empty() || usual[path.size()] == '/');
    return front || usual.ends_with(path) ? usual : std::string_view{};
}

std::string_view endpoint_at_end(std::string_view path) {
    for (const std::string_view endpoint : {"/chat/completions", "/completions", "/responses",
                                            "/messages", "/embeddings", "/models"}) {
        if (path.ends_with(endpoint)) return endpoint;
    }
    return {};
}

}  // namespace understudy::config
