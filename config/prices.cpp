#include "config/prices.hpp"

#include "config/text.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <map>
#include <optional>
#include <utility>

namespace understudy::config {
namespace {

constexpr double kMaxUsdPerToken = 1e-3;  // USD 1000 per million; the dearest real model costs 600
constexpr std::size_t kMaxNotes = 20;

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

// Exact names: databricks has input_dbu_cost_per_token, audio has input_cost_per_audio_token, and
// cache_creation_input_token_cost_above_1hr is a time to live, not a tier.
RateMember member_of(std::string_view base) {
    using metrics::Rates;
    constexpr std::array<std::pair<std::string_view, RateMember>, 5> kFields{{
        {"input_cost_per_token", &Rates::input},
        {"output_cost_per_token", &Rates::output},
        {"cache_read_input_token_cost", &Rates::cache_read},
        {"cache_creation_input_token_cost", &Rates::cache_write},
        {"output_cost_per_reasoning_token", &Rates::reasoning},
    }};
    for (const auto& [name, member] : kFields) {
        if (name == base) return member;
    }
    return nullptr;
}

// One model while its members come in.
struct Entry {
    metrics::ModelPrice price;
    std::map<std::uint64_t, metrics::ModelPrice::Tier> tiers;  // by threshold
    std::optional<std::int64_t> legacy_cache_read;
    bool absurd = false;

    metrics::Rates& rates(std::uint64_t above, std::string_view service) {
        if (above == 0) {
            if (service == "priority") return price.priority;
            return service == "flex" ? price.flex : price.standard;
        }
        auto& tier = tiers[above];
        tier.above = above;
        if (service == "priority") return tier.priority;
        return service == "flex" ? tier.flex : tier.standard;
    }

    void number(std::string_view name, double usd) {
        const FieldName field = split_field(name);
        const bool legacy = field.base == "input_cost_per_token_cache_hit";
        const RateMember member = legacy ? nullptr : member_of(field.base);
        if ((!legacy && member == nullptr) || field.service == "batches") return;
        if (!(usd >= 0 && usd <= kMaxUsdPerToken)) {
            absurd = true;
        } else if (legacy) {
            legacy_cache_read = to_pico(usd);
        } else {
            rates(field.above, field.service).*member = to_pico(usd);
        }
    }

    // One element of `tiered_pricing`: the range that begins at 0 is the base price.
    void range(std::uint64_t from, const metrics::Rates& tiered) {
        metrics::Rates& target = rates(from, "");
        for (const RateMember member :
             {&metrics::Rates::input, &metrics::Rates::output, &metrics::Rates::cache_read,
              &metrics::Rates::cache_write, &metrics::Rates::reasoning}) {
            if (!(target.*member)) target.*member = tiered.*member;
        }
    }

