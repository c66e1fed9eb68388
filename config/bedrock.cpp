#include "config/bedrock.hpp"

#include "config/address.hpp"
#include "config/files.hpp"
#include "config/presets.hpp"
#include "wire/field_id.hpp"
#include "wire/withheld.hpp"

#include <algorithm>

namespace understudy::config {
namespace {

constexpr std::size_t kMaxAwsFile = 1U << 20U;

// Regions of China are in a domain of their own.
std::string_view domain_of(std::string_view region) {
    return region.starts_with("cn-") ? "amazonaws.com.cn" : "amazonaws.com";
}

// Its own API, or the one in which it understands OpenAI's clients.
std::optional<std::string_view> path_of(Dialect dialect) {
    if (dialect == Dialect::converse) return "";
    return dialect == Dialect::chat ? std::optional<std::string_view>("/openai/v1") : std::nullopt;
}

std::string_view before(std::string_view text, std::string_view end) {
    return text.ends_with(end) ? text.substr(0, text.size() - end.size()) : std::string_view();
}

// Quoted, if it is short and can be shown.
std::string shown(const std::string& text) {
    constexpr std::size_t kMost = 40;
    const auto visible = [](char c) { return c >= ' ' && c <= '~'; };
    const bool fit = text.size() <= kMost && std::all_of(text.begin(), text.end(), visible);
    return fit ? "\"" + text + "\"" : "what is there";
}

}  // namespace

bool carries_key(const Upstream& upstream) {
    const auto& headers = upstream.headers;
    return std::any_of(headers.begin(), headers.end(), [](const HeaderSetting& header) {
        return wire::kCredentials.contains(wire::identify(header.name)) ||
               wire::names_secret(header.name);
    });
}

bool is_bedrock(const Upstream& upstream) {
    return upstream.preset != nullptr && upstream.preset->name == "bedrock";
}

bool is_region(std::string_view text) {
    constexpr std::size_t kLongest = 40;
    const auto fit = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
    };
    const bool letter_first = !text.empty() && text.front() >= 'a' && text.front() <= 'z';
    return letter_first && text.size() <= kLongest && text.back() != '-' &&
           std::all_of(text.begin(), text.end(), fit);
}

std::string_view region_of_bedrock(std::string_view host) {
    for (const std::string_view domain : {".amazonaws.com", ".amazonaws.com.cn"}) {
        auto rest = before(host, domain);
        if (rest.empty()) continue;
        const auto inside = before(rest, ".vpce");
        if (!inside.empty() && rest.starts_with("vpce-")) {
            rest = inside.substr(std::min(inside.find('.'), inside.size() - 1) + 1);
        }
        for (const std::string_view name : {"bedrock-runtime.", "bedrock-runtime-fips."}) {
            if (!rest.starts_with(name)) continue;
            const auto region = rest.substr(name.size());
            if (is_region(region)) return region;
        }
    }
    return {};
}

std::optional<BedrockProblem> settle_bedrock(Upstream& upstream, const Environment& env,
                                             const std::optional<std::string>& profile) {
    const auto read = [](const std::string& path) { return read_file(path, kMaxAwsFile); };
    const bool other_key = upstream.api_key || carries_key(upstream);
    const bool signs = upstream.dialect == Dialect::converse && !other_key;
    const bool has_address = !upstream.base_url.host.empty();
    if (upstream.region.empty()) upstream.region = region_of_bedrock(upstream.base_url.host);
    std::string source;  // of a region that is not written here
    if (upstream.region.empty()) {
        if (auto found = find_aws_region(env, read, profile)) {
            upstream.region = std::move(found->name);
            source = std::move(found->source);
        }
    }
    if (upstream.region.empty() && (signs || !has_address)) {
        return BedrockProblem{"region",
                              "is missing: name one, such as us-east-1, or set AWS_REGION"};
    }
    if (!upstream.region.empty() && !is_region(upstream.region)) {
        const auto where = source.empty() ? std::string() : "of " + source + ": ";
        return BedrockProblem{
            "region", where + shown(upstream.region) + " is not a region such as us-east-1"};
    }
    if (!has_address) {
        const auto path = path_of(upstream.dialect);
        if (!path) {
            return BedrockProblem{"dialect",
                                  "is not spoken there; write `converse`, or `chat` for "
                                  "the models that it offers to OpenAI's clients"};
        }
        auto url = "https://bedrock-runtime." + upstream.region + ".";
        url.append(domain_of(upstream.region)).append(*path);
        upstream.base_url = *parse_base_url(url).value;
        upstream.price_provider = upstream.preset->price_provider;
    }
    if (!signs || upstream.aws) return std::nullopt;
    auto found = profile ? find_aws_profile(*profile, env, read) : find_aws_credentials(env, read);
    if (!found.credentials) {
        return BedrockProblem{"provider", found.problem +
                                              "; or set AWS_BEARER_TOKEN_BEDROCK, or "
                                              "write an `api_key` of Bedrock's own"};
    }
    upstream.aws = std::move(found.credentials);
    return std::nullopt;
}

}  // namespace understudy::config
