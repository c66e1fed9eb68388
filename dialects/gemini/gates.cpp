#include "dialects/gemini/gates.hpp"

#include "dialects/family.hpp"

#include <array>

namespace understudy::dialects::gemini {
namespace {

using Thinking = Gates::Thinking;

// More than this of a plain answer is refused with 400:
// https://ai.google.dev/gemini-api/docs/generate-content/long-decode
constexpr std::uint64_t kMostAtOnce = 32'768;

// https://ai.google.dev/gemini-api/docs/thinking
constexpr std::uint64_t kFlashBudget = 24'576;
constexpr std::uint64_t kProBudget = 32'768;

constexpr Gates level(std::string_view family, std::string_view least, bool medium = true) {
    Gates gates;
    gates.family = family;
    gates.least_level = least;
    gates.medium = medium;
    return gates;
}

constexpr Gates budget(std::string_view family, std::uint64_t least, std::uint64_t most, bool off) {
    Gates gates;
    gates.family = family;
    gates.thinking = Thinking::budget;
    gates.least_budget = least;
    gates.most_budget = most;
    gates.budget_off = off;
    gates.formatted_calls = false;
    gates.sealed_calls = false;
    gates.pictures_in_results = false;
    return gates;
}

constexpr Gates thoughtless(std::string_view family, bool instructions) {
    Gates gates = budget(family, 0, 0, true);
    gates.thinking = Thinking::none;
    gates.instructions = instructions;
    gates.fetches = false;
    return gates;
}

constexpr Gates newest(std::string_view family) {
    Gates gates;
    gates.family = family;
    gates.most_at_once = kMostAtOnce;
    return gates;
}

constexpr std::array kFamilies{
    newest(""),
    newest("gemini-4"),
    level("gemini-3", "low"),
    level("gemini-3-pro", "low", false),
    level("gemini-3-flash", "minimal"),
    level("gemini-3.1-flash", "minimal"),
    level("gemini-3.5-flash", "minimal"),
    level("gemini-3.6-flash", "minimal"),
    budget("gemini-2.5", 1, kFlashBudget, true),
    budget("gemini-2.5-flash-lite", 512, kFlashBudget, true),
    budget("gemini-2.5-pro", 128, kProBudget, false),
    thoughtless("gemini-2.0", true),
    thoughtless("gemini-1", true),
    thoughtless("gemma", false),
};

}  // namespace

const Gates& gates_of(std::string_view model) {
    return row_about(model, kFamilies, kFamilies.front());
}

}  // namespace understudy::dialects::gemini
