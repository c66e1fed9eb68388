// The transcript of a streamed chat answer: the envelope that every chunk repeats, the text, and
// the thoughts as long as there is none. Pure.
#pragma once

#include "proxy/rescue/transcript.hpp"
#include "wire/chat_chunk.hpp"

#include <cstddef>
#include <string>
#include <string_view>

namespace understudy::proxy::rescue {

/// Members that every chunk of one stream has, as JSON text; empty: not there.
struct Envelope {
    std::string id, created, model, system_fingerprint, service_tier;
};

class ChatTranscript final : public Transcript {
  public:
    explicit ChatTranscript(std::size_t most_bytes = kMostBytes) : Transcript(most_bytes) {}

    const Envelope& envelope() const noexcept { return envelope_; }
    bool role_sent() const noexcept { return role_sent_; }
    /// What the model thought, until the text began: then it is of no more use.
    const std::string& reasoning() const noexcept { return reasoning_; }
    /// The name under which reasoning came; empty: there was none.
    const std::string& reasoning_member() const noexcept { return reasoning_member_; }
    /// Lines of the stream end with CR LF.
    bool crlf() const noexcept { return crlf_; }

    std::size_t bytes() const noexcept override {
        return Transcript::bytes() + reasoning_.capacity();
    }

  private:
    bool observe(const wire::SseEvent& event) override;
    void forget() override;
    void note_envelope(std::string_view data);
    void note_choice(std::string_view data);
    void note_parts(std::string_view data);

    wire::ChatChunk chunk_;
    Envelope envelope_;
    std::string reasoning_, reasoning_member_;
    bool role_sent_ = false;
    bool crlf_ = false;
};

}  // namespace understudy::proxy::rescue