    metrics::ModelPrice finish() {
        if (!price.standard.cache_read) price.standard.cache_read = legacy_cache_read;
        price.tiers.reserve(tiers.size());
        for (const auto& [above, tier] : tiers) price.tiers.push_back(tier);
        return std::move(price);
    }
};

bool outside(std::optional<std::int64_t> value, std::optional<std::int64_t> base, double low,
             double high) {
    if (!value || !base || *base == 0) return false;
    const double ratio = static_cast<double>(*value) / static_cast<double>(*base);
    return ratio < low || ratio > high;
}

bool below(std::optional<std::int64_t> value, std::optional<std::int64_t> base) {
    return value && base && *value < *base;
}

// What is probably a mistake in the file; the entry is used all the same.
const char* doubt(const metrics::ModelPrice& price) {
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

// Event by event, because a tree of the file would take megabytes that the daemon keeps for good.
// Depth 1 holds models, depth 2 their members, depths 3 to 5 are `tiered_pricing`.
class Reader : public nlohmann::json_sax<nlohmann::json> {
  public:
    explicit Reader(PriceFile& file) : file_(file) {}

    bool null() override { return value(); }
    bool boolean(bool) override { return value(); }
    bool number_integer(number_integer_t n) override { return number(static_cast<double>(n)); }
    bool number_unsigned(number_unsigned_t n) override { return number(static_cast<double>(n)); }
    bool number_float(number_float_t n, const string_t&) override { return number(n); }
    bool binary(binary_t&) override { return value(); }

    bool string(string_t& text) override {
        if (depth_ == 2 && member_ == "litellm_provider") entry_.price.provider = text;
        return value();
    }

    bool start_object(std::size_t) override {
        if (depth_ == 0) top_is_object_ = true;
        if (depth_ == 1) entry_ = Entry{};
        if (depth_ == 3 && member_ == "tiered_pricing") {
            tiered_ = {};
            range_begin_.reset();
        }
        ++depth_;
        return true;
    }

    bool end_object() override {
        --depth_;
        if (depth_ == 1) finish();
        if (depth_ == 3 && member_ == "tiered_pricing" && range_begin_) {
            entry_.range(*range_begin_, tiered_);
        }
        return true;
    }

    bool start_array(std::size_t) override {
        ++depth_;
        return true;
    }
    bool end_array() override {
        --depth_;
        return true;
    }

    bool key(string_t& name) override {
        if (depth_ == 1) model_ = name;
        if (depth_ == 2) member_ = name;
        if (depth_ == 4) tiered_member_ = name;
        return true;
    }

    bool parse_error(std::size_t position, const std::string&,
                     const nlohmann::detail::exception&) override {
        file_.error = "is not JSON (near byte " + std::to_string(position) + ")";
        return false;
    }

    void end() {
        if (!file_.error.empty()) return;
        if (!top_is_object_) file_.error = "is not a JSON object of models";
        if (top_is_object_ && file_.table.size() == 0) file_.error = "has no usable price";
    }

  private:
    bool value() { return true; }

    bool number(double n) {
        if (depth_ == 2) entry_.number(member_, n);
        if (member_ != "tiered_pricing") return true;
        if (depth_ == 4) tiered_number(n);
        // [min, max]: only the first bound matters, the ranges adjoin.
        if (depth_ == 5 && tiered_member_ == "range" && !range_begin_ && n >= 0 && n < 1e12) {
            range_begin_ = static_cast<std::uint64_t>(n);
        }
        return true;
    }

    void tiered_number(double usd) {
        const RateMember member = member_of(tiered_member_);
        if (member == nullptr) return;
        if (usd >= 0 && usd <= kMaxUsdPerToken) {
            tiered_.*member = to_pico(usd);
        } else {
            entry_.absurd = true;
        }
    }

    void note(const std::string& what) {
        if (file_.notes.size() < kMaxNotes) {
            file_.notes.push_back("price of " + in_quotes(model_) + ": " + what);
        } else if (file_.notes.size() == kMaxNotes) {
            file_.notes.emplace_back("more prices like these are not listed");
        }
    }

    void finish() {
        if (model_ == "sample_spec" || model_ == "fallback_generalizations") return;
        if (entry_.absurd) {
            note("refused, it is negative or above USD 1000 per million tokens");
            return;
        }
        metrics::ModelPrice price = entry_.finish();
        // Without a provider it is not an entry; without token prices there is nothing to count.
        if (price.provider.empty() || (!price.standard.input && !price.standard.output)) return;
        if (const char* why = doubt(price)) note(std::string("used as it is, but ") + why);
        file_.table.put(model_, std::move(price));
    }

    PriceFile& file_;
    int depth_ = 0;
    bool top_is_object_ = false;
    std::string model_, member_, tiered_member_;
    Entry entry_;
    metrics::Rates tiered_;
    std::optional<std::uint64_t> range_begin_;
};

}  // namespace

PriceFile parse_prices(std::string_view json) {
    PriceFile file;
    Reader reader(file);
    nlohmann::json::sax_parse(json, &reader);
    reader.end();
    return file;
}

std::shared_ptr<const metrics::PriceTable> builtin_prices() {
    static const auto table = std::make_shared<const metrics::PriceTable>(
        std::move(parse_prices(builtin_prices_json()).table));
    return table;
}

}  // namespace understudy::config
