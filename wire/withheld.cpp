#include "wire/withheld.hpp"

#include "wire/percent.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>

namespace understudy::wire {
namespace {

// Names as they are compared: lower case, '_' as '-', at most this long (longer ones are looked at
// up to here).
constexpr std::size_t kLongest = 128;
struct Folded {
    explicit Folded(std::string_view name) noexcept : size(std::min(name.size(), text.size())) {
        for (std::size_t i = 0; i < size; ++i) {
            const char c = name[i];
            text[i] = c == '_' ? '-' : c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
        }
    }
    std::string_view view() const noexcept { return {text.data(), size}; }
    std::array<char, kLongest> text;
    std::size_t size;
};

template <std::size_t N>
bool any_within(std::string_view name, const std::array<std::string_view, N>& parts) noexcept {
    return std::any_of(parts.begin(), parts.end(),
                       [&](auto part) { return name.find(part) != std::string_view::npos; });
}

// A name with one of these in it holds a credential. Seen at: x-api-key (Anthropic), api-key (Azure
// OpenAI), x-goog-api-key (Gemini), ocp-apim-subscription-key (Azure API Management),
// x-portkey-api-key (Portkey), helicone-auth (Helicone), cf-aig-authorization (Cloudflare AI
// Gateway), x-amz-security-token (AWS), x-goog-iap-jwt-assertion (Google IAP), private-token
// (GitLab), modal-secret (Modal), x-ms-token-aad-access-token (Azure App Service),
// x-amzn-oidc-data, x-amzn-oidc-accesstoken (AWS load balancers).
constexpr std::array<std::string_view, 18> kSecretParts{
    "api-key",   "apikey",     "access-key",    "subscription-key", "auth",   "secret",
    "passw",     "credential", "jwt",           "cookie",           "bearer", "access-token",
    "assertion", "signature",  "session-token", "id-token",         "oidc",   "accesstoken"};
// The last word alone says it, whatever stands in front.
constexpr std::array<std::string_view, 3> kSecretEnds{"key", "token", "sig"};
// They end so and are none: RFC draft idempotency-key-header; keys of caches.
constexpr std::array<std::string_view, 3> kNoSecret{"idempotency", "cache-key",
                                                    "sec-websocket-key"};

// Who pays: openai-organization, openai-project (OpenAI), chatgpt-account-id (Codex),
// anthropic-workspace-id, anthropic-organization-id (Anthropic), x-goog-user-project (Google
// Cloud), cf-access-client-id (Cloudflare Access), x-ms-client-tenant-id (Azure). And who asks, as
// a proxy in front of us that knows people has it written there: x-ms-client-principal-name (Azure
// App Service), x-amzn-mtls-clientcert (AWS load balancers), x-forwarded-client-cert (Envoy),
// client-cert (RFC 9440), x-forwarded-user (oauth2-proxy), remote-user (Authelia),
// tailscale-user-login (Tailscale), x-pomerium-claim-email (Pomerium), x-endpoint-api-userinfo and
// x-appengine-user-email (Google), x-consumer-username (Kong).
constexpr std::array<std::string_view, 23> kAccountParts{
    "organization", "-project",       "account",         "workspace",        "tenant",
    "client-id",    "org-id",         "subscription-id", "client-principal", "clientcert",
    "client-cert",  "forwarded-user", "forwarded-email", "forwarded-group",  "forwarded-preferred",
    "remote-user",  "remote-email",   "remote-group",    "tailscale-user",   "pomerium-claim",
    "userinfo",     "x-consumer-",    "appengine-user"};

std::uint64_t load_lower(std::string_view eight) noexcept {
    std::uint64_t word;
    std::memcpy(&word, eight.data(), sizeof word);
    return word | 0x2020202020202020U;
}

// `code` is a key in a query alone (Azure Functions); elsewhere it is many things.
bool secret_parameter(std::string_view pair) {
    const auto name = percent_decoded(pair.substr(0, pair.find('=')));
    return names_secret(name) || Folded(name).view() == "code";
}

}  // namespace

bool names_secret(std::string_view name) noexcept {
    const Folded folded(name);
    const auto text = folded.view();
    if (any_within(text, kNoSecret)) return false;
    if (any_within(text, kSecretParts)) return true;
    return std::any_of(kSecretEnds.begin(), kSecretEnds.end(), [&](auto end) {
        return text == end || (text.ends_with(end) && text[text.size() - end.size() - 1] == '-');
    });
}

bool names_account(std::string_view name) noexcept {
    return any_within(Folded(name).view(), kAccountParts);
}

bool names_page(std::string_view name) noexcept {
    const Folded folded(name);
    return folded.view().starts_with("sec-fetch-") || folded.view().starts_with("sec-ch-") ||
           folded.view().starts_with("access-control-request-");
}

bool names_api(std::string_view name) noexcept {
    // The libraries' own, and those of Claude Code, codex and gemini-cli.
    constexpr std::array<std::string_view, 8> kBegins{"anthropic-", "x-claude-", "openai-",
                                                      "x-openai-",  "x-codex-",  "chatgpt-",
                                                      "x-goog-",    "x-amz"};
    const Folded folded(name);
    return std::any_of(kBegins.begin(), kBegins.end(),
                       [&](auto begin) { return folded.view().starts_with(begin); });
}

bool is_usual_field(std::string_view name) noexcept {
    if (name.size() == 6) return (name[0] | 0x20) == 'a' && (name[1] | 0x20) == 'c';  // accept
    if (name.size() < 8) return false;
    const auto front = load_lower(name);
    return front == load_lower("x-stainless") || front == load_lower("user-agent") ||
           front == load_lower("accept-language") ||
           (front == load_lower("openai-beta") && name.size() == 11) ||
           (front == load_lower("anthropic-beta") && (name.size() == 14 || name.size() == 17) &&
            (name[10] == 'b' || name[10] == 'v'));
}

std::string_view without_secret_parameters(std::string_view target, std::string& out) {
    const auto mark = target.find('?');
    if (mark == std::string_view::npos) return target;
    out.assign(target.substr(0, mark));
    char glue = '?';
    bool all = true;
    for (auto rest = target.substr(mark + 1);;) {
        const auto end = std::min(rest.find_first_of("&;"), rest.size());
        if (secret_parameter(rest.substr(0, end))) {
            all = false;
        } else {
            out.append(1, glue).append(rest.substr(0, end));
            glue = '&';
        }
        if (end == rest.size()) break;
        rest.remove_prefix(end + 1);
    }
    return all ? target : std::string_view(out);
}

}  // namespace understudy::wire
