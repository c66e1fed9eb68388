// The transcript of a streamed answer of OpenAI's Responses: its text, the items that are done, and
// what is open of the one that is told. Pure.
#pragma once

#include "dialects/value.hpp"
#include "proxy/rescue/transcript.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace understudy::proxy::rescue {

/// A message that the client has the beginning of.
struct OpenMessage {
    enum class Stage : std::uint8_t {
        none,
        item,  // announced, and no part of it is open
        part,  // text goes into it
        said,  // all of its text has been said once more, and the part is still to be closed
    };
    Stage stage = Stage::none;
    std::string item;         // as it was announced: JSON
    std::string id;           // the inside of a string
    std::uint64_t index = 0;  // output_index
    std::size_t from = 0;     // where the text of its open part begins in that of the transcript
    std::vector<std::string> parts;  // that are done: JSON
};

class ResponsesTranscript final : public Transcript {
  public:
    explicit ResponsesTranscript(std::size_t most_bytes = kMostBytes) : Transcript(most_bytes) {}

    /// The Response as the stream's first event has it: JSON.
    const std::string& response() const noexcept { return response_; }
    /// Items that are done: JSON.
    const std::vector<std::string>& items() const noexcept { return items_; }
    const OpenMessage& message() const noexcept { return message_; }
    std::uint64_t next_index() const noexcept { return next_index_; }
    std::uint64_t next_sequence() const noexcept { return next_sequence_; }

    std::string failed(std::string_view error) const override;

    std::size_t bytes() const noexcept override { return Transcript::bytes() + kept_; }

  private:
    using Value = dialects::Value;

    bool observe(const wire::SseEvent& event) override;
    void forget() override;
    void keep_front_only();
    bool needs_all() const override { return forgot_ ? !began_ : !response_.empty() && !over_; }
    void note_item(Value item, std::uint64_t index);
    void note_item_done(Value item);
    void note_part(Value part);
    void note_text(Value data);
    void note(Value data);
    bool note_end(Value type);
    std::string keep(Value value);
    void write_open(dialects::Writer& to) const;

    std::string response_;
    std::vector<std::string> items_;
    OpenMessage message_;
    std::uint64_t next_index_ = 0;
    std::uint64_t next_sequence_ = 0;
    std::size_t kept_ = 0;  // bytes of JSON
    bool began_ = false;    // its first event has come
    bool forgot_ = false;   // all but how it began
    bool over_ = false;
};

}  // namespace understudy::proxy::rescue
