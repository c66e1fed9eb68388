// Price tables in LiteLLM's format -> metrics::PriceTable. The built-in one is part of the binary
// (config/prices-default.json); a file of the user's may be laid over it.
#pragma once

#include "metrics/price.hpp"

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace understudy::config {

struct PriceFile {
    metrics::PriceTable table;
    std::string error;               // not empty: nothing can be used
    std::vector<std::string> notes;  // entries refused, prices that look wrong
};

/// Reads a whole price file. Prices above USD 1000 per million tokens are off by a power of ten and
/// their entries refused; odd ratios are noted (the public file has both).
PriceFile parse_prices(std::string_view json);

/// The table this binary was built with; parsed at the first call, shared from then on.
std::shared_ptr<const metrics::PriceTable> builtin_prices();

/// The text of that table, for tests.
std::string_view builtin_prices_json();

}  // namespace understudy::config
