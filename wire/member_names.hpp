// The members of a request body that decide something here: where it goes, what it costs, how its
// answer is read. All readers of a body must read them alike.
#pragma once

#include "wire/request_body.hpp"

#include <cstdint>
#include <string_view>

namespace understudy::wire {

enum class Decisive : unsigned char { none, n, model, stream, stream_options };

/// By its length alone; cheap, for every member of every body.
constexpr bool may_be_decisive(std::string_view key) noexcept {
    return key.size() <= 16 && ((std::uint32_t{0b1'1100'0000'1110'0010} >> key.size()) & 1U) != 0;
}

/// Which member a server may read under this name: in any case, with the case folding that Go's
/// encoding/json has (U+017F, the long s, folds to s). `key` is decoded.
Decisive decisive_member(std::string_view key) noexcept;

/// Notes that it was seen under the name `key`, and returns whether that is the API's own spelling;
/// facts.ambiguous is set when it was seen before, or when the name is not the API's own spelling.
bool note_decisive(Decisive member, std::string_view key, RequestFacts& facts) noexcept;

}  // namespace understudy::wire
