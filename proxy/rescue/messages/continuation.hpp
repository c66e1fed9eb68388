// A second stream of Anthropic's Messages as the rest of the first one: its text goes on in the
// block that is open, its calls and other blocks follow under the next numbers. Its thoughts are
// left out: whoever breaks off has shown either his own or text, and a thought with a signature is
// whole or nothing. Pure.
#pragma once

#include "dialects/value.hpp"
#include "proxy/rescue/continuation.hpp"
#include "proxy/rescue/messages/transcript.hpp"
#include "proxy/rescue/passage.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace understudy::proxy::rescue {

class MessagesContinuation final : public Continuation {
  public:
    /// `transcript` outlives this; what it holds now is what the client has.
    MessagesContinuation(const MessagesTranscript& transcript, const ContinuationOptions& options);

    std::size_t bytes() const noexcept override { return passage_.bytes(); }

  private:
    using Value = dialects::Value;

    bool event(std::string_view data, std::string& out) override;
    void goes_on(Value event, std::string_view data, std::string& out);
    void start(Value event, std::string_view data, std::string& out);
    void begin_text(std::string& out);
    void delta(Value event, std::string_view data, std::string& out);
    void stop(Value event, std::string_view data, std::string& out);
    void end(Value event, std::string& out);
    void note_usage(Value usage);

    bool text(Value content, bool last, std::string& out);
    void tell(std::string& out);
    void open_text(std::string& out);
    void close(std::string& out);
    void pass(Value event, std::string_view data, std::string& out);
    void announce(std::string& out);

    enum class Theirs : std::uint8_t { nothing, text, dropped, passed };

    Passage passage_;
    std::string comment_;  // empty: it was sent
    OpenBlock open_;       // at the client, as is the index
    std::uint64_t index_;
    Theirs theirs_ = Theirs::nothing;  // the block that is open at the second server
    std::uint64_t their_index_ = 0;
    bool had_text_ = false;  // which has had one of text
    bool anew_ = false;      // its text goes into another block than the last one
    bool without_thoughts_ = false;
    wire::Usage usage_;  // as the second server reports it
    std::string text_;   // of one event, to be told
};

}  // namespace understudy::proxy::rescue
