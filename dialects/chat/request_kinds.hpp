// The members of a request to /chat/completions that are read, and of what kind each is.
#pragma once

#include "dialects/expected.hpp"

#include <array>
#include <string_view>

namespace understudy::dialects::chat {

// https://platform.openai.com/docs/api-reference/chat/create
inline constexpr std::array kBody{
    Expected{"stream_options", JsonKind::object},
    Expected{"temperature", JsonKind::number},
    Expected{"top_p", JsonKind::number},
    Expected{"top_k", JsonKind::number},
    Expected{"seed", JsonKind::number},
    Expected{"presence_penalty", JsonKind::number},
    Expected{"frequency_penalty", JsonKind::number},
    Expected{"n", JsonKind::number},
    Expected{"tools", JsonKind::array},
    Expected{"parallel_tool_calls", JsonKind::boolean},
    Expected{"response_format", JsonKind::object},
    Expected{"thinking", JsonKind::object},
    Expected{"reasoning", JsonKind::object},
    Expected{"modalities", JsonKind::array},
    Expected{"prompt_cache_key", JsonKind::string},
};
inline constexpr std::array kMessage{
    Expected{"role", JsonKind::string},          Expected{"tool_call_id", JsonKind::string},
    Expected{"tool_calls", JsonKind::array},     Expected{"refusal", JsonKind::string},
    Expected{"cache_control", JsonKind::object},
};
// Members of a message that are read. Any other is lost.
inline constexpr std::array<std::string_view, 12> kMembers{
    "role",          "content",           "name",          "tool_calls",
    "tool_call_id",  "refusal",           "function_call", "audio",
    "cache_control", "reasoning_content", "reasoning",     "thinking_blocks",
};
// Of parts of any type that hold no media.
inline constexpr std::array kPart{
    Expected{"refusal", JsonKind::string},
    Expected{"tool_use_id", JsonKind::string},
    Expected{"is_error", JsonKind::boolean},
    Expected{"cache_control", JsonKind::object},
};
inline constexpr std::array kCall{
    Expected{"id", JsonKind::string},
    Expected{"type", JsonKind::string},
    Expected{"function", JsonKind::object},
    Expected{"custom", JsonKind::object},
    Expected{"cache_control", JsonKind::object},
};
// Inside of a tool and of a call.
inline constexpr std::array kFunction{
    Expected{"name", JsonKind::string},          Expected{"description", JsonKind::string},
    Expected{"parameters", JsonKind::object},    Expected{"strict", JsonKind::boolean},
    Expected{"input", JsonKind::string},         Expected{"input_schema", JsonKind::object},
    Expected{"cache_control", JsonKind::object},
};
inline constexpr std::array kTool{
    Expected{"type", JsonKind::string},        Expected{"function", JsonKind::object},
    Expected{"custom", JsonKind::object},      Expected{"strict", JsonKind::boolean},
    Expected{"inputSchema", JsonKind::object}, Expected{"cache_control", JsonKind::object},
};
// Of `response_format`: the object that has the schema, or the format itself.
inline constexpr std::array kSchema{
    Expected{"name", JsonKind::string},
    Expected{"schema", JsonKind::object},
    Expected{"strict", JsonKind::boolean},
};
// As OpenRouter has it, and /responses.
inline constexpr std::array kReasoning{
    Expected{"effort", JsonKind::string},   Expected{"max_tokens", JsonKind::number},
    Expected{"enabled", JsonKind::boolean}, Expected{"exclude", JsonKind::boolean},
    Expected{"summary", JsonKind::string},
};
inline constexpr std::array kThinking{
    Expected{"type", JsonKind::string},
    Expected{"budget_tokens", JsonKind::number},
};

}  // namespace understudy::dialects::chat
