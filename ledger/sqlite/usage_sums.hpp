// Usage is summed up here, in one walk over the rows: the database would sort them all, each with
// all its sums, to find those that belong together.
#pragma once

#include "ledger/reader.hpp"
#include "ledger/sqlite/database.hpp"

#include <array>
#include <cstdint>
#include <string>

namespace understudy::ledger {

/// `sql`: gives what is summed by (a number of a name, a day since 1970 or the name of a session)
/// and the columns of kSummed, any number of rows for each; `values` are bound to it. Fills in the
/// lines that `out` asks for.
Fault sum_usage(Database& database, By by, const std::string& sql,
                const std::array<std::int64_t, 6>& values, UsagePage& out);

}  // namespace understudy::ledger
