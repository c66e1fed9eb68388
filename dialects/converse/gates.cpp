#include "dialects/converse/gates.hpp"

#include "dialects/family.hpp"

#include <array>

namespace understudy::dialects::converse {
namespace {

// docs.aws.amazon.com/bedrock: conversation-inference-supported-models-features, structured-output,
// prompt-caching, and ToolChoice and ToolResultBlock in the API's reference.
constexpr std::array kFamilies{
    Gates{.family = ""},
    Gates{.family = "anthropic.claude",
          .claude = true,
          .any_tool = true,
          .named_tool = true,
          .result_status = true,
          .cache_points = true},
    Gates{.family = "amazon.nova", .any_tool = true, .named_tool = true, .result_status = true},
    Gates{.family = "mistral.", .any_tool = true, .structured = true},
    Gates{.family = "openai.gpt-oss", .structured = true, .effort = true, .images = false},
    Gates{.family = "qwen.", .structured = true},
    Gates{.family = "deepseek.", .structured = true, .images = false},
    Gates{.family = "google.gemma", .structured = true},
    Gates{.family = "minimax.", .structured = true},
    Gates{.family = "moonshot", .structured = true},
    Gates{.family = "nvidia.", .structured = true},
    Gates{.family = "cohere.", .images = false},
};

}  // namespace

const Gates& gates_of(std::string_view model) {
    return row_about(model, kFamilies, kFamilies.front());
}

}  // namespace understudy::dialects::converse
