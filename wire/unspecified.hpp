// The word that stands for none in Google's enumerations.
#pragma once

#include <string_view>

namespace understudy::wire {

/// FINISH_REASON_UNSPECIFIED, BLOCK_REASON_UNSPECIFIED ...: the value of a field that nobody has
/// set, which some servers write out (https://protobuf.dev/programming-guides/style/#enums).
inline bool is_unspecified(std::string_view word) noexcept {
    return word.ends_with("_UNSPECIFIED");
}

}  // namespace understudy::wire
