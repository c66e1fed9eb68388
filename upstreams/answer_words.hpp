// What the two parts of an attempt that read its answer (hold.cpp, answer.cpp) say alike of what is
// wrong with it. Internal to this room.
#pragma once

#include "wire/answer.hpp"

#include <cstddef>
#include <string>
#include <string_view>

namespace understudy::upstreams {

inline constexpr const char* kNotInItsCoding =
    "the body is not, or not whole, in the coding that its head names";
inline constexpr const char* kErrorInside = "an error inside a 200";
inline constexpr const char* kHoldsKey = "a compressed answer that holds the upstream's own key";
inline constexpr const char* kUnsearched =
    "a compressed answer too large to be searched for the upstream's own key";
inline constexpr const char* kTooLarge =
    "more than limits.buffer_response in one piece, which is too large to be translated";

/// A stream of this shape that ended without the end which its answer must have.
const char* words_for_no_end(wire::AnswerShape shape);

/// What the error inside a 2xx is about, for logs and messages: " (too many requests)", or nothing.
/// Its class is malformed: a server that reports an error as a success is not to be believed in
/// detail either.
std::string kind_of(std::string_view error_json);

}  // namespace understudy::upstreams
