// Which price belongs to a model name. Only whole names are compared: prices
// of names that contain each other ("gpt-5.6", "gpt-5.6-luna") differ up to 25-fold.

#include "metrics/price.hpp"

#include <algorithm>
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

/// The name without a trailing date or "-latest"; the name itself when there is none.
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

/// "ft:gpt-4o-mini:acme::id" -> "ft:gpt-4o-mini"; other names stay.
std::string_view fine_tune_base(std::string_view name) {
    constexpr std::string_view kPrefix = "ft:";
    if (!name.starts_with(kPrefix)) return name;
    return name.substr(0, name.find(':', kPrefix.size()));
}

const ModelPrice* look_up(const PriceTable& table, std::string_view provider,
                          std::string_view model) {
    if (model.empty()) return nullptr;
    if (!provider.empty()) {
        const std::string key = std::string(provider).append("/").append(model);
        if (const auto* price = table.find(key)) return price;
    }
    const auto* price = table.find(model);
    if (price == nullptr) return nullptr;
    const bool belongs = provider.empty() || price->provider.empty() || price->provider == provider;
    return belongs ? price : nullptr;
}

}  // namespace

void PriceTable::put(std::string name, ModelPrice price) {
    prices_.insert_or_assign(std::move(name), std::move(price));
}

const ModelPrice* PriceTable::find(std::string_view key) const {
    const auto found = prices_.find(key);
    return found == prices_.end() ? nullptr : &found->second;
}

const ModelPrice* PriceTable::resolve(std::string_view provider, std::string_view answered_model,
                                      std::string_view configured_model) const {
    for (const auto model : {answered_model, configured_model}) {
        const auto base = fine_tune_base(model);
        for (const auto name : {model, without_date(model), base, without_date(base)}) {
            if (const auto* price = look_up(*this, provider, name)) return price;
        }
    }
    return nullptr;
}

}  // namespace understudy::metrics
