// What Anthropic's models take and refuse, by family. Rows of data; a model that is newer than this
// list counts as the newest.
#pragma once

#include <cstdint>
#include <string_view>

namespace understudy::dialects::messages {

struct Gates {
    std::string_view family;             // a part of the model's name
    std::uint64_t max_output = 128'000;  // tokens
    bool structured = true;              // output_config.format
    bool thinks = true;                  // where it is asked to
    bool adaptive = true;                // thinking:{type:adaptive} and output_config.effort
    bool sampling = false;               // temperature, top_p and top_k are taken
    bool xhigh = true;                   // the effort of that name
    bool prefill = false;                // a last turn of the assistant is continued
    bool forced_tools = true;            // tool_choice any and tool
    /// How thinking is asked to stay away: "disabled", another type, or "" where it cannot be.
    std::string_view no_thinking = "disabled";
    /// It can be told not to think at all.
    bool can_rest() const { return no_thinking == "disabled"; }
};

/// Of the longest family whose name is part of the model's; of none, the newest's.
const Gates& gates_of(std::string_view model);

}  // namespace understudy::dialects::messages
