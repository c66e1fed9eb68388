#include "metrics/price.hpp"

#include "metrics/series.hpp"
#include "metrics/text.hpp"

#include <algorithm>
#include <limits>

namespace understudy::metrics {

namespace {

using Rate = std::optional<std::int64_t> Rates::*;

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
        if (tier != nullptr && service == Service::priority) add(tier->priority);
        if (tier != nullptr && service == Service::flex) add(tier->flex);
        if (tier != nullptr) add(tier->standard);
        if (service == Service::priority) add(price.priority);
        if (service == Service::flex) add(price.flex);
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

  private:
    enum class Service : std::uint8_t { standard, priority, flex };
    static Service service_of(std::string_view name) {
        if (name == "priority") return Service::priority;
        return name == "flex" ? Service::flex : Service::standard;
    }

    std::array<const Rates*, 4> levels_{};
    std::size_t count_ = 0;
};

}  // namespace

std::optional<std::int64_t> cost_pico_usd(const ModelPrice& price, const TokenCounts& tokens,
                                          std::string_view service_tier) {
    const auto bounded = [](std::uint64_t n) { return std::min(n, kMaxTokensPerAnswer); };
    const std::uint64_t prompt =
        bounded(tokens.input) + bounded(tokens.cache_read) + bounded(tokens.cache_write);
    const RateCard card(price, prompt, service_tier);
    if (!card.find(&Rates::input) && !card.find(&Rates::output)) return std::nullopt;

    struct Part {
        std::uint64_t tokens;
        std::optional<std::int64_t> rate;
    };
    const std::array<Part, kTokenTypes> parts{
        Part{tokens.input, card.find(&Rates::input)},
        Part{tokens.cache_read, card.find(&Rates::cache_read, &Rates::input)},
        Part{tokens.cache_write, card.cache_write()},
        Part{tokens.output, card.find(&Rates::output)},
        Part{tokens.reasoning, card.find(&Rates::reasoning, &Rates::output)}};
    Wide sum = 0;
    for (const auto& part : parts) {
        if (part.tokens == 0) continue;
        if (!part.rate) return std::nullopt;
        // Prices below zero are refused by the loader; one here must not turn into a huge number.
        sum += Wide{bounded(part.tokens)} *
               static_cast<std::uint64_t>(std::max<std::int64_t>(*part.rate, 0));
    }
    constexpr auto kMost = std::numeric_limits<std::int64_t>::max();
    return sum > static_cast<std::uint64_t>(kMost) ? kMost : static_cast<std::int64_t>(sum);
}

std::string format_usd(std::int64_t pico_usd) {
    std::string out = pico_usd < 0 ? "-" : "";
    const auto bits = static_cast<std::uint64_t>(pico_usd);
    append_decimal(out, pico_usd < 0 ? ~bits + 1 : bits, 12);
    return out;
}

}  // namespace understudy::metrics
