// Which price belongs to a model name. Only whole names are compared: prices
// of names that contain each other ("gpt-5.6", "gpt-5.6-luna") differ up to 25-fold.

#include "metrics/price_table.hpp"

#include "metrics/packed_price.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace understudy::metrics {

namespace {

/// Does `text` look like `shape`, where Y, M and D stand for the digits of a year of this century,
/// a month and a day?
bool matches(std::string_view text, std::string_view shape) {
    if (text.size() != shape.size()) return false;
    unsigned year = 0, month = 0, day = 0;
    bool has_year = false;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char wanted = shape[i];
        if (wanted != 'Y' && wanted != 'M' && wanted != 'D') {
            if (text[i] != wanted) return false;
            continue;
        }
        if (text[i] < '0' || text[i] > '9') return false;
        has_year = has_year || wanted == 'Y';
        unsigned& field = wanted == 'Y' ? year : wanted == 'M' ? month : day;
        field = field * 10 + static_cast<unsigned>(text[i] - '0');
    }
    return (!has_year || year / 100 == 20) && month >= 1 && month <= 12 && day >= 1 && day <= 31;
}

/// "ft:gpt-4o-mini:acme::id" -> "ft:gpt-4o-mini"; other names stay.
std::string_view fine_tune_base(std::string_view name) {
    constexpr std::string_view kPrefix = "ft:";
    if (!name.starts_with(kPrefix)) return name;
    return name.substr(0, name.find(':', kPrefix.size()));
}

// Names of one provider in price files, which has one name in configurations.
constexpr std::array<std::pair<std::string_view, std::string_view>, 2> kOtherNames{{
    {"cohere", "cohere_chat"},
    {"bedrock_converse", "bedrock"},
}};

bool belongs(const ModelPrice& price, std::string_view provider) {
    if (provider.empty() || price.provider.empty() || price.provider == provider) return true;
    return std::any_of(kOtherNames.begin(), kOtherNames.end(), [&](const auto& name) {
        return name.first == price.provider && name.second == provider;
    });
}

// Providers in whose name the table, or a file, has their models ("xai/grok-3-mini"): those that
// make them themselves, and those that serve others'. The table has the first two's by their name
// alone; files that are written by hand often have both. A model that is free to run has no row
// here that counts: who serves it at an unknown address may take something for it.
constexpr std::array<std::string_view, 10> kMakers{"openai",  "anthropic", "gemini",   "mistral",
                                                   "xai",     "deepseek",  "moonshot", "zai",
                                                   "minimax", "cohere"};
constexpr std::array<std::string_view, 13> kHosts{
    "azure", "azure_ai",   "bedrock",    "cerebras",   "dashscope", "deepinfra",  "fireworks_ai",
    "groq",  "nvidia_nim", "openrouter", "perplexity", "sambanova", "together_ai"};

bool same_price(const ModelPrice& a, const ModelPrice& b) {
    const ServiceRates &of_a = a, &of_b = b;
    return of_a == of_b && a.tiers == b.tiers && a.per_request == b.per_request &&
           a.per_image == b.per_image;
}

bool is_free(const ModelPrice& price) {
    const auto& rates = price.standard;
    for (const auto& rate : {rates.input, rates.output, price.per_request, price.per_image}) {
        if (rate.value_or(0) > 0) return false;
    }
    return true;
}

// The price that its maker takes; where no maker is known, the one that all take who serve it. A
// wrong bill is worse than none, which is told.
template <class Find>
const ModelPrice* anybodys_price(std::string_view model, Find&& find) {
    std::string key;
    const auto of = [&](std::string_view provider) {
        key.assign(provider).append("/").append(model);
        const ModelPrice* const price = find(key);
        return price != nullptr && !is_free(*price) ? price : nullptr;
    };
    for (const auto maker : kMakers) {
        if (const auto* const price = of(maker)) return price;
    }
    const ModelPrice* common = nullptr;
    for (const auto host : kHosts) {
        const auto* const price = of(host);
        if (price == nullptr) continue;
        if (common != nullptr && !same_price(*common, *price)) return nullptr;
        common = price;
    }
    return common;
}

}  // namespace

std::string_view without_date(std::string_view name) {
    constexpr std::string_view kLatest = "-latest";
    if (name.size() > kLatest.size() && name.ends_with(kLatest)) {
        return name.substr(0, name.size() - kLatest.size());
    }
    // The longest first: "-preview-05-20" goes whole.
    for (const std::string_view shape :
         {"-preview-MM-DD", "-YYYY-MM-DD", "-YYYYMMDD", "@YYYYMMDD"}) {
        if (name.size() <= shape.size()) continue;
        const auto base = name.substr(0, name.size() - shape.size());
        if (matches(name.substr(base.size()), shape)) return base;
    }
    return name;
}

