// The members of a request to /v1/messages that are read, and of what kind each is.
#pragma once

#include "dialects/expected.hpp"

#include <array>
#include <string_view>

namespace understudy::dialects::messages {

// https://platform.claude.com/docs/en/api/messages
inline constexpr std::array kBody{
    Expected{"temperature", JsonKind::number},   Expected{"top_p", JsonKind::number},
    Expected{"top_k", JsonKind::number},         Expected{"stop_sequences", JsonKind::array},
    Expected{"tools", JsonKind::array},          Expected{"thinking", JsonKind::object},
    Expected{"output_config", JsonKind::object}, Expected{"output_format", JsonKind::object},
    Expected{"metadata", JsonKind::object},
};
inline constexpr std::array kMetadata{Expected{"user_id", JsonKind::string}};
// Of blocks of any type.
inline constexpr std::array kBlock{
    Expected{"cache_control", JsonKind::object}, Expected{"title", JsonKind::string},
    Expected{"context", JsonKind::string},       Expected{"tool_use_id", JsonKind::string},
    Expected{"is_error", JsonKind::boolean},     Expected{"thinking", JsonKind::string},
    Expected{"signature", JsonKind::string},     Expected{"tool_name", JsonKind::string},
};
inline constexpr std::array kTool{
    Expected{"type", JsonKind::string},        Expected{"name", JsonKind::string},
    Expected{"description", JsonKind::string}, Expected{"input_schema", JsonKind::object},
    Expected{"strict", JsonKind::boolean},     Expected{"cache_control", JsonKind::object},
    Expected{"function", JsonKind::object},    Expected{"parameters", JsonKind::object},
};
inline constexpr std::array kChoice{
    Expected{"name", JsonKind::string},
    Expected{"disable_parallel_tool_use", JsonKind::boolean},
};
inline constexpr std::array kThinking{
    Expected{"type", JsonKind::string},
    Expected{"budget_tokens", JsonKind::number},
    Expected{"display", JsonKind::string},
};
inline constexpr std::array kOutput{
    Expected{"effort", JsonKind::string},
    Expected{"format", JsonKind::object},
};
// Types of blocks that are read: one of them in a wrong place is wrong, any other is its own
// provider's.
inline constexpr std::array<std::string_view, 9> kBlockTypes{
    "text",        "image",    "document",          "search_result",  "tool_use",
    "tool_result", "thinking", "redacted_thinking", "tool_reference",
};

}  // namespace understudy::dialects::messages
