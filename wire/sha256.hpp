// SHA-256 of a text that is there as a whole: of keys that clients show, of ids that are made of
// others. What is added piece by piece is hashed by Sha256 (aws_signature.hpp).
#pragma once

#include <array>
#include <string_view>

namespace understudy::wire {

using Sha256Digest = std::array<unsigned char, 32>;

/// Any thread. Nothing of the text stays in memory that is used again.
Sha256Digest sha256(std::string_view text);

}  // namespace understudy::wire
