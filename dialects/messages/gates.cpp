#include "dialects/messages/gates.hpp"

#include "dialects/family.hpp"

#include <array>

namespace understudy::dialects::messages {
namespace {

// platform.claude.com/docs: models overview, migration guides and what's new of each, extended
// thinking, structured outputs; vercel/ai packages/anthropic getModelCapabilities. That prefill is
// refused from 4.6 on: github.com/sst/opencode/issues/14772, strands-agents/sdk-python#1694.
constexpr std::array kFamilies{
    Gates{.family = "opus-5-5", .forced_tools = false, .no_thinking = ""},
    Gates{.family = "fable-5-1", .forced_tools = false, .no_thinking = ""},
    Gates{.family = "mythos-5-1", .forced_tools = false, .no_thinking = ""},
    Gates{.family = "sonnet-5-5", .forced_tools = false, .no_thinking = "between_tools"},
    Gates{.family = "haiku-5-5"},
    Gates{.family = "opus-5"},
    Gates{.family = "opus-4-8"},
    Gates{.family = "opus-4-7"},
    Gates{.family = "fable-5"},
    Gates{.family = "mythos-5"},
    Gates{.family = "sonnet-5"},
    Gates{.family = "opus-4-6", .sampling = true, .xhigh = false},
    Gates{.family = "sonnet-4-6", .max_output = 64'000, .sampling = true, .xhigh = false},
    Gates{.family = "opus-4-5",
          .max_output = 64'000,
          .adaptive = false,
          .sampling = true,
          .xhigh = false,
          .prefill = true},
    Gates{.family = "sonnet-4-5",
          .max_output = 64'000,
          .adaptive = false,
          .sampling = true,
          .xhigh = false,
          .prefill = true},
    Gates{.family = "haiku-4-5",
          .max_output = 64'000,
          .adaptive = false,
          .sampling = true,
          .xhigh = false,
          .prefill = true},
    Gates{.family = "opus-4-1",
          .max_output = 32'000,
          .adaptive = false,
          .sampling = true,
          .xhigh = false,
          .prefill = true},
    Gates{.family = "sonnet-4-",
          .max_output = 64'000,
          .structured = false,
          .adaptive = false,
          .sampling = true,
          .xhigh = false,
          .prefill = true},
    Gates{.family = "opus-4-",
          .max_output = 32'000,
          .structured = false,
          .adaptive = false,
          .sampling = true,
          .xhigh = false,
          .prefill = true},
    Gates{.family = "claude-3-7",
          .max_output = 64'000,
          .structured = false,
          .adaptive = false,
          .sampling = true,
          .xhigh = false,
          .prefill = true},
    Gates{.family = "claude-3-5",
          .max_output = 8'192,
          .structured = false,
          .thinks = false,
          .adaptive = false,
          .sampling = true,
          .xhigh = false,
          .prefill = true},
    Gates{.family = "claude-3-",
          .max_output = 4'096,
          .structured = false,
          .thinks = false,
          .adaptive = false,
          .sampling = true,
          .xhigh = false,
          .prefill = true},
};

constexpr Gates kNewest{.family = ""};

}  // namespace

const Gates& gates_of(std::string_view model) {
    return row_about(model, kFamilies, kNewest);
}

}  // namespace understudy::dialects::messages
