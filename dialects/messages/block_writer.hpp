// The blocks of Anthropic's messages: texts, media, calls and their results, thoughts.
#pragma once

#include "dialects/ids.hpp"
#include "dialects/talk.hpp"

#include <optional>
#include <string>

namespace understudy::dialects::messages {

/// Appends blocks to one body; remembers the first one that cannot be said.
class BlockWriter {
  public:
    BlockWriter(ToolNames& names, std::string& body) : names_(names), to_(body) {}

    void block(const Block& block);
    void text(const Block& block);
    /// A mark for the cache, inside the object that is open.
    void cache(Value mark) {
        if (mark.is_object()) to_.key("cache_control").raw(mark.raw());
    }
    const std::optional<Problem>& problem() const { return problem_; }

  private:
    void media(const Block& block);
    void call(const Block& block);
    void result(const Block& block);
    void refuse(Problem problem) {
        if (!problem_) problem_ = std::move(problem);
    }

    ToolNames& names_;
    Writer to_;
    std::optional<Problem> problem_;
};

}  // namespace understudy::dialects::messages
