// What a request to /v1/messages says in its blocks of content: a part of the request's reader.
// Pure.
#pragma once

#include "dialects/talk.hpp"
#include "dialects/value.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace understudy::dialects::messages {

/// Where blocks stand: what may be in them is less with every step inside.
enum class BlockPlace : std::uint8_t { system, user, assistant, result, inner };

/// Appends what a text or a list of blocks says. `where` it stands is for messages. The first thing
/// that is wrong, or that no other API can be told.
std::optional<Problem> read_blocks(Value content, const std::string& where, BlockPlace place,
                                   Talk& talk, std::vector<Block>& blocks);

}  // namespace understudy::dialects::messages