void PriceTable::lay(std::string lines, PriceOrigin origin, std::string version) {
    auto owned = std::make_unique<const std::string>(std::move(lines));
    const std::string_view text = *owned;
    layers_.push_back({std::move(owned), text, origin, std::move(version)});
}

void PriceTable::lay_static(std::string_view lines, PriceOrigin origin, std::string version) {
    layers_.push_back({nullptr, lines, origin, std::move(version)});
}

const ModelPrice* PriceTable::unpacked(std::size_t layer, std::string_view line) const {
    auto price = unpack_price(line);
    price.origin = layers_[layer].origin;
    for (auto below = layer; below-- > 0 && (price.max_prompt == 0 || price.max_output == 0);) {
        const auto* const other = find_in(below, key_of_line(line));
        if (other == nullptr) continue;
        if (price.max_prompt == 0) price.max_prompt = other->max_prompt;
        if (price.max_output == 0) price.max_output = other->max_output;
    }
    return unpacked_.emplace(line.data(), std::make_unique<const ModelPrice>(std::move(price)))
        .first->second.get();
}

const ModelPrice* PriceTable::find_in(std::size_t layer, std::string_view key) const {
    const auto line = find_price_line(layers_[layer].lines, key);
    if (line.empty()) return nullptr;
    const auto known = unpacked_.find(line.data());
    return known != unpacked_.end() ? known->second.get() : unpacked(layer, line);
}

const ModelPrice* PriceTable::find(std::string_view key) const {
    const std::lock_guard lock(mutex_);
    for (auto layer = layers_.size(); layer-- > 0;) {
        if (const auto* price = find_in(layer, key)) return price;
    }
    return nullptr;
}

const ModelPrice* PriceTable::look_up(std::size_t layer, std::string_view provider,
                                      std::string_view model) const {
    if (model.empty()) return nullptr;
    if (!provider.empty()) {
        const auto* const own = find_in(layer, std::string(provider).append("/").append(model));
        if (own != nullptr) return own;
    }
    const auto* const price = find_in(layer, model);
    return price != nullptr && belongs(*price, provider) ? price : nullptr;
}

const ModelPrice* PriceTable::anybodys(std::size_t layer, std::string_view model) const {
    if (model.empty()) return nullptr;
    return anybodys_price(model, [&](std::string_view key) { return find_in(layer, key); });
}

// A layer above has its say before one below, however it spells the name: who writes a price for
// "gpt-4o" means the answers of "gpt-4o-2024-11-20" too, though the table below has a row for
// those. Within a layer a row of its own goes before one that a host has, dated or not.
const ModelPrice* PriceTable::resolve(std::string_view provider, std::string_view answered_model,
                                      std::string_view configured_model) const {
    const std::lock_guard lock(mutex_);
    for (const auto model : {answered_model, configured_model}) {
        const auto base = fine_tune_base(model);
        const std::array names{model, without_date(model), base, without_date(base)};
        for (auto layer = layers_.size(); layer-- > 0;) {
            for (const auto name : names) {
                if (const auto* price = look_up(layer, provider, name)) return price;
            }
            for (const auto name : names) {
                const auto* const price = provider.empty() ? anybodys(layer, name) : nullptr;
                if (price != nullptr) return price;
            }
        }
    }
    return nullptr;
}

std::string_view PriceTable::version(PriceOrigin origin) const {
    for (const auto& layer : layers_) {
        if (layer.origin == origin) return layer.version;
    }
    return {};
}

std::size_t PriceTable::size() const {
    std::size_t count = 0;
    for_each([&](std::string_view, const ModelPrice&) { ++count; });
    return count;
}

void PriceTable::for_each(
    const std::function<void(std::string_view, const ModelPrice&)>& visit) const {
    std::vector<std::string_view> rest;  // of each layer, what is still to be visited
    for (const auto& layer : layers_) rest.push_back(layer.lines);
    for (;;) {
        std::string_view next;
        std::size_t from = 0;
        for (std::size_t i = 0; i < rest.size(); ++i) {
            if (rest[i].empty()) continue;
            const auto key = key_of_line(rest[i]);
            if (next.empty() || key <= next) from = i, next = key;
        }
        if (next.empty()) return;
        auto price = unpack_price(rest[from].substr(0, rest[from].find('\n')));
        price.origin = layers_[from].origin;
        visit(next, price);
        for (auto& lines : rest) {
            if (!lines.empty() && key_of_line(lines) == next) {
                lines.remove_prefix(std::min(lines.find('\n'), lines.size() - 1) + 1);
            }
        }
    }
}

}  // namespace understudy::metrics
