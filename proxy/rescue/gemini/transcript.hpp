// The transcript of a streamed answer of Google's Gemini. Pure.
#pragma once

#include "dialects/value.hpp"
#include "proxy/rescue/transcript.hpp"

#include <cstddef>
#include <string>

namespace understudy::proxy::rescue {

class GeminiTranscript final : public Transcript {
  public:
    explicit GeminiTranscript(std::size_t most_bytes = kMostBytes) : Transcript(most_bytes) {}

    /// Members that every chunk has, as JSON; empty: not there.
    const std::string& id() const noexcept { return id_; }
    const std::string& model() const noexcept { return model_; }

  private:
    using Value = dialects::Value;

    bool observe(const wire::SseEvent& event) override;
    void note_candidate(Value candidate);
    void note_part(Value part);

    std::string id_, model_;
};

/// A part that is thought, not said.
bool is_thought(dialects::Value part);
/// Its text alone, or nothing at all.
bool is_text(dialects::Value part);
/// The candidate's answer is over.
bool is_finished(dialects::Value candidate);

}  // namespace understudy::proxy::rescue
