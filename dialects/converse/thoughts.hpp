// How a model behind Converse is told to think or not to: where all families have a word for it,
// and among the fields of its own. Pure.
#pragma once

#include "dialects/converse/gates.hpp"
#include "dialects/messages/gates.hpp"
#include "dialects/talk.hpp"

#include <cstdint>

namespace understudy::dialects::converse {

/// The wish for thoughts of one request; all arguments outlive it. What cannot be told is named in
/// the talk.
class Thoughts {
  public:
    /// `max_output`: tokens that the model can write; 0: not known.
    Thoughts(Talk& talk, const Gates& gates, const messages::Gates& claude,
             std::uint64_t max_output)
        : talk_(talk), gates_(gates), claude_(claude), max_output_(max_output) {}

    /// Claude is to think.
    bool wanted() const;
    /// The same, as a number of tokens.
    bool counted() const { return wanted() && !claude_.adaptive; }
    std::uint64_t budget() const;
    /// Tokens that an answer may have, of Claude.
    std::uint64_t max_output() const { return max_output_ != 0 ? max_output_ : claude_.max_output; }
    /// outputConfig.effort is to be written.
    bool worded() const;
    void effort(Writer& to);
    /// additionalModelRequestFields, where there are some.
    void own_fields(Writer& to);

  private:
    bool rests() const;

    Talk& talk_;
    const Gates& gates_;
    const messages::Gates& claude_;
    std::uint64_t max_output_;
};

}  // namespace understudy::dialects::converse
