// What a rescue has to know of the API that its client speaks: how to follow a stream, how to ask
// for the rest of one, and how to tell it. What is about text (ladder, passage, seam, overlap) is
// the same in all of them. A lane that asks in another API translates what comes out of here, and
// what goes in. Pure.
#pragma once

#include "config/presets.hpp"
#include "proxy/rescue/continuation.hpp"
#include "proxy/rescue/ladder.hpp"
#include "proxy/rescue/transcript.hpp"
#include "wire/answer.hpp"
#include "wire/request_body.hpp"

#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace understudy::proxy::rescue {

class Dialect {
  public:
    Dialect() = default;
    virtual ~Dialect() = default;
    Dialect(const Dialect&) = delete;
    Dialect& operator=(const Dialect&) = delete;

    /// Of the client's stream; one, for as long as this lives.
    virtual Transcript& transcript() = 0;
    /// What the client's request wants. `facts` are those of `body`, which is the same in every
    /// call and is read once.
    const Wishes& wishes(std::string_view body, const wire::RequestFacts& facts) {
        if (!wishes_) wishes_ = read(body, facts);
        return *wishes_;
    }
    /// After wishes(): the body that asks for the rest of what the transcript has.
    virtual std::string ask(std::string_view body, Rung rung, config::PrefillKind kind) const = 0;
    /// The rest, behind what the transcript has now.
    virtual std::unique_ptr<Continuation> go_on(const ContinuationOptions& options) const = 0;

  protected:
    virtual Wishes read(std::string_view body, const wire::RequestFacts& facts) = 0;

  private:
    std::optional<Wishes> wishes_;
};

/// Null where broken streams of this shape are not gone on with.
std::unique_ptr<Dialect> dialect_of(wire::AnswerShape shape);

}  // namespace understudy::proxy::rescue
