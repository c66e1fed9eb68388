// A comparison as text. Pure.
#pragma once

#include "cmd/reconcile/compare.hpp"

#include <string>
#include <vector>

namespace understudy::cmd::reconcile {

struct Report {
    Provider provider{};
    std::vector<std::string> upstreams;  // whose attempts were compared
    std::vector<Comparison> lines;
    bool has_cost = false;  // the bill has
};

/// Aligned columns, the reasons below their lines, a total at the end.
std::string table_of(const Report& report);
std::string json_of(const Report& report);
/// RFC 4180.
std::string csv_of(const Report& report);

}  // namespace understudy::cmd::reconcile
