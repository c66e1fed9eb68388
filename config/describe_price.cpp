#include "config/describe_price.hpp"

#include <optional>
#include <utility>

namespace understudy::config {
namespace {

// Pico-dollars per token are dollars per million tokens times 1e6: exact.
std::string rates_text(const metrics::Rates& rates) {
    using Entry = std::pair<std::string_view, std::optional<std::int64_t>>;
    std::string out;
    for (const auto& [name, rate] :
         {Entry{"input", rates.input}, Entry{"output", rates.output},
          Entry{"cache_read", rates.cache_read}, Entry{"cache_write", rates.cache_write},
          Entry{"cache_write for an hour", rates.cache_write_1h},
          Entry{"reasoning", rates.reasoning}, Entry{"audio input", rates.audio_input},
          Entry{"audio cache_read", rates.audio_cache_read},
          Entry{"audio output", rates.audio_output}, Entry{"image input", rates.image_input},
          Entry{"image output", rates.image_output}}) {
        if (!rate) continue;
        if (!out.empty()) out += ", ";
        out += std::string(name) + " $" + metrics::format_usd(*rate * 1'000'000);
    }
    return out;
}

std::string pieces_text(const metrics::ModelPrice& price, bool behind_others) {
    using Entry = std::pair<std::string_view, std::optional<std::int64_t>>;
    std::string out;
    for (const auto& [name, each] :
         {Entry{"request", price.per_request}, Entry{"image", price.per_image}}) {
        if (!each) continue;
        if (!out.empty() || behind_others) out += ", ";
        out += "$" + metrics::format_usd(*each) + " per " + std::string(name);
    }
    return out;
}

std::string origin_text(const Config& config, const metrics::ModelPrice& price) {
    using metrics::PriceOrigin;
    if (price.origin == PriceOrigin::configuration) return " (configured)";
    const std::string version(config.prices->version(price.origin));
    if (price.origin == PriceOrigin::file) return " (" + version + ", " + *config.prices_file + ")";
    return " (built-in table, " + version + ")";
}

// Appended without a name of their own behind the first.
void add_services(const metrics::ServiceRates& rates, const std::string& above,
                  std::vector<std::string>& out) {
    using Entry = std::pair<std::string_view, const metrics::Rates*>;
    for (const auto& [name, service] : {Entry{"priority", &rates.priority},
                                        Entry{"flex", &rates.flex}, Entry{"batch", &rates.batch}}) {
        const auto text = rates_text(*service);
        if (!text.empty()) out.push_back(above + "service tier " + std::string(name) + ": " + text);
    }
}

}  // namespace

std::vector<std::string> describe_price(const Config& config, const Upstream& upstream,
                                        std::string_view model) {
    const metrics::ModelPrice* price = upstream.configured_price(model, model);
    if (price == nullptr) {
        price = config.prices->resolve(upstream.price_provider, model, model);
    }
    if (price == nullptr)
        return {"unknown: tokens are counted, cost is not; set `price` or `prices`"};
    auto tokens = rates_text(price->standard);
    if (!tokens.empty()) tokens += " per million tokens";
    std::vector<std::string> out{tokens + pieces_text(*price, !tokens.empty()) +
                                 origin_text(config, *price)};
    add_services(*price, "", out);
    for (const auto& tier : price->tiers) {
        const auto above = "above " + std::to_string(tier.above) + " prompt tokens";
        const auto rates = rates_text(tier.standard);
        if (!rates.empty()) out.push_back(above + ": " + rates);
        add_services(tier, above + ", ", out);
    }
    return out;
}

}  // namespace understudy::config
