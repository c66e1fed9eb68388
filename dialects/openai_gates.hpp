// What OpenAI's models take and refuse of a request, by family, at chat completions and at
// Responses alike. Rows of data; a model of OpenAI's that is newer than this list counts as the
// newest, and of any other nothing is assumed. Pure.
#pragma once

#include "dialects/talk.hpp"

#include <optional>
#include <string_view>

namespace understudy::dialects {

struct OpenAiGates {
    std::string_view family;     // a part of the model's name, between others
    std::string_view efforts{};  // words of effort that it takes, the least first; "": no thoughts
    bool sampling = false;       // temperature, top_p and the penalties are taken
    bool cool = false;           // the first two are, where it is told not to think
    bool stops = false;          // so are stop sequences
    bool thinks() const { return !efforts.empty(); }
};

/// Of the longest family that is in the model's name; null: it is none of OpenAI's, as far as its
/// name says.
const OpenAiGates* openai_gates_of(std::string_view model);

/// Whether it takes this word of effort; of a model that is not known: any.
bool takes_effort(const OpenAiGates* gates, std::string_view word);

/// Makes of the talk what this model takes: thoughts are wished for in a word that it knows, the
/// one asked for, else the next below it that is any thought, else the least; a word that is
/// another one, and what it refuses and is left out, are named. A problem where it must not be left
/// out.
std::optional<Problem> fit_to_openai(Talk& talk, std::string_view model);

}  // namespace understudy::dialects
