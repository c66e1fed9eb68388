#include "config/context_window.hpp"

#include "config/presets.hpp"

#include <algorithm>

namespace understudy::config {

std::uint64_t context_window(const Config& config, const Upstream& upstream,
                             std::string_view model) {
    if (upstream.context_window) return *upstream.context_window;
    // A server that nobody knows may have been started with any window.
    if (upstream.price_provider.empty() || config.prices == nullptr) return 0;
    const auto* const price = config.prices->resolve(upstream.price_provider, model, model);
    if (price == nullptr) return 0;
    // Where prompts have a price beyond the window, the window is larger for some.
    const auto beyond = [price](const auto& tier) { return tier.above >= price->max_prompt; };
    const bool larger = std::any_of(price->tiers.begin(), price->tiers.end(), beyond);
    return larger ? 0 : price->max_prompt;
}

// Whoever makes or serves a model of that name, its maker first: limits differ less than prices do.
static std::uint64_t anybodys_max_output(const metrics::PriceTable& prices,
                                         std::string_view model) {
    const auto of = [&](std::string_view provider) {
        const auto* const price = prices.resolve(provider, model, model);
        return price == nullptr ? 0 : price->max_output;
    };
    if (const auto most = of("")) return most;
    for (const auto& preset : presets()) {
        if (preset.price_provider.empty()) continue;
        if (const auto most = of(preset.price_provider)) return most;
    }
    return 0;
}

std::uint64_t max_output(const Config& config, const Upstream& upstream, std::string_view model) {
    if (config.prices == nullptr) return 0;
    const auto& provider = upstream.price_provider;
    if (!provider.empty()) {
        const auto* const price = config.prices->resolve(provider, model, model);
        if (price != nullptr && price->max_output != 0) return price->max_output;
    }
    // Where a limit must be sent, one that is known is better than one that is made up.
    const bool demanded = upstream.dialect == wire::Dialect::messages;
    return demanded ? anybodys_max_output(*config.prices, model) : 0;
}

std::uint64_t longest_answer(const Config& config, const Upstream& upstream, std::string_view model,
                             const metrics::ModelPrice* price) {
    if (price != nullptr && price->max_output != 0) return price->max_output;
    if (config.prices == nullptr) return 0;
    const auto* const row = config.prices->resolve(upstream.price_provider, model, model);
    return row == nullptr ? 0 : row->max_output;
}

}  // namespace understudy::config
