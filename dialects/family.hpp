// Which row of a table of models is about one: names of models come with dates, regions and vendors
// around them, so a row names a part of them, its family, and the longest that is found counts.
#pragma once

#include <string_view>

namespace understudy::dialects {

/// The row about `model`, or `otherwise` where none is. Rows have a `family`; an empty one is in
/// every name. What is returned lives as long as `rows` and `otherwise`.
template <class Rows, class Row>
const Row& row_about(std::string_view model, const Rows& rows, const Row& otherwise) {
    const Row* found = &otherwise;
    for (const Row& row : rows) {
        const bool longer = row.family.size() > found->family.size();
        if (longer && model.find(row.family) != std::string_view::npos) found = &row;
    }
    return *found;
}

}  // namespace understudy::dialects
