#include "config/prices.hpp"

#include "config/price_entry.hpp"
#include "config/text.hpp"
#include "metrics/packed_price.hpp"

#include <nlohmann/json.hpp>

#include <functional>
#include <map>
#include <optional>
#include <utility>

namespace understudy::config {
namespace {

constexpr std::size_t kMaxNotes = 20;

// Eight hex digits that say which text it is (FNV-1a). A digest of OpenSSL's would have it set up
// for this alone, which takes 2 MB.
std::string short_digest(std::string_view text) {
    std::uint32_t hash = 0x811c9dc5;
    for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x01000193;
    constexpr std::string_view kHex = "0123456789abcdef";
    std::string out;
    for (int shift = 28; shift >= 0; shift -= 4) out += kHex[hash >> shift & 15];
    return out;
}

void lay_builtin(metrics::PriceTable& table) {
    table.lay_static(builtin_price_lines(), metrics::PriceOrigin::builtin,
                     std::string("built-in ").append(builtin_price_digest()));
}

constexpr std::string_view kTiered = "tiered_pricing";
// Kinds of values, in words.
constexpr std::string_view kNumber = "a number", kText = "a text", kList = "a list",
                           kObject = "an object", kTruth = "true or false";

// Event by event, because a tree of the file would take megabytes that the daemon keeps for good.
// Depth 1 holds models, depth 2 their members, depths 3 to 5 are `tiered_pricing`.
class Reader : public nlohmann::json_sax<nlohmann::json> {
  public:
    explicit Reader(PriceFile& file) : file_(file) {}

    bool null() override { return true; }  // as good as absent
    bool boolean(bool) override { return fits(kTruth); }
    bool number_integer(number_integer_t n) override { return number(static_cast<double>(n)); }
    bool number_unsigned(number_unsigned_t n) override { return number(static_cast<double>(n)); }
    bool number_float(number_float_t n, const string_t&) override { return number(n); }
    bool binary(binary_t&) override { return fits("binary"); }

    bool string(string_t& text) override {
        if (!fits(kText)) return false;
        if (depth_ == 2) entry_.text(member_, text);
        return true;
    }

    bool start_object(std::size_t) override {
        if (!fits(kObject)) return false;
        if (depth_ == 0) top_is_object_ = true;
        if (depth_ == 1) entry_ = PriceEntry();
        if (depth_ == 3 && member_ == kTiered) {
            tiered_ = {};
            range_begin_.reset();
        }
        ++depth_;
        return true;
    }

    bool end_object() override {
        --depth_;
        if (depth_ == 1) finish();
        if (depth_ == 3 && member_ == kTiered && range_begin_) {
            entry_.tier(*range_begin_, tiered_);
        }
        return true;
    }

    bool start_array(std::size_t) override {
        if (!fits(kList)) return false;
        ++depth_;
        return true;
    }
    bool end_array() override {
        --depth_;
        return true;
    }

    bool key(string_t& name) override {
        if (depth_ == 1) model_ = name;
        if (depth_ <= 2) member_ = depth_ == 2 ? name : std::string();
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
        file_.lines = metrics::join_price_lines(std::move(lines_));
        add_aliases();
        if (!top_is_object_) file_.error = "is not a JSON object of models";
        if (top_is_object_ && file_.lines.empty()) file_.error = "has no usable price";
    }

  private:
    // Prose stands where numbers belong in the first, and rules of another kind in the second.
    bool no_model() const {
        return model_ == "sample_spec" || model_ == "fallback_generalizations";
    }

    // What a member of this name takes at this depth; empty: anything, it means nothing here.
    std::string_view wanted() const {
        if (depth_ == 2) {
            switch (kind_of_price_member(member_)) {
                case PriceMember::number:
                    return kNumber;
                case PriceMember::text:
                    return kText;
                case PriceMember::tiers:
                    return kList;
                case PriceMember::unknown:
                    return {};
            }
        }
        if (member_ != kTiered) return {};
        if (depth_ == 3) return kObject;
        if (depth_ == 4 && tiered_member_ == "range") return kList;
        if (depth_ == 4) return is_rate_of_tier(tiered_member_) ? kNumber : "";
        return depth_ == 5 && tiered_member_ == "range" ? kNumber : "";
    }

