// What the models behind Bedrock's Converse take and refuse, by family. Rows of data; a model of no
// family takes words and tools. Pure.
#pragma once

#include <string_view>

namespace understudy::dialects::converse {

struct Gates {
    std::string_view family;     // a part of the model's name
    bool claude = false;         // and what Anthropic's own table says of it holds (messages/gates)
    bool any_tool = false;       // toolChoice any
    bool named_tool = false;     // toolChoice tool
    bool result_status = false;  // toolResult.status
    bool cache_points = false;   // cachePoint
    bool structured = false;     // outputConfig.textFormat; of Claude the other table says it
    bool effort = false;         // reasoning_effort among the fields of the model's own
    bool images = true;
};

/// Of the longest family whose name is part of the model's.
const Gates& gates_of(std::string_view model);

}  // namespace understudy::dialects::converse
