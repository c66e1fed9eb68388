// What Anthropic's API has in common with others: Bedrock's, in which its turns are written, and
// chat, whose clients send its blocks where they keep their history in its words. Pure.
#pragma once

#include "dialects/talk.hpp"
#include "dialects/value.hpp"

#include <optional>
#include <string>
#include <vector>

namespace understudy::dialects {

/// Reads a call as a block `tool_use`; `where` it stands is for the problem.
std::optional<Problem> read_tool_use(Value value, const std::string& where,
                                     std::vector<Block>& blocks);

/// write(block) for each of a turn: thoughts first, calls last, whatever the order they were sent
/// in.
template <class Write>
void write_blocks(const Turn& turn, Write&& write) {
    const auto all = [&](auto&& wanted) {
        for (const auto& block : turn.blocks) {
            if (wanted(block)) write(block);
        }
    };
    const auto is_call = [](const Block& block) { return block.kind == Block::Kind::call; };
    all(is_thought);
    all([&](const Block& block) { return !is_thought(block) && !is_call(block); });
    all(is_call);
}

}  // namespace understudy::dialects