    bool fits(std::string_view kind) {
        const auto wanted = this->wanted();
        if (wanted.empty() || wanted == kind || no_model()) return true;
        file_.error = "has " + std::string(kind) + " for " + in_quotes(model_) + ", " + member_;
        if (depth_ > 3) file_.error += ", " + tiered_member_;
        file_.error += ", where " + std::string(wanted) + " belongs";
        return false;
    }

    bool number(double n) {
        if (!fits(kNumber)) return false;
        if (depth_ == 2) entry_.number(member_, n);
        if (member_ != kTiered) return true;
        if (depth_ == 4) entry_.tier_number(tiered_member_, n, tiered_);
        // [min, max]: only the first bound matters, the ranges adjoin.
        if (depth_ == 5 && tiered_member_ == "range" && !range_begin_ && n >= 0 && n < 1e12) {
            range_begin_ = static_cast<std::uint64_t>(n);
        }
        return true;
    }

    void note(const std::string& what) {
        if (file_.notes.size() < kMaxNotes) {
            file_.notes.push_back("price of " + in_quotes(model_) + ": " + what);
        } else if (file_.notes.size() == kMaxNotes) {
            file_.notes.emplace_back("more prices like these are not listed");
        }
    }

    void finish() {
        if (no_model()) return;
        if (entry_.absurd()) {
            note("refused, it is negative or above USD 1000 per million tokens or for one piece");
            return;
        }
        if (!entry_.alias().empty()) aliases_.insert_or_assign(model_, entry_.alias());
        const metrics::ModelPrice price = entry_.finish();
        const bool by_piece = price.per_request || price.per_image;
        // Nothing to count.
        if (!price.standard.input && !price.standard.output && !by_piece) return;
        if (const char* why = doubt_of_price(price)) note(std::string("used as it is, but ") + why);
        lines_.push_back(metrics::pack_price(model_, price));
    }

    // The line of what an alias stands for, without its name; an alias of another stands for what
    // that does. Empty: for nothing.
    std::string_view price_of_alias(std::string_view target) const {
        constexpr int kMostAliases = 8;  // one of the other; in a circle there is no end to them
        for (int i = 0; i < kMostAliases; ++i) {
            const auto line = metrics::find_price_line(file_.lines, target);
            if (!line.empty()) return line.substr(target.size());
            const auto next = aliases_.find(target);
            if (next == aliases_.end()) break;
            target = next->second;
        }
        return {};
    }

    void add_aliases() {
        if (aliases_.empty()) return;
        std::vector<std::string> lines;
        for (const auto& [name, target] : aliases_) {
            const auto price = price_of_alias(target);
            if (!price.empty()) lines.push_back(name + std::string(price));
        }
        for (std::string_view rest = file_.lines; !rest.empty();) {
            const auto end = rest.find('\n');
            lines.emplace_back(rest.substr(0, end));
            rest.remove_prefix(end + 1);
        }
        file_.lines = metrics::join_price_lines(std::move(lines));
    }

    PriceFile& file_;
    int depth_ = 0;
    bool top_is_object_ = false;
    std::string model_, member_, tiered_member_;
    std::vector<std::string> lines_;
    std::map<std::string, std::string, std::less<>> aliases_;
    PriceEntry entry_;
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
    static const std::shared_ptr<const metrics::PriceTable> table = [] {
        auto made = std::make_shared<metrics::PriceTable>();
        lay_builtin(*made);
        return made;
    }();
    return table;
}

std::shared_ptr<const metrics::PriceTable> prices_over_builtin(std::string lines,
                                                               std::string_view name) {
    auto made = std::make_shared<metrics::PriceTable>();
    lay_builtin(*made);
    auto version = std::string(name).append(" ").append(short_digest(lines));
    made->lay(std::move(lines), metrics::PriceOrigin::file, std::move(version));
    return made;
}

}  // namespace understudy::config
