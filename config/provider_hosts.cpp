// Which service answers at a host; decides which names the price table is asked for. The presets
// know their own; here stand the services that have no preset.
#include "config/address.hpp"
#include "config/bedrock.hpp"
#include "config/presets.hpp"

#include <array>
#include <optional>

namespace understudy::config {
namespace {

struct KnownHost {
    std::string_view provider;  // litellm_provider
    std::string_view path;      // of the OpenAI-compatible API
};

struct OtherHost {
    std::string_view host;
    KnownHost known;
};

constexpr std::array kOthers{
    OtherHost{"services.ai.azure.com", {"azure_ai", ""}},
    OtherHost{"api.minimax.io", {"minimax", "/v1"}},
    OtherHost{"api.sambanova.ai", {"sambanova", "/v1"}},
    OtherHost{"api.deepinfra.com", {"deepinfra", "/v1/openai"}},
};

// This host, and every host that ends with "." and this.
bool is_at(std::string_view host, std::string_view known) {
    if (!host.ends_with(known)) return false;
    const std::size_t before = host.size() - known.size();
    return before == 0 || host[before - 1] == '.';
}

// "/openai/v1" of "https://api.groq.com/openai/v1".
std::string_view path_of(std::string_view url) {
    const std::size_t scheme = url.find("://");
    if (scheme == std::string_view::npos) return {};
    const std::size_t path = url.find('/', scheme + 3);
    return path == std::string_view::npos ? std::string_view() : url.substr(path);
}

std::optional<KnownHost> find(std::string_view host) {
    if (!region_of_bedrock(host).empty()) return KnownHost{"bedrock", ""};
    for (const Preset& preset : presets()) {
        for (const std::string_view known : preset.hosts) {
            if (is_at(host, known))
                return KnownHost{preset.price_provider, path_of(preset.base_url)};
        }
    }
    for (const OtherHost& other : kOthers) {
        if (is_at(host, other.host)) return other.known;
    }
    return std::nullopt;
}

}  // namespace

std::string provider_of_host(std::string_view host) {
    const auto known = find(host);
    return known ? std::string(known->provider) : std::string{};
}

std::string_view api_path_of_host(std::string_view host) {
    const auto known = find(host);
    return known ? known->path : std::string_view{};
}

std::string_view likelier_path(std::string_view host, std::string_view path) {
    const std::string_view usual = api_path_of_host(host);
    if (path == usual) return {};
    const bool front = usual.starts_with(path) && (path.empty() || usual[path.size()] == '/');
    return front || usual.ends_with(path) ? usual : std::string_view{};
}

}  // namespace understudy::config
