// One event of a streamed chat answer, taken apart: where its members are, so that another stream's
// event can be made of it, and what of the answer it carries. answer.hpp judges events; this one is
// for the few routes whose broken streams are continued, and knows where things stand.
//
// A walk without a tree; the lists are reused from event to event.
#pragma once

#include "wire/json_scan.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace understudy::wire {

/// What a member of a delta is to a reader of the answer.
enum class DeltaPart : std::uint8_t {
    bare,       // says nothing: an id, a name, null, an empty text
    role,       // who speaks
    text,       // the answer's text: `content`, a string or a list of parts
    reasoning,  // what the model thinks, under any of its names
    tool_call,  // tool_calls, function_call
    other,      // anything else that is not empty: a refusal, audio, annotations ...
};

struct DeltaMember {
    DeltaPart part = DeltaPart::bare;
    JsonMember at;  // offsets into the event's data
};

/// Offsets are those of the data it was read from; an empty span means that it is not there.
struct ChatChunk {
    Span object;                      // braces included
    std::vector<JsonMember> members;  // of the outermost object
    Span id, created, model;          // values
    Span system_fingerprint;          // value
    Span service_tier;                // value
    bool error = false;               // an `error` member that says something
    std::size_t choices = 0;          // how many
    bool other_choice = false;        // one with an index above 0
    Span delta;                       // of the first choice; braces included
    std::vector<DeltaMember> parts;   // of that delta
    bool logprobs = false;            // it has some
    Span finish_reason;               // value, when it is a text that is not empty
    std::vector<Span> usages;         // usage objects: at the top, in the choice, in x_groq

    bool has(DeltaPart part) const noexcept;
    /// Carries something that a reader sees.
    bool content() const noexcept;
    std::string_view key(const JsonMember& member, std::string_view data) const {
        return member.key.of(data).substr(1, member.key.size() - 2);
    }
};

/// False when `data` is not one well-formed JSON object; `chunk` then means nothing.
bool read_chunk(std::string_view data, ChatChunk& chunk);

/// Appends the text of a `text` or `reasoning` member's value: a string, or a list of typed parts
/// (Mistral: {"type":"text","text":...} and {"type":"thinking","thinking":[...]}). What is thought
/// goes to `reasoning`. Exactly, as append_exactly().
void append_part(std::string_view value, bool is_reasoning, std::string& text,
                 std::string& reasoning);

/// Whether `data` is the end marker of a stream.
bool is_done_event(std::string_view data) noexcept;

}  // namespace understudy::wire
