// Google's API is protocol buffers in JSON, and its requests are read as that says: a member's name
// in camelCase or in snake_case, numbers as numbers or as text, the values of enumerations by name
// or by number, one element where a list is meant. Pure.
// https://protobuf.dev/programming-guides/json/
#pragma once

#include "dialects/value.hpp"

#include <span>
#include <string>
#include <string_view>

namespace understudy::dialects::gemini {

/// A member's name in camelCase: itself, or made in `memory`.
std::string_view camel(std::string_view name, std::string& memory);

/// f(name in camelCase, Value) for each member that is there and not null.
template <class F>
void members_of(Value object, F&& f) {
    std::string memory;
    object.members([&](std::string_view key, Value value) {
        if (!value.nothing()) f(camel(key, memory), value);
    });
}

/// The last member of this name, which is in camelCase.
Value member_of(Value object, std::string_view name);

/// f(Value) for each element, or for what is no list itself; for none of what is not there.
template <class F>
void each_of(Value value, F&& f) {
    if (value.is_array()) {
        value.elements(f);
    } else if (!value.nothing()) {
        f(value);
    }
}

/// The name of one of an enumeration's values, which is also written as its number: its place in
/// `names`. Anything else is what it is.
Value enum_of(Value value, std::span<const std::string_view> names);

/// The number, also where it is written as text; absent when it is none.
Value number_of(Value value);

}  // namespace understudy::dialects::gemini
