#include "dialects/turns.hpp"

#include "dialects/ids.hpp"

#include <algorithm>
#include <deque>
#include <iterator>
#include <optional>
#include <unordered_map>
#include <unordered_set>

namespace understudy::dialects {
namespace {

using Kind = Block::Kind;

bool is_empty_text(const Block& block) {
    return block.kind == Kind::text && is_blank(block.content);
}

// A conversation may have as many calls as a body has room for, so nothing here is looked for one
// by one.
using Ids = std::unordered_set<std::string_view>;

Ids ids_of(const std::vector<const Block*>& calls) {
    Ids ids;
    for (const auto* call : calls) ids.insert(call->id);
    return ids;
}

/// A result that nobody has asked for, as words.
Block as_words(Talk& talk, const Block& result) {
    Block text;
    text.content = talk.keep("Result of a tool: " + join_text(result.inner, "\\n"));
    return text;
}

Block missing_result(const Block& call) {
    Block result(Kind::result);
    result.id = call.id;
    result.name = call.name;
    result.is_error = true;
    Block text;
    text.content = "no result";
    result.inner.push_back(std::move(text));
    return result;
}

/// What a second result of the same call says besides the first.
void add_to(Block& result, Block more) {
    result.is_error = result.is_error && more.is_error;
    for (auto& one : more.inner) {
        // Some clients send the very same one again.
        const bool again = one.kind == Kind::text && !result.inner.empty() &&
                           result.inner.back().kind == Kind::text &&
                           result.inner.back().content == one.content;
        if (!again) result.inner.push_back(std::move(one));
    }
}

/// The results of one turn's calls, in the order of the calls. Calls may share an id: the first
/// result of that id is the first call's, and so on; what is over belongs to the last of them.
class Results {
  public:
    explicit Results(const std::vector<const Block*>& calls)
        : calls_(calls), results_(calls.size()) {
        for (std::size_t i = 0; i < calls.size(); ++i) places_[calls[i]->id].push_back(i);
    }
    /// False: nobody has asked for it, and it is left as it is.
    bool take(Block& result) {
        const auto at = places_.find(result.id);
        if (at == places_.end()) return false;
        auto& places = at->second;
        auto& place = results_[places.front()];
        if (!place) {
            place = std::move(result);
            if (places.size() > 1) places.pop_front();
        } else {
            add_to(*place, std::move(result));
        }
        return true;
    }
    void give(std::vector<Block>& out) {
        for (std::size_t i = 0; i < calls_.size(); ++i) {
            out.push_back(results_[i] ? std::move(*results_[i]) : missing_result(*calls_[i]));
            out.back().name = calls_[i]->name;
        }
    }

