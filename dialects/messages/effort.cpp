#include "dialects/messages/effort.hpp"

#include <algorithm>

namespace understudy::dialects::messages {

std::uint64_t budget_of(const Effort& effort, std::uint64_t max_output) {
    constexpr std::uint64_t kLeastBudget = 1024;
    if (effort.budget) return std::max(*effort.budget, kLeastBudget);
    const auto& word = effort.word;
    if (word == "minimal") return kLeastBudget;
    if (word == "low") return 4096;
    if (word == "medium") return 10'000;
    if (word == "high") return 24'000;
    return max_output / 2;
}

std::string_view effort_of(const Effort& effort, const Gates& gates) {
    const auto& word = effort.word;
    if (word.empty()) {
        const auto budget = effort.budget.value_or(0);
        return budget < 2048 ? "low" : budget < 8192 ? "medium" : "high";
    }
    if (word == "minimal" || word == "none") return "low";
    if (word == "xhigh") return gates.xhigh ? "xhigh" : "max";
    return word;
}

}  // namespace understudy::dialects::messages
