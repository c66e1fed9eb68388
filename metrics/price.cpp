#include "metrics/price.hpp"

#include "metrics/series.hpp"
#include "metrics/text.hpp"
#include "metrics/usd_text.hpp"

#include <algorithm>
#include <array>
#include <limits>

namespace understudy::metrics {

namespace {

using Rate = std::optional<std::int64_t> Rates::*;

Rates ServiceRates::*service_of(std::string_view name) {
    if (name == "priority") return &ServiceRates::priority;
    if (name == "flex") return &ServiceRates::flex;
    return name == "batch" ? &ServiceRates::batch : nullptr;
}

/// The four places a rate may stand, the most specific first.
class RateCard {
  public:
    RateCard(const ModelPrice& price, std::uint64_t prompt_tokens, std::string_view service_tier) {
        const auto add = [&](const Rates& rates) { levels_[count_++] = &rates; };
        const auto service = service_of(service_tier);
        const ModelPrice::Tier* tier = nullptr;
        for (const auto& candidate : price.tiers) {
            if (prompt_tokens > candidate.above) tier = &candidate;
        }
        if (tier != nullptr && service != nullptr) add(tier->*service);
        if (tier != nullptr) add(tier->standard);
        if (service != nullptr) add(price.*service);
        add(price.standard);
    }

    std::optional<std::int64_t> find(Rate rate) const {
        for (std::size_t i = 0; i < count_; ++i) {
            if (const auto& value = levels_[i]->*rate) return value;
        }
        return std::nullopt;
    }

    std::optional<std::int64_t> find(Rate rate, Rate otherwise) const {
        const auto value = find(rate);
        return value ? value : find(otherwise);
    }

    /// A write price of 0 says "no surcharge": the tokens are still input.
    std::optional<std::int64_t> cache_write() const {
        const auto value = find(&Rates::cache_write);
        return value && *value != 0 ? value : find(&Rates::input);
    }

    std::optional<std::int64_t> cache_write_1h() const {
        const auto minutes = cache_write();
        const auto hour = find(&Rates::cache_write_1h);
        return minutes && hour ? std::max(minutes, hour) : minutes;
    }

    std::optional<std::int64_t> audio_cache_read() const {
        const auto value = find(&Rates::audio_cache_read);
        return value ? value : find(&Rates::cache_read, &Rates::input);
    }

  private:
    std::array<const Rates*, 4> levels_{};
    std::size_t count_ = 0;
};

std::uint64_t bounded(std::uint64_t n) {
    return std::min(n, kMaxTokensPerAnswer);
}

/// A sum that is lost as soon as one of its parts has no price.
class Sum {
  public:
    void add(std::uint64_t count, std::optional<std::int64_t> rate) {
        // Prices below zero are refused by the loader; one here must not turn into a huge number.
        if (rate)
            sum_ += Wide{count} * static_cast<std::uint64_t>(std::max<std::int64_t>(*rate, 0));
        known_ = known_ && rate;
    }

    std::optional<std::int64_t> result() const {
        constexpr auto kMost = std::numeric_limits<std::int64_t>::max();
        if (!known_) return std::nullopt;
        return sum_ > static_cast<std::uint64_t>(kMost) ? kMost : static_cast<std::int64_t>(sum_);
    }

  private:
    Wide sum_ = 0;
    bool known_ = true;
};

/// Takes `part` out of `whole`, which it cannot exceed.
std::uint64_t take(std::uint64_t& whole, std::uint64_t part) {
    part = std::min(whole, part);
    whole -= part;
    return part;
}

// Most answers have two counts or three: a rate is looked for only where there is something to
// multiply it with.
void add_tokens(Sum& sum, const RateCard& card, const TokenCounts& tokens) {
    const auto add = [&](std::uint64_t count, auto... rates) {
        if (count > 0) sum.add(count, card.find(rates...));
    };
    auto input = bounded(tokens.input), output = bounded(tokens.output);
    auto read = bounded(tokens.cache_read), written = bounded(tokens.cache_write);
    add(take(input, tokens.audio_input), &Rates::audio_input, &Rates::input);
    add(take(input, tokens.image_input), &Rates::image_input, &Rates::input);
    add(input, &Rates::input);
    if (const auto audio = take(read, tokens.audio_cache_read); audio > 0) {
        sum.add(audio, card.audio_cache_read());
    }
    add(read, &Rates::cache_read, &Rates::input);
    if (const auto hour = take(written, tokens.cache_write_1h); hour > 0) {
        sum.add(hour, card.cache_write_1h());
    }
    if (written > 0) sum.add(written, card.cache_write());
    add(take(output, tokens.audio_output), &Rates::audio_output, &Rates::output);
    add(take(output, tokens.image_output), &Rates::image_output, &Rates::output);
    add(output, &Rates::output);
    add(bounded(tokens.reasoning), &Rates::reasoning, &Rates::output);
}

}  // namespace

bool names_rate(const ModelPrice& price, std::optional<std::int64_t> Rates::*rate) {
    const auto any = [rate](const ServiceRates& rates) {
        return (rates.standard.*rate) || (rates.priority.*rate) || (rates.flex.*rate) ||
               (rates.batch.*rate);
    };
    return any(price) || std::any_of(price.tiers.begin(), price.tiers.end(), any);
}

std::optional<std::int64_t> cost_pico_usd(const ModelPrice& price, const TokenCounts& tokens,
                                          std::string_view service_tier, const Pieces& pieces) {
    const std::uint64_t prompt =
        bounded(tokens.input) + bounded(tokens.cache_read) + bounded(tokens.cache_write);
    const RateCard card(price, prompt, service_tier);
    const bool has_rates = card.find(&Rates::input) || card.find(&Rates::output);
    const bool has_images = price.per_image && pieces.requests > 0 && pieces.images > 0;
    // Where images are paid for, and none are counted, the request's price is not all of it.
    const bool by_piece =
        has_images || (price.per_request && !price.per_image && pieces.requests > 0);
    if (!has_rates && !by_piece) return std::nullopt;
    Sum sum;
    // The price of an image is another way to say what its tokens cost: never both.
    const bool by_image = has_images && (!has_rates || tokens.total() == 0);
    if (by_image) {
        sum.add(bounded(pieces.images), price.per_image);
    } else if (has_rates) {
        add_tokens(sum, card, tokens);
    }
    if (price.per_request) sum.add(bounded(pieces.requests), price.per_request);
    return sum.result();
}

std::string format_usd(std::int64_t pico_usd) {
    return std::string(UsdText(pico_usd).view());
}

}  // namespace understudy::metrics
