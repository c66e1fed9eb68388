#include "config/context_window.hpp"

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

std::uint64_t max_output(const Config& config, const Upstream& upstream, std::string_view model) {
    if (upstream.price_provider.empty() || config.prices == nullptr) return 0;
    const auto* const price = config.prices->resolve(upstream.price_provider, model, model);
    return price == nullptr ? 0 : price->max_output;
}

std::uint64_t longest_answer(const Config& config, const Upstream& upstream, std::string_view model,
                             const metrics::ModelPrice* price) {
    if (price != nullptr && price->max_output != 0) return price->max_output;
    if (config.prices == nullptr) return 0;
    const auto* const row = config.prices->resolve(upstream.price_provider, model, model);
    return row == nullptr ? 0 : row->max_output;
}

}  // namespace understudy::config
