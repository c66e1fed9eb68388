// The transcript of a streamed answer of Anthropic's Messages: its text, and the block that the
// client has open. Pure.
#pragma once

#include "dialects/value.hpp"
#include "proxy/rescue/transcript.hpp"

#include <cstddef>
#include <cstdint>

namespace understudy::proxy::rescue {

/// What stands open in a stream of blocks, of which at most one does.
enum class OpenBlock : std::uint8_t { none, text, other };

class MessagesTranscript final : public Transcript {
  public:
    explicit MessagesTranscript(std::size_t most_bytes = kMostBytes) : Transcript(most_bytes) {}

    OpenBlock open() const noexcept { return open_; }
    /// Of the block that is open, or of the next one.
    std::uint64_t index() const noexcept { return index_; }

  private:
    bool observe(const wire::SseEvent& event) override;
    void note_message(dialects::Value message);
    void note_block(dialects::Value block);
    void note_delta(dialects::Value delta);

    OpenBlock open_ = OpenBlock::none;
    std::uint64_t index_ = 0;
};

}  // namespace understudy::proxy::rescue
