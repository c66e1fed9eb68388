// What a whole answer says, in the same few words for each API: text, calls, a refusal, an end that
// was no end. For judging it only; nothing is written from this. Internal to wire.
#pragma once

#include "wire/answer.hpp"

#include <nlohmann/json.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace understudy::wire {

struct SaidCall {
    std::string name;
    nlohmann::json arguments;  // discarded: they are not JSON
    bool free = false;         // a text of any form
};

/// One of the answers to a request; most have one.
struct Said {
    std::string text;
    std::vector<SaidCall> calls;
    bool other = false;     // something else a client asked for: audio, an image, a search
    bool refused = false;   // the model, or a filter behind it, says so itself
    bool cut = false;       // it ended at its limit of tokens
    bool bad_call = false;  // the server says itself that the model failed to call a function

    /// Nothing but white space and thoughts.
    bool empty() const {
        return calls.empty() && !other && !refused &&
               text.find_first_not_of(" \t\r\n") == std::string::npos;
    }
};

/// Of an answer that is one by its shape. Nothing for shapes that are no text.
std::vector<Said> said_in(AnswerShape shape, const nlohmann::json& answer);

}  // namespace understudy::wire
