#include "dialects/talk.hpp"

#include <algorithm>
#include <iterator>
#include <unordered_set>

namespace understudy::dialects {

void Talk::drop(std::string_view member) {
    // They are told in a header, and some are the client's own words.
    constexpr std::size_t kMostDropped = 32;
    constexpr std::size_t kLongestName = 80;
    member = member.substr(0, kLongestName);
    if (dropped.size() == kMostDropped) return;
    if (std::find(dropped.begin(), dropped.end(), member) == dropped.end()) {
        dropped.emplace_back(member);
    }
}

bool Talk::marks_cache() const {
    const auto any = [](const auto& list) {
        return std::any_of(list.begin(), list.end(),
                           [](const auto& one) { return one.cache.is_object(); });
    };
    const auto inside = [&](const Block& block) { return any(block.inner); };
    return any(system) || any(tools) ||
           std::any_of(turns.begin(), turns.end(), [&](const Turn& turn) {
               return any(turn.blocks) ||
                      std::any_of(turn.blocks.begin(), turn.blocks.end(), inside);
           });
}

void Talk::keep_allowed() {
    if (choice.allowed.empty()) return;
    const std::unordered_set<std::string_view> allowed(choice.allowed.begin(),
                                                       choice.allowed.end());
    std::erase_if(tools, [&](const Tool& tool) { return !allowed.contains(tool.name); });
}

const Tool* Talk::tool(std::string_view name) const {
    const auto at = std::find_if(tools.begin(), tools.end(),
                                 [&](const Tool& tool) { return tool.name == name; });
    return at == tools.end() ? nullptr : &*at;
}

std::optional<Problem> check_limit(std::string_view name, Value value) {
    const bool whole = value.is_number() && value.count() >= 1 &&
                       static_cast<double>(value.count()) == value.number();
    if (whole) return std::nullopt;
    return bad(std::string(name) + " is no whole number of at least 1");
}

std::optional<Problem> check_choice(const Talk& talk) {
    const auto& choice = talk.choice;
    if (talk.tools.empty()) {
        const bool asked = choice.kind == Choice::Kind::required && !choice.allowed.empty();
        return asked ? std::optional(bad("tool_choice allows no tool that is in tools"))
                     : std::nullopt;
    }
    if (choice.kind != Choice::Kind::named || talk.tool(choice.name) != nullptr) {
        return std::nullopt;
    }
    return bad("tool_choice names a tool that is not in tools");
}

bool wants_one_call(const Talk& talk) {
    const auto& choice = talk.choice;
    return !talk.tools.empty() && choice.kind != Choice::Kind::none && choice.parallel == false;
}

void merge_turns(std::vector<Turn>& turns) {
    std::vector<Turn> merged;
    merged.reserve(turns.size());
    for (auto& turn : turns) {
        if (turn.blocks.empty()) continue;
        if (!merged.empty() && merged.back().role == turn.role) {
            auto& blocks = merged.back().blocks;
            std::move(turn.blocks.begin(), turn.blocks.end(), std::back_inserter(blocks));
        } else {
            merged.push_back(std::move(turn));
        }
    }
    turns = std::move(merged);
}

std::string join_text(const std::vector<Block>& blocks, std::string_view glue) {
    std::string out;
    for (const auto& block : blocks) {
        if (block.kind != Block::Kind::text || block.content.empty()) continue;
        if (!out.empty()) out += glue;
        out += block.content;
    }
    return out;
}

}  // namespace understudy::dialects
