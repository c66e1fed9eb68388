#include "config/profile.hpp"

#include "config/profile_place.hpp"
#include "config/profile_reader.hpp"
#include "config/profile_request.hpp"
#include "config/text.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>

namespace understudy::config {
namespace {

constexpr std::uint64_t kKnownSchema = 1;
constexpr double kMaxSeconds = 86'400;
constexpr std::uint32_t kMaxRetries = 10;  // as `retries` of a route
constexpr double kPicoPerUsd = 1e12;
constexpr double kMaxUsdPerToken = 1e-3;  // USD 1000 per million, as `price` of an upstream

Duration seconds(double value) {
    return Duration{static_cast<std::int64_t>(std::llround(std::min(value, kMaxSeconds) * 1000))};
}

bool read_version(ProfileReader& reader) {
    const auto version = reader.whole("schema_version");
    if (!version || *version <= kKnownSchema) return true;
    reader.problem("schema_version", "is " + std::to_string(*version) +
                                         "; this build reads profiles up to version 1");
    return false;
}

void read_members(ProfileReader& reader) {
    if (const auto kind = reader.text("auth_type"); kind && *kind != "api_key") {
        reader.problem("auth_type", "is " + in_quotes(*kind) +
                                        ": a subscription's login cannot be used by a proxy; save "
                                        "the profile with an API key");
    }
    if (reader.text("provider_connection_id")) {
        reader.problem("provider_connection_id",
                       "names a provider connection, which this build does not read; save the "
                       "profile with api_key and base_url of its own");
    }
}

void read_timeouts(ProfileReader& reader, Timeouts& timeouts) {
    const auto positive = [&](const char* member) {
        const auto value = reader.number(member);
        if (value && *value <= 0) reader.problem(member, "must be above 0 seconds");
        return value && *value > 0 ? value : std::nullopt;
    };
    if (const auto limit = positive("timeout")) {
        timeouts.first_token = timeouts.response = timeouts.total = seconds(*limit);
        timeouts.connect = std::min(timeouts.connect, timeouts.total);
        timeouts.idle = std::min(timeouts.idle, timeouts.total);
    }
    if (const auto idle = positive("stream_idle_timeout")) timeouts.idle = seconds(*idle);
}

void read_retries(ProfileReader& reader, Profile& profile) {
    // The first call counts there: 0 and 1 are both one call.
    const std::uint64_t calls = reader.whole("num_retries").value_or(1);
    profile.retries = static_cast<std::uint32_t>(
        std::min<std::uint64_t>(calls == 0 ? 0 : calls - 1, kMaxRetries));
    const double least = reader.number("retry_min_wait").value_or(0);
    const double most = reader.number("retry_max_wait").value_or(0);
    const double step = reader.number("retry_multiplier").value_or(0);
    Retry& retry = profile.retry;
    if (most > 0) retry.max = retry.max_retry_after = seconds(most);
    if (least > 0 || step > 0) retry.base = std::max(seconds(std::max(least, step)), Duration{1});
    retry.base = std::min(retry.base, retry.max);
}

void read_price(ProfileReader& reader, Upstream& upstream) {
    metrics::ModelPrice price;
    const auto rate = [&](const char* member, std::optional<std::int64_t>& out) {
        const auto usd = reader.number(member);
        if (!usd) return;
        if (*usd > kMaxUsdPerToken) {
            reader.problem(member, "is more than USD 1000 per million tokens; it is per token");
            return;
        }
        out = std::llround(*usd * kPicoPerUsd);
    };
    rate("input_cost_per_token", price.standard.input);
    rate("output_cost_per_token", price.standard.output);
    if (price.standard.input || price.standard.output) upstream.price = std::move(price);
}

}  // namespace

ProfileReading read_profile(std::string_view json, const std::string& name,
                            const Environment& env) {
    const auto document = nlohmann::json::parse(json, nullptr, false);
    if (document.is_discarded()) return {std::nullopt, {{"", "is not JSON"}}};
    if (!document.is_object()) return {std::nullopt, {{"", "is not a JSON object"}}};

    Profile profile;
    profile.upstream.name = name;
    ProfileReader reader(document, profile.notes);
    if (read_version(reader)) {
        reader.check_names();
        read_members(reader);
        place_profile(reader, env, profile.upstream);
        read_timeouts(reader, profile.upstream.timeouts);
        read_retries(reader, profile);
        read_price(reader, profile.upstream);
        read_request_members(reader, profile.upstream);
    }
    if (!reader.problems().empty()) return {std::nullopt, reader.problems()};
    return {std::move(profile), {}};
}

}  // namespace understudy::config
