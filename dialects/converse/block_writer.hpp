// The blocks of Bedrock's messages: texts, media, calls and their results. A part of the request's
// writer.  https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ContentBlock.html
#pragma once

#include "dialects/converse/gates.hpp"
#include "dialects/ids.hpp"
#include "dialects/talk.hpp"
#include "dialects/value.hpp"

#include <cstddef>
#include <optional>
#include <string>

namespace understudy::dialects::converse {

/// What ids may be there: ToolUseBlock.toolUseId.
inline constexpr Alphabet kBedrockId{".:", 64};

/// Appends blocks to one body; remembers the first one that cannot be said.
class BlockWriter {
  public:
    BlockWriter(const Gates& gates, ToolNames& names, std::string& body)
        : gates_(gates), names_(names), to_(body) {}

    void block(const Block& block);
    void text(std::string_view content);
    /// A mark for the cache stands behind what it marks.
    void cache(Value mark);
    const std::optional<Problem>& problem() const { return problem_; }

  private:
    void media(const Media& media);
    void image(const Media& media);
    void document(const Media& media);
    void call(const Block& block);
    void thought(const Block& block);
    void result(const Block& block);
    std::string document_name(std::string_view title);
    void refuse(Problem problem) {
        if (!problem_) problem_ = std::move(problem);
    }

    const Gates& gates_;
    ToolNames& names_;
    Writer to_;
    std::size_t documents_ = 0;
    std::optional<Problem> problem_;
};

}  // namespace understudy::dialects::converse
