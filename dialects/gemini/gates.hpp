// What Google's models take and refuse, by family. Rows of data; a model that is newer than this
// list, or is called by a name that moves, counts as the newest. Pure.
#pragma once

#include <cstdint>
#include <string_view>

namespace understudy::dialects::gemini {

struct Gates {
    enum class Thinking : std::uint8_t { none, budget, level };

    std::string_view family;  // a part of the model's name
    Thinking thinking = Thinking::level;
    std::uint64_t least_budget = 0;  // tokens; of those that are told a number
    std::uint64_t most_budget = 0;   // tokens
    bool budget_off = false;         // thinkingBudget 0 is taken, and stops it
    std::string_view least_level = "low";
    bool medium = true;               // the level of that name
    bool instructions = true;         // systemInstruction
    bool formatted_calls = true;      // tools beside responseMimeType
    bool sealed_calls = true;         // a call in the history needs a thoughtSignature
    bool pictures_in_results = true;  // functionResponse.parts
    bool fetches = true;              // fileUri of any public https URL
    std::uint64_t most_at_once = 0;   // tokens of an answer that is no stream; 0: as of a stream
};

/// Of the longest family whose name is part of the model's; of none, the newest's.
const Gates& gates_of(std::string_view model);

}  // namespace understudy::dialects::gemini
