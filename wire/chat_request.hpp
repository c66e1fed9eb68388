// What of a chat request decides whether its broken answer may be continued by another server, and
// where in its body a continuation is asked for. Pure; one more walk over the messages, done only
// when a stream has broken.
#pragma once

#include "wire/request_body.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace understudy::wire {

/// The message at the end of the conversation. Offsets into the body.
struct LastMessage {
    Span object;  // braces included; empty: there is none
    bool assistant = false;
    Span content;  // value
    JsonKind content_kind = JsonKind::null;
    std::size_t parts_end = 0;  // of a list: behind its last part; 0: it has none
    Span flag;                  // value of a member that makes it a prefill (`prefix`, `partial`)
};

struct TokenCap {
    Span value;
    std::uint64_t tokens = 0;
};

/// Offsets into the body; empty spans: not there.
struct ChatRequest {
    bool conversation = false;     // `messages` is there once, as a list
    bool one_choice = true;        // `n` is absent, null or 1
    bool logprobs = false;         // asked for
    bool tools = false;            // offered, in either form
    bool schema = false;           // a format other than text is demanded, in any server's way
    bool audio = false;            // an answer that is not only text
    bool has_messages = false;     // the list is not empty
    std::size_t messages_end = 0;  // where another message goes: behind the last one, or behind '['
    LastMessage last;
    std::size_t members_end = 0;  // behind the last member of the body
    Span continue_final_message;  // value (vLLM, SGLang, llama.cpp)
    Span add_generation_prompt;   // value
    std::optional<TokenCap> max_tokens, max_completion_tokens;  // numbers
};

/// `facts` are those of `body`. A body that is no JSON object has no conversation.
ChatRequest read_chat_request(std::string_view body, const RequestFacts& facts);

}  // namespace understudy::wire