  private:
    const std::vector<const Block*>& calls_;
    std::vector<std::optional<Block>> results_;
    std::unordered_map<std::string_view, std::deque<std::size_t>> places_;  // by id
};

/// The user's turn behind `calls`: their results first, then the rest.
std::vector<Block> answered(Talk& talk, const std::vector<const Block*>& calls,
                            std::vector<Block> blocks) {
    Results results(calls);
    std::vector<Block> rest;
    for (auto& block : blocks) {
        if (block.kind != Kind::result) {
            rest.push_back(std::move(block));
        } else if (!results.take(block)) {
            rest.push_back(as_words(talk, block));
            for (auto& one : block.inner) {
                if (one.kind == Kind::media) rest.push_back(std::move(one));
            }
        }
    }
    std::vector<Block> out;
    out.reserve(calls.size() + rest.size());
    results.give(out);
    std::move(rest.begin(), rest.end(), std::back_inserter(out));
    return out;
}

std::vector<const Block*> calls_of(const Turn& turn) {
    std::vector<const Block*> calls;
    for (const auto& block : turn.blocks) {
        if (block.kind == Kind::call && !block.server_side) calls.push_back(&block);
    }
    return calls;
}

bool calls_or_answers(const Turn& turn) {
    return std::any_of(turn.blocks.begin(), turn.blocks.end(), [](const Block& block) {
        return block.kind == Kind::call || block.kind == Kind::result;
    });
}

// Results that come after something else was said come before it: some clients put notices between
// a call and its result, and most APIs refuse that.
void pull_results(std::vector<Turn>& turns) {
    for (std::size_t i = 0; i < turns.size(); ++i) {
        if (turns[i].role != Role::assistant) continue;
        const auto calls = calls_of(turns[i]);
        if (calls.empty()) continue;
        const auto ids = ids_of(calls);
        Turn results;
        for (std::size_t j = i + 1; j < turns.size() && turns[j].role != Role::assistant; ++j) {
            if (j == i + 1 && turns[j].role == Role::user) continue;
            auto& blocks = turns[j].blocks;
            const auto from =
                std::stable_partition(blocks.begin(), blocks.end(), [&](const Block& block) {
                    return block.kind != Kind::result || !ids.contains(block.id);
                });
            std::move(from, blocks.end(), std::back_inserter(results.blocks));
            blocks.erase(from, blocks.end());
        }
        if (results.blocks.empty()) continue;
        if (i + 1 < turns.size() && turns[i + 1].role == Role::user) {
            auto& blocks = turns[i + 1].blocks;
            std::move(results.blocks.begin(), results.blocks.end(), std::back_inserter(blocks));
        } else {
            turns.insert(turns.begin() + static_cast<std::ptrdiff_t>(i) + 1, std::move(results));
        }
    }
}

}  // namespace

void system_as_user(Talk& talk) {
    for (auto& turn : talk.turns) {
        if (turn.role == Role::system) turn.role = Role::user;
    }
}

bool asks_nothing(const Talk& talk) {
    const auto blank = [](const Turn& turn) {
        return turn.role != Role::assistant &&
               std::all_of(turn.blocks.begin(), turn.blocks.end(), is_empty_text);
    };
    const auto& turns = talk.turns;
    const bool said = std::any_of(turns.begin(), turns.end(), [&](const Turn& turn) {
        return turn.role != Role::assistant && !blank(turn);
    });
    if (!said) return std::any_of(turns.begin(), turns.end(), blank);
    const auto last = std::find_if_not(turns.rbegin(), turns.rend(), blank);
    return last != turns.rbegin() && last->role == Role::assistant;
}

void mend_turns(Talk& talk) {
    for (auto& turn : talk.turns) std::erase_if(turn.blocks, is_empty_text);
    merge_turns(talk.turns);
    if (std::none_of(talk.turns.begin(), talk.turns.end(), calls_or_answers)) return;
    pull_results(talk.turns);
    merge_turns(talk.turns);
    std::vector<Turn> mended;
    for (auto& turn : talk.turns) {
        const auto calls = mended.empty() || mended.back().role != Role::assistant
                               ? std::vector<const Block*>()
                               : calls_of(mended.back());
        if (turn.role == Role::user) {
            turn.blocks = answered(talk, calls, std::move(turn.blocks));
        } else if (!calls.empty()) {
            Turn results;
            results.blocks = answered(talk, calls, {});
            mended.push_back(std::move(results));
        }
        mended.push_back(std::move(turn));
    }
    // What is asked for last is answered by the model; calls at the very end have nobody to do so.
    if (!mended.empty() && mended.back().role == Role::assistant) {
        const auto calls = calls_of(mended.back());
        if (!calls.empty()) {
            Turn results;
            results.blocks = answered(talk, calls, {});
            mended.push_back(std::move(results));
        }
    }
    talk.turns = std::move(mended);
}

void tell_calls_apart(Talk& talk) {
    std::unordered_map<std::string, std::size_t> uses;
    for (std::size_t i = 0; i < talk.turns.size(); ++i) {
        if (talk.turns[i].role != Role::assistant) continue;
        std::size_t place = 0;  // of the call among those of its turn
        for (auto& block : talk.turns[i].blocks) {
            if (block.kind != Kind::call || block.server_side) continue;
            const auto used = uses[block.id]++;
            if (used != 0 || block.id.empty()) {
                block.id = minted_id("us_", block.id, used);
                if (i + 1 < talk.turns.size() && place < talk.turns[i + 1].blocks.size()) {
                    talk.turns[i + 1].blocks[place].id = block.id;
                }
            }
            ++place;
        }
    }
}

bool calls_without_thought(const Talk& talk) {
    const auto last = std::find_if(talk.turns.rbegin(), talk.turns.rend(),
                                   [](const Turn& turn) { return turn.role == Role::assistant; });
    if (last == talk.turns.rend()) return false;
    const auto has = [&](auto&& wanted) {
        return std::any_of(last->blocks.begin(), last->blocks.end(), wanted);
    };
    return has([](const Block& block) { return block.kind == Kind::call; }) &&
           !has([](const Block& block) { return is_thought(block); });
}

void declare_called_tools(Talk& talk) {
    if (!talk.tools.empty()) return;
    std::unordered_set<std::string_view> known;
    for (const auto& turn : talk.turns) {
        for (const auto& block : turn.blocks) {
            if (block.kind != Kind::call || !known.insert(block.name).second) continue;
            Tool called;
            called.name = block.name;
            talk.tools.push_back(std::move(called));
        }
    }
}

}  // namespace understudy::dialects
