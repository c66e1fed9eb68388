// A second stream of OpenAI's Responses as the rest of the first one: its text goes on in the
// message that is open, its calls follow as further items, all under the numbers of the one stream,
// and the last event holds the whole answer. Pure.
#pragma once

#include "dialects/value.hpp"
#include "proxy/rescue/continuation.hpp"
#include "proxy/rescue/passage.hpp"
#include "proxy/rescue/responses/transcript.hpp"

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace understudy::proxy::rescue {

class ResponsesContinuation final : public Continuation {
  public:
    /// `transcript` outlives this; what it holds now is what the client has.
    ResponsesContinuation(const ResponsesTranscript& transcript,
                          const ContinuationOptions& options);

    std::uint64_t events() const noexcept override { return sequence_; }
    std::size_t bytes() const noexcept override {
        return passage_.bytes() + response_.size() + said_.capacity() + thoughts_.capacity() +
               kept_;
    }

  private:
    using Value = dialects::Value;
    using Writer = dialects::Writer;

    bool event(std::string_view data, std::string& out) override;
    void goes_on(Value event, std::string_view data, std::string& out);
    void add_item(Value event, std::string_view data, std::string& out);
    void begin_message(std::string& out);
    void item_done(Value event, std::string_view data, std::string& out);
    void end(Value event, std::string& out);
    void write_response(Value theirs, std::string& out);

    bool text(Value content, bool last, std::string& out);
    void tell(std::string& out);
    void open_message(std::string& out);
    void open_part(std::string& out);
    void close_part(std::string& out);
    void close_message(std::string& out);
    void tell_thoughts(std::string& out);
    void pass(Value event, std::uint64_t index, std::string_view data, std::string& out);
    void announce(std::string& out);

    Writer begin(std::string_view type, std::string& out);
    Writer begin_in_part(std::string_view type, std::string& out);
    void keep(std::string json);

    Passage passage_;
    std::string comment_;  // empty: it was sent
    std::string response_;
    std::vector<std::string> items_;  // that are done, of both
    OpenMessage message_;             // at the client, as are the numbers
    std::string said_;                // the text of its open part
    std::uint64_t next_index_;
    std::uint64_t sequence_;
    std::map<std::uint64_t, std::uint64_t> passed_;  // indexes of items: theirs, ours
    std::string their_id_;                           // of the message that they tell
    std::string thoughts_;                           // an item, to be told if a call follows
    bool had_text_ = false;
    bool anew_ = false;  // their text goes into another message than the last one
    bool without_thoughts_ = false;
    std::string text_;  // of one event, to be told
    std::size_t kept_ = 0;
};

}  // namespace understudy::proxy::rescue
