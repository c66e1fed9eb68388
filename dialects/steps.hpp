// Steps over the values of a text that has been validated. Nothing is checked on the way, so that
// looking into a value again costs a fraction of the walk that validated it. Nothing outside of
// [p, end) is read, whatever stands there.
#pragma once

#include "wire/byte_search.hpp"
#include "wire/json_scan.hpp"

#include <string_view>

namespace understudy::dialects {

/// By the first byte of a value.
wire::JsonKind kind_at(char first);

/// Behind the value that begins at `p`, which is not `end`.
const char* step_over(const char* p, const char* end);

/// Behind the string whose opening quote stands before `p`.
const char* step_over_string(const char* p, const char* end);

inline const char* step_over_space(const char* p, const char* end) {
    while (p != end && static_cast<unsigned char>(*p) <= ' ') ++p;
    return p;
}

/// One member of an object, or one element of a list.
struct Step {
    std::string_view key;      // as it is written
    bool escaped_key = false;  // there are escapes in it
    const char* value = nullptr;
    const char* behind = nullptr;  // that value
};

/// The member at `p`, or the one behind the comma there. False: there is no other.
bool step_to_member(const char* p, const char* end, Step& step);
/// The same of elements.
bool step_to_element(const char* p, const char* end, Step& step);

}  // namespace understudy::dialects
