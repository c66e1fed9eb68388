// A table that some other program exported as text: commas, semicolons or tabs between the cells,
// quotes around those that hold such, a byte order mark or none, any ends of lines. Pure.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace understudy::cmd::reconcile {

struct CsvRow {
    std::size_t line = 0;  // where it begins, from 1
    std::vector<std::string> cells;
};

struct Csv {
    std::vector<std::string> header;  // as column_name() has them
    std::vector<CsvRow> rows;         // without those that are empty
    std::string error;                // not empty: with its line
};

/// "Usage Date (UTC)" and "usage_date_utc" are one: "usage_date_utc".
std::string column_name(std::string_view text);

/// The separator is the one that the header has most of.
Csv read_csv(std::string_view text);

}  // namespace understudy::cmd::reconcile
