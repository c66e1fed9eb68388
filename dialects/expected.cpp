#include "dialects/expected.hpp"

#include <algorithm>
#include <string>

namespace understudy::dialects {
namespace {

std::string_view name_of(JsonKind kind) {
    switch (kind) {
        case JsonKind::boolean:
            return "true or false";
        case JsonKind::number:
            return "number";
        case JsonKind::string:
            return "text";
        case JsonKind::array:
            return "list";
        default:
            return "object";
    }
}

/// `Members`: a Value or an Object.
template <class Members>
std::optional<Problem> check(const Members& object, std::span<const Expected> table,
                             std::string_view where) {
    std::optional<Problem> problem;
    object.members([&](std::string_view key, Value value) {
        if (problem || value.nothing()) return;
        const auto row = std::find_if(table.begin(), table.end(),
                                      [&](const Expected& one) { return one.member == key; });
        if (row == table.end() || value.kind() == row->kind) return;
        auto what = std::string(where);
        if (!what.empty()) what += '.';
        problem = bad(what.append(key).append(" is no ").append(name_of(row->kind)));
    });
    return problem;
}

}  // namespace

std::optional<Problem> check_kinds(Value object, std::span<const Expected> table,
                                   std::string_view where) {
    return check(object, table, where);
}

std::optional<Problem> check_kinds(const Object& object, std::span<const Expected> table,
                                   std::string_view where) {
    return check(object, table, where);
}

}  // namespace understudy::dialects
