// Model name -> price: layers of packed lines (metrics/packed_price.hpp), the last one laid on top.
// Nothing is built at start: a name is searched for in the text, and what was found is kept
// unpacked, so that there are as many prices in memory as were asked for.
#pragma once

#include "metrics/price.hpp"

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace understudy::metrics {

/// The name without a trailing date or "-latest"; the name itself when there is none.
std::string_view without_date(std::string_view name);

/// Layers are laid before it is shared; from then on any thread may ask.
class PriceTable {
  public:
    /// Lays packed lines in the order of their names over what is there. A price is replaced whole;
    /// what a model may read and write is kept where the new one does not say it. `version` says
    /// which prices these are; short, and the same for the same prices.
    void lay(std::string lines, PriceOrigin origin, std::string version);
    /// The same for text that outlives the table.
    void lay_static(std::string_view lines, PriceOrigin origin, std::string version);

    /// Exact key, or null; valid as long as the table.
    const ModelPrice* find(std::string_view key) const;
    /// For the model that answered, then for the one configured: through the layers from the top,
    /// in each of them "<prefix>/<model>" then the bare name if it belongs to `provider`, each also
    /// without a trailing date, "-latest", or as the base of "ft:". Never by substring. `provider`
    /// is a litellm_provider name. Empty = any: the bare name, else the row of the provider that
    /// makes the model, else one at whose price all providers have it who serve it.
    const ModelPrice* resolve(std::string_view provider, std::string_view answered_model,
                              std::string_view configured_model) const;

    /// Of the layer with this origin; empty: there is none.
    std::string_view version(PriceOrigin origin) const;
    /// Keys, each once.
    std::size_t size() const;
    /// Every model in the order of the keys.
    void for_each(
        const std::function<void(std::string_view key, const ModelPrice& price)>& visit) const;

  private:
    struct Layer {
        std::unique_ptr<const std::string> owned;  // null: static
        std::string_view lines;
        PriceOrigin origin{};
        std::string version;
    };
    const ModelPrice* unpacked(std::size_t layer, std::string_view line) const;
    const ModelPrice* find_in(std::size_t layer, std::string_view key) const;
    /// In one layer, one spelling.
    const ModelPrice* look_up(std::size_t layer, std::string_view provider,
                              std::string_view model) const;
    /// In one layer, one spelling, whoever serves it.
    const ModelPrice* anybodys(std::size_t layer, std::string_view model) const;

    std::vector<Layer> layers_;  // the lowest first
    mutable std::mutex mutex_;
    mutable std::map<const char*, std::unique_ptr<const ModelPrice>> unpacked_;  // by line
};

}  // namespace understudy::metrics
