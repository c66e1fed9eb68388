// What kinds the members of a request have in its API: tables of them, so that a value of another
// kind is refused by name, and never read as if nothing had been said. Pure.
#pragma once

#include "dialects/object.hpp"
#include "dialects/talk.hpp"
#include "dialects/value.hpp"

#include <optional>
#include <span>
#include <string_view>

namespace understudy::dialects {

struct Expected {
    std::string_view member;
    JsonKind kind;
};

/// The first member in the table whose value is of another kind; null counts as absent. `where` is
/// what the object is called, "" of the body. Where something else than an object stands, nothing
/// is found: that is for the table of what is around it.
std::optional<Problem> check_kinds(Value object, std::span<const Expected> table,
                                   std::string_view where);
std::optional<Problem> check_kinds(const Object& object, std::span<const Expected> table,
                                   std::string_view where);

}  // namespace understudy::dialects
