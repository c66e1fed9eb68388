// Price files in LiteLLM's format -> packed lines of metrics::PriceTable. The built-in table is
// part of the binary (config/prices/builtin.prices, made by config/prices/update.py); a file of the
// user's is laid over it.
#pragma once

#include "metrics/price_table.hpp"

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace understudy::config {

struct PriceFile {
    std::string lines;               // of metrics/packed_price.hpp, in the order of the names
    std::string error;               // not empty: nothing can be used
    std::vector<std::string> notes;  // entries refused, prices that look wrong
};

/// Reads a whole price file. What it does not know is passed over, for the format is not ours; a
/// member that it knows and that holds something else is an error. Prices above USD 1000 per
/// million are off by a power of ten and their entries refused; odd ratios are noted (the public
/// file has both).
PriceFile parse_prices(std::string_view json);

/// The table this binary was built with; shared.
std::shared_ptr<const metrics::PriceTable> builtin_prices();

/// The same with the lines of a file over it. `name`: of the file, for people.
std::shared_ptr<const metrics::PriceTable> prices_over_builtin(std::string lines,
                                                               std::string_view name);

/// The lines of the built-in table, and eight digits that say which they are.
std::string_view builtin_price_lines();
std::string_view builtin_price_digest();

}  // namespace understudy::config
