// A second stream of Google's Gemini as the rest of the first one, under the first one's id and
// version. No comment marks the seam: Google's own libraries take one for a broken event. Pure.
#pragma once

#include "dialects/value.hpp"
#include "proxy/rescue/continuation.hpp"
#include "proxy/rescue/gemini/transcript.hpp"
#include "proxy/rescue/passage.hpp"

#include <cstddef>
#include <string>
#include <string_view>

namespace understudy::proxy::rescue {

class GeminiContinuation final : public Continuation {
  public:
    /// `transcript` outlives this; what it holds now is what the client has.
    GeminiContinuation(const GeminiTranscript& transcript, const ContinuationOptions& options);

    std::size_t bytes() const noexcept override { return passage_.bytes(); }

  private:
    using Value = dialects::Value;
    using Writer = dialects::Writer;

    bool event(std::string_view data, std::string& out) override;
    void chunk(Value chunk, std::string& out);
    bool part(Value part, Writer& parts);
    bool text(Value content, bool last, Writer& parts);
    void write(Value chunk, Value candidate, std::string_view parts, std::string& out);

    const GeminiTranscript& first_;
    Passage passage_;
    bool without_thoughts_ = false;
    std::string parts_, text_;  // of one event, to be told
};

}  // namespace understudy::proxy::rescue
