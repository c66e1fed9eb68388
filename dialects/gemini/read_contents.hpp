// Google's contents as the turns of a talk: texts, media, calls and what came of them. A part of
// the request's reader. Pure.  https://ai.google.dev/api/caching#Content
#pragma once

#include "dialects/talk.hpp"
#include "dialects/value.hpp"

#include <cstddef>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace understudy::dialects::gemini {

/// Reads into one talk. Calls that came without an id get one that depends on what was called and
/// on which call of the conversation it is, and results find theirs by the name, in order: the next
/// request, with more behind it, gets the same.
class ContentsReader {
  public:
    explicit ContentsReader(Talk& talk) : talk_(talk) {}

    void contents(Value value);
    void instruction(Value value);
    /// The first thing that is wrong, or that no other API can be told.
    std::optional<Problem>& problem() { return problem_; }

  private:
    struct Call {
        std::string id;
        std::string name;
        bool answered = false;
    };

    void content(Value one, std::size_t index);
    void part(Value one, const std::string& where, Turn& turn);
    void text(Value text, Value seal, bool thought, const std::string& where, Turn& turn);
    void call(Value value, Value seal, const std::string& where, Turn& turn);
    void result(Value value, const std::string& where, Turn& turn);
    void said(Value response, Block& result);
    void media(Value value, const std::string& where, std::vector<Block>& blocks);
    void file(Value value, const std::string& where, std::vector<Block>& blocks);
    std::optional<Media::Kind> kind_of(std::string_view type, const std::string& where);
    std::string id_of_result(const std::string& id, const std::string& name);
    void refuse(Problem problem) {
        if (!problem_) problem_ = std::move(problem);
    }

    Talk& talk_;
    void forget_calls();

    // Of the model's last turn; there may be very many.
    std::vector<Call> calls_;
    std::unordered_map<std::string, std::size_t> by_id_;
    std::unordered_map<std::string, std::deque<std::size_t>> by_name_;  // not answered yet, mostly
    std::size_t called_ = 0;                                            // in all
    std::optional<Problem> problem_;
};

}  // namespace understudy::dialects::gemini
