// A second stream of chat chunks as the rest of the first one: its events stay as their server
// wrote them, but for what would give away that there are two. Pure.
#pragma once

#include "proxy/rescue/chat/stitch.hpp"
#include "proxy/rescue/chat/transcript.hpp"
#include "proxy/rescue/continuation.hpp"
#include "proxy/rescue/passage.hpp"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace understudy::proxy::rescue {

class ChatContinuation final : public Continuation {
  public:
    /// `transcript` outlives this; what it holds now is what the client has.
    ChatContinuation(const ChatTranscript& transcript, const ContinuationOptions& options);

    std::size_t bytes() const noexcept override {
        return passage_.bytes() + shown_.capacity() + thought_.capacity() + new_thought_.capacity();
    }

  private:
    bool event(std::string_view data, std::string& out) override;
    void end_marker(std::string& out) override;
    void chunk(std::string_view data, std::string& out);
    void usage_chunk(std::string_view data, std::string& out);
    void choice_chunk(std::string_view data, std::string& out);
    Retold next_text(std::string_view data, bool last);
    Retold next_reasoning(std::string_view data);
    void correct_usage(std::string_view data, EventChanges& changes);
    void announce(std::string& out);

    const bool usage_asked_;
    const bool keep_role_;
    bool content_sent_;    // text was sent when the first stream broke, or since
    std::string comment_;  // empty: it was sent
    Passage passage_;
    Stitch stitch_;
    wire::ChatChunk chunk_;
    std::string text_;                           // of one event
    std::string shown_, thought_, new_thought_;  // reasoning: the client's, held, to be told
    bool same_thoughts_ = false;                 // reasoning is compared with what was shown
    bool dropped_thoughts_ = false;
    wire::Usage truth_;
};

}  // namespace understudy::proxy::rescue
