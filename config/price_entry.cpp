#include "config/price_entry.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <utility>

namespace understudy::config {
namespace {

constexpr double kMaxUsdPerToken = 1e-3;  // USD 1000 per million; the dearest real model costs 600
constexpr double kMaxUsdPerPiece = 1e3;   // a request, an image
constexpr double kMaxPrompt = 1e9;        // tokens

std::int64_t to_pico(double usd) {
    return std::llround(usd * 1e12);
}

// "output_cost_per_token_above_272k_tokens_flex" -> {"output_cost_per_token", 272000, "flex"}.
struct FieldName {
    std::string_view base;
    std::uint64_t above = 0;
    std::string_view service;
};

FieldName split_field(std::string_view name) {
    FieldName field;
    const auto strip_service = [&] {
        for (const std::string_view service : {"priority", "flex", "batches"}) {
            if (!name.ends_with(service)) continue;
            const std::size_t rest = name.size() - service.size();
            if (rest == 0 || name[rest - 1] != '_') continue;
            field.service = service;
            name.remove_suffix(service.size() + 1);
            return;
        }
    };
    strip_service();  // stands behind the tier as a rule, before it in some files
    constexpr std::string_view kAbove = "_above_", kTokens = "k_tokens";
    const std::size_t above = name.rfind(kAbove);
    if (above != std::string_view::npos && name.ends_with(kTokens) &&
        above + kAbove.size() + kTokens.size() <= name.size()) {
        const std::string_view digits = name.substr(
            above + kAbove.size(), name.size() - above - kAbove.size() - kTokens.size());
        std::uint64_t thousands = 0;
        const auto [end, ec] =
            std::from_chars(digits.data(), digits.data() + digits.size(), thousands);
        if (ec == std::errc{} && end == digits.data() + digits.size() && thousands > 0 &&
            thousands < 1'000'000) {
            field.above = thousands * 1000;
            name = name.substr(0, above);
            if (field.service.empty()) strip_service();
        }
    }
    field.base = name;
    return field;
}

using RateMember = std::optional<std::int64_t> metrics::Rates::*;

// Exact names: databricks has input_dbu_cost_per_token, and
// cache_creation_input_token_cost_above_1hr is a time to live, not a tier.
RateMember member_of(std::string_view base) {
    using metrics::Rates;
    constexpr std::array<std::pair<std::string_view, RateMember>, 11> kFields{{
        {"input_cost_per_token", &Rates::input},
        {"output_cost_per_token", &Rates::output},
        {"cache_read_input_token_cost", &Rates::cache_read},
        {"cache_creation_input_token_cost", &Rates::cache_write},
        {"cache_creation_input_token_cost_above_1hr", &Rates::cache_write_1h},
        {"output_cost_per_reasoning_token", &Rates::reasoning},
        {"input_cost_per_audio_token", &Rates::audio_input},
        {"cache_read_input_audio_token_cost", &Rates::audio_cache_read},
        {"output_cost_per_audio_token", &Rates::audio_output},
        {"input_cost_per_image_token", &Rates::image_input},
        {"output_cost_per_image_token", &Rates::image_output},
    }};
    for (const auto& [name, member] : kFields) {
        if (name == base) return member;
    }
    return nullptr;
}

// Members beside the rates.
constexpr std::string_view kMaxInput = "max_input_tokens", kMaxOutput = "max_output_tokens",
                           kPerRequest = "input_cost_per_request",
                           kPerImage = "output_cost_per_image",
                           kPerImageToo = "input_cost_per_image",
                           kLegacyCacheRead = "input_cost_per_token_cache_hit",
                           kProvider = "litellm_provider", kMode = "mode", kAlias = "alias_of",
                           kTiered = "tiered_pricing";

metrics::Rates& by_service(metrics::ServiceRates& rates, std::string_view service) {
    if (service == "priority") return rates.priority;
    if (service == "flex") return rates.flex;
    return service == "batches" ? rates.batch : rates.standard;
}

void limit(std::uint64_t& out, double tokens) {
    if (tokens >= 1 && tokens <= kMaxPrompt) out = static_cast<std::uint64_t>(tokens);
}

bool outside(std::optional<std::int64_t> value, std::optional<std::int64_t> base, double low,
             double high) {
    if (!value || !base || *base == 0) return false;
    const double ratio = static_cast<double>(*value) / static_cast<double>(*base);
    return ratio < low || ratio > high;
}

bool below(std::optional<std::int64_t> value, std::optional<std::int64_t> base) {
    return value && base && *value < *base;
}

}  // namespace

PriceMember kind_of_price_member(std::string_view name) {
    if (name == kTiered) return PriceMember::tiers;
    for (const auto known : {kProvider, kMode, kAlias}) {
        if (name == known) return PriceMember::text;
    }
    for (const auto known :
         {kMaxInput, kMaxOutput, kPerRequest, kPerImage, kPerImageToo, kLegacyCacheRead}) {
        if (name == known) return PriceMember::number;
    }
    const bool rate = member_of(split_field(name).base) != nullptr;
    return rate ? PriceMember::number : PriceMember::unknown;
}

bool is_rate_of_tier(std::string_view name) {
    return member_of(name) != nullptr;
}

metrics::Rates& PriceEntry::rates(std::uint64_t above, std::string_view service) {
    if (above == 0) return by_service(price_, service);
    auto& tier = tiers_[above];
    tier.above = above;
    return by_service(tier, service);
}

void PriceEntry::set(std::optional<std::int64_t>& out, double usd, double most) {
    if (usd >= 0 && usd <= most) {
        out = to_pico(usd);
    } else {
        absurd_ = true;
    }
}

void PriceEntry::number(std::string_view name, double n) {
    if (name == kMaxInput) return limit(price_.max_prompt, n);
    if (name == kMaxOutput) return limit(price_.max_output, n);
    if (name == kPerRequest) return set(price_.per_request, n, kMaxUsdPerPiece);
    if (name == kPerImage) return set(per_image_, n, kMaxUsdPerPiece);
    if (name == kPerImageToo) return set(per_image_too_, n, kMaxUsdPerPiece);
    if (name == kLegacyCacheRead) return set(legacy_cache_read_, n, kMaxUsdPerToken);
    const FieldName field = split_field(name);
    if (const RateMember member = member_of(field.base)) {
        set(rates(field.above, field.service).*member, n, kMaxUsdPerToken);
    }
}

void PriceEntry::text(std::string_view name, const std::string& value) {
    if (name == kProvider) price_.provider = value;
    if (name == kMode) mode_ = value;
    if (name == kAlias) alias_ = value;
}

void PriceEntry::tier_number(std::string_view name, double usd, metrics::Rates& tiered) {
    if (const RateMember member = member_of(name)) set(tiered.*member, usd, kMaxUsdPerToken);
}

void PriceEntry::tier(std::uint64_t from, const metrics::Rates& tiered) {
    metrics::Rates& target = rates(from, "");
    for (const RateMember member :
         {&metrics::Rates::input, &metrics::Rates::output, &metrics::Rates::cache_read,
          &metrics::Rates::cache_write, &metrics::Rates::reasoning}) {
        if (!(target.*member)) target.*member = tiered.*member;
    }
}

metrics::ModelPrice PriceEntry::finish() {
    auto& base = price_.standard;
    if (!base.cache_read) base.cache_read = legacy_cache_read_;
    // Chat models have such members for images that they read, which are counted as tokens.
    if (mode_ == "image_generation" || mode_ == "image_edit") {
        price_.per_image = per_image_ ? per_image_ : per_image_too_;
    }
    price_.tiers.reserve(tiers_.size());
    for (const auto& [above, tier] : tiers_) price_.tiers.push_back(tier);
    return std::move(price_);
}

const char* doubt_of_price(const metrics::ModelPrice& price) {
    const auto& base = price.standard;
    if (below(base.input, base.cache_read)) return "its cache_read costs more than its input";
    if (base.cache_write && *base.cache_write != 0 && below(base.cache_write, base.input)) {
        return "its cache_write costs less than its input";
    }
    for (const auto& tier : price.tiers) {
        if (below(tier.standard.input, base.input) || below(tier.standard.output, base.output)) {
            return "a long prompt costs less than a short one";
        }
    }
    if (outside(price.priority.input, base.input, 1, 4) ||
        outside(price.priority.output, base.output, 1, 4)) {
        return "its priority price is not 1 to 4 times the standard one";
    }
    if (outside(price.flex.input, base.input, 0.25, 1) ||
        outside(price.flex.output, base.output, 0.25, 1)) {
        return "its flex price is not 0.25 to 1 times the standard one";
    }
    return nullptr;
}

}  // namespace understudy::config
