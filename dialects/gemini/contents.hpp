// The turns of a talk as Google's contents: who said it, and its parts. A part of the request's
// writer, which has brought the turns into order and owns all that is referred to here.
#pragma once

#include "dialects/gemini/gates.hpp"
#include "dialects/gemini/request_writer.hpp"
#include "dialects/talk.hpp"
#include "dialects/value.hpp"

#include <optional>
#include <string>
#include <utility>

namespace understudy::dialects::gemini {

/// What stands in the place of a seal that a call does not have: it came from another provider, or
/// its client has lost it.  https://ai.google.dev/gemini-api/docs/thought-signatures
inline constexpr std::string_view kNoSeal = "skip_thought_signature_validator";

class Contents {
  public:
    Contents(const Manner& manner, const Gates& gates, ToolNames& names, Writer& to)
        : manner_(manner), gates_(gates), names_(names), to_(to) {}

    /// Appends one turn: an element or two of the list of contents.
    void turn(const Turn& turn);
    /// The first thing that could not be said.
    std::optional<Problem> problem() && { return std::move(problem_); }

  private:
    void assistant(const Turn& turn);
    void user(const Turn& turn);
    void open(std::string_view role);
    void close() { to_.close(']').close('}'); }
    void text(std::string_view content);
    void media(const Media& media);
    void inline_data(const Media& media);
    void file(const Media& media);
    void document_text(const Media& media);
    void call(const Block& block, bool first);
    void result(const Block& block);
    bool inside_result(const Block& block) const;
    void refuse(Problem problem) {
        if (!problem_) problem_ = std::move(problem);
    }

    const Manner& manner_;
    const Gates& gates_;
    ToolNames& names_;
    Writer& to_;
    std::optional<Problem> problem_;
};

}  // namespace understudy::dialects::gemini
